"""One call to a node, and what fleet, tally and trace learn from it; whose fault it was is for others."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pixfarm.errors import (
    AnswerLate,
    AnswerLost,
    FailureCode,
    ForeignPeer,
    InvalidRequest,
    RejectReason,
    TaskFailed,
    TaskRejected,
    Unreachable,
)
from pixfarm.fleet import Fleet
from pixfarm.flight import Flight
from pixfarm.model import JobSpec, Machine, Strategy, Task, TaskResult
from pixfarm.tally import Tally
from pixfarm.trace import Trace

_log = logging.getLogger(__name__)

Send = Callable[[Machine, Task, Strategy], TaskResult]


class Outcome(StrEnum):
    """What a call came to."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    BROKEN = "lost"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call came to; beside the outcome only what belongs to it is set.

    Args:
        outcome: the kind of answer.
        node: who gave it, or did not.
        seconds: from question to answer.
        result: DONE.
        failure: FAILED.
        is_credible: FAILED: whether it speaks against the image.
        reason: REFUSED.
        message: BROKEN and FOREIGN: what happened.
        ticket: BROKEN: for Fleet.verdict().
        is_late: BROKEN: because the time was up.
    """

    outcome: Outcome
    node: str
    seconds: float
    result: TaskResult | None = None
    failure: TaskFailed | None = None
    is_credible: bool = True
    reason: RejectReason = RejectReason.LOAD
    message: str = ""
    ticket: int = 0
    is_late: bool = False


class Calls:
    """Calls nodes for the images of one job, from many threads.

    Args:
        spec: the job.
        fleet: the nodes.
        send: has one image done by a node; raises what wire.NodeCaller.call raises.
        tally: where calls are counted.
        trace: where they are written.
    """

    def __init__(self, spec: JobSpec, fleet: Fleet, send: Send, tally: Tally, trace: Trace) -> None:
        self._spec = spec
        self._fleet = fleet
        self._send = send
        self._tally = tally
        self._trace = trace

    def ask(self, machine: Machine, task: Task, flight: Flight) -> Answer:
        """Sends an image to a node that has a place reserved for it; gives the place back."""
        where = {"job": self._spec.job_id, "image": task.filename, "node": machine.name,
                 "attempt": task.attempt_id}  # fmt: skip
        self._trace("sent", **where)
        with flight.call(task.attempt_id, machine):
            answer = self._answer(machine, task)
        code = str(answer.failure.code) if answer.failure else ""
        self._trace("answer", **where, outcome=answer.outcome, code=code)
        if answer.outcome is Outcome.REFUSED:
            self._tally.refused(machine.name)
        elif answer.outcome in {Outcome.FAILED, Outcome.BROKEN, Outcome.FOREIGN}:
            self._tally.call_failed(machine.name)
        _log.debug("job %s: %r with %s: %s %s in %.3f s", self._spec.job_id, task.filename, machine.name,
                   answer.outcome, code, answer.seconds)  # fmt: skip
        return answer

    def _answer(self, machine: Machine, task: Task) -> Answer:
        sent_at = time.monotonic()

        def answer(outcome: Outcome, **facts: object) -> Answer:
            seconds = time.monotonic() - sent_at
            return Answer(outcome=outcome, node=machine.name, seconds=seconds, **facts)  # type: ignore[arg-type]

        try:
            result = self._send(machine, task, self._spec.strategy)
        except TaskRejected as rejection:
            self._fleet.refused(machine, rejection)
            return answer(Outcome.REFUSED, reason=rejection.reason)
        except (TaskFailed, InvalidRequest) as error:
            failure = _failure_of(error)
            is_credible = self._fleet.failed(machine, failure, task.place)
            return answer(Outcome.FAILED, failure=failure, is_credible=is_credible)
        except Unreachable as error:
            self._fleet.unreachable(machine, str(error))
            return answer(Outcome.UNREACHABLE)
        except AnswerLost as error:
            ticket = self._fleet.broken(machine)
            is_late = isinstance(error, AnswerLate)
            return answer(Outcome.BROKEN, message=str(error), ticket=ticket, is_late=is_late)
        except ForeignPeer as error:
            self._fleet.foreign(machine, str(error))
            return answer(Outcome.FOREIGN, message=str(error))
        except Exception as error:  # a bug must not cost the node a place for ever
            failure = TaskFailed(FailureCode.INTERNAL, f"a bug in the server: {error!r}")
            self._fleet.failed(machine, failure, task.place)
            raise
        done = answer(Outcome.DONE, result=result)
        self._fleet.done(machine, done.seconds, task.place)
        return done


def _failure_of(error: TaskFailed | InvalidRequest) -> TaskFailed:
    if isinstance(error, TaskFailed):
        return error
    # The server has listed the directory, so it is this node that does not see it.
    return TaskFailed(FailureCode.NOT_FOUND, f"the node says: {error}")
