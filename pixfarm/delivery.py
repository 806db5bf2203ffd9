"""One image's way: to a node, to another when that one refuses or is lost, until it is done or given up."""

import itertools
import logging
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from pixfarm.errors import (
    AnswerLost,
    FailureCode,
    ForeignPeer,
    InvalidRequest,
    TaskFailed,
    TaskRejected,
    Unreachable,
)
from pixfarm.fleet import Fleet, Place
from pixfarm.model import DEFAULT_TIMEOUT_S, Failure, JobSpec, Machine, Strategy, Task, TaskResult
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.backoff import sweep_pause_s
from pixfarm.tally import Tally

_log = logging.getLogger(__name__)

Call = Callable[[Machine, Task, Strategy], TaskResult]


@dataclass(frozen=True, slots=True)
class Brakes:
    """How a job stops its images.

    Args:
        check: raises GaveUp when the job has stopped.
        pause: waits that many seconds, or until the job stops.
        since: clock time from which the wait for a usable node counts.
    """

    check: Callable[[], None]
    pause: Callable[[float], None]
    since: float


class Delivery:
    """Delivers the images of one job; deliver() is called from many threads.

    Args:
        spec: the job.
        fleet: the nodes.
        call: has one image done by a node; raises what wire.NodeCaller.call raises.
        tally: where results are counted.
        rng: source of chance.
    """

    def __init__(self, spec: JobSpec, fleet: Fleet, call: Call, tally: Tally, rng: random.Random) -> None:
        self._spec = spec
        self._fleet = fleet
        self._call = call
        self._tally = tally
        self._rng = rng
        # Names temporary files, so no two jobs and no two servers may share it.
        self._token = uuid.uuid4().hex
        self._numbers = itertools.count(1)
        self._blind: set[str] = set()

    def deliver(self, filename: str, brakes: Brakes) -> None:
        """Carries one image to its end, which is counted in the tally.

        Raises:
            GaveUp: the job stopped before a node took the image; nothing is counted.
        """
        if not _is_sendable(filename):
            self._tally.failed(_unsendable(filename))
            return
        attempts = Attempts()
        while True:
            place = self._fleet.reserve(self._spec.strategy, attempts, brakes.since, brakes.check)
            if place is None:
                brakes.pause(sweep_pause_s(attempts.on_sweep_end(), self._rng))
                continue
            try:
                if self._is_done_on(place, filename, attempts):
                    return
            except TaskFailed as failure:
                _log.error("job %s: %r given up: %s", self._spec.job_id, filename, failure)
                self._tally.failed(Failure(filename, failure.code, failure.message, place.machine.name))
                return

    def _is_done_on(self, place: Place, filename: str, attempts: Attempts) -> bool:
        """Whether a node did the image; False means that it is worth another try.

        Raises:
            TaskFailed: the image is given up.
        """
        machine = place.machine
        sent_at = time.monotonic()
        try:
            self._call(machine, self._task(filename, place), self._spec.strategy)
        except TaskRejected as rejection:
            self._fleet.refused(machine, rejection)
            self._tally.refused(machine.name)
            _log.debug("job %s: %s refused %r", self._spec.job_id, machine.name, filename)
            _raise_if_given_up(attempts.on_refused(machine.name))
        except (TaskFailed, InvalidRequest) as error:
            self._fleet.failed(machine)
            failure = _failure_of(error)
            self._warn_of_blindness(machine, filename, failure)
            self._on_fault(machine, attempts.on_failed(machine.name, failure))
        except Unreachable as error:
            self._fleet.lost(machine, str(error))  # nothing was sent: free of charge for the image
        except AnswerLost as error:
            self._fleet.lost(machine, str(error))
            self._on_fault(machine, attempts.on_node_lost(machine.name))
        except ForeignPeer as error:
            self._fleet.foreign(machine, str(error))
            self._on_fault(machine, attempts.on_node_lost(machine.name))
        except Exception:
            self._fleet.failed(machine)  # a bug must not cost the node a place for ever
            raise
        else:
            seconds = time.monotonic() - sent_at
            self._fleet.done(machine, seconds)
            self._tally.done(machine.name, seconds)
            _log.debug("job %s: %s did %r in %.3f s", self._spec.job_id, machine.name, filename, seconds)
            return True
        return False

    def _on_fault(self, machine: Machine, given_up: TaskFailed | None) -> None:
        self._tally.call_failed(machine.name)
        _raise_if_given_up(given_up)
        self._tally.retried()

    def _warn_of_blindness(self, machine: Machine, filename: str, failure: TaskFailed) -> None:
        """Says once for each node that it misses what the server has listed: a share that is not mounted."""
        if failure.code is FailureCode.NOT_FOUND and machine.name not in self._blind:
            self._blind.add(machine.name)
            _log.warning(
                "job %s: %s does not find %r; does it see the same files under %s?",
                *(self._spec.job_id, machine, filename, self._spec.base_path),
            )

    def _task(self, filename: str, place: Place) -> Task:
        return Task(
            base_path=self._spec.base_path,
            filename=filename,
            attempt_id=f"{self._token}-{next(self._numbers)}",
            timeout_s=DEFAULT_TIMEOUT_S,
            # A worker may have another image to finish first, and a second for the way there and back.
            patience_s=2 * DEFAULT_TIMEOUT_S + place.delay_s + 1.0,
        )


def _failure_of(error: TaskFailed | InvalidRequest) -> TaskFailed:
    if isinstance(error, TaskFailed):
        return error
    # The server has listed the directory, so it is this node that does not see it.
    return TaskFailed(FailureCode.NOT_FOUND, f"the node says: {error}")


def _raise_if_given_up(given_up: TaskFailed | None) -> None:
    if given_up is not None:
        raise given_up


def _is_sendable(filename: str) -> bool:
    try:
        filename.encode()
    except UnicodeEncodeError:  # os.scandir keeps foreign bytes as lone surrogates
        return False
    return True


def _unsendable(filename: str) -> Failure:
    shown = filename.encode(errors="backslashreplace").decode()
    return Failure(shown, FailureCode.BAD_NAME, "the file name is not UTF-8; rename the file")
