"""One image's way: to a node, to another when that one refuses or fails, until it is done or given up."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from pixfarm.asking import Asking
from pixfarm.calls import Answer, Outcome
from pixfarm.code_nodes import CodeNodes
from pixfarm.control import Brakes
from pixfarm.errors import FailureCode, PixfarmError, StateUnusable, TaskFailed
from pixfarm.fleet import Fleet
from pixfarm.flight import Flight
from pixfarm.ledger import Ledger
from pixfarm.model import JobSpec, Machine, TaskResult
from pixfarm.names import refuse_unsendable
from pixfarm.scheduling import backoff
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.node import Place
from pixfarm.tally import Tally

_log = logging.getLogger(__name__)
_COPY_PAUSE_S = 0.1
# A file that somebody changes is incomplete while it is being written.
_FILE_IS_SAVED_S = 1.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a delivery needs beside its job.

    Args:
        fleet: the nodes.
        lives: whether the node of a broken call lives, as Watch.lives.
        is_there: whether the server itself sees the source of an image.
        rng: source of chance.
    """

    fleet: Fleet
    lives: Callable[[Machine, int], bool]
    is_there: Callable[[str], bool]
    rng: random.Random


class _IsOver(PixfarmError):
    """Another node's copy was faster."""


class Delivery:
    """Delivers the images of one job; its methods are called from many threads.

    Args:
        spec: the job.
        around: what it works with.
        asking: asks nodes for its images.
        ledger: where the ends of images are noted.
        tally: where retries are counted.
    """

    def __init__(
        self, spec: JobSpec, around: Surroundings, asking: Asking, ledger: Ledger, tally: Tally
    ) -> None:
        self._spec = spec
        self._around = around
        self._asking = asking
        self._ledger = ledger
        self._tally = tally
        self._code_nodes = CodeNodes(spec, around.fleet.snapshot)
        self._blind: set[str] = set()
        self._are_all_blind = False

    def deliver(self, flight: Flight, brakes: Brakes) -> None:
        """Carries one image to its end, which is noted in the ledger.

        Raises:
            GaveUp: the job stopped before a node took the image, or none has its code; nothing is noted.
        """
        try:
            refuse_unsendable(flight.filename)
        except TaskFailed as why:
            self._give_up(flight, why)
            return
        flight.attempts.avoid |= self._code_nodes.lacking()

        def check() -> None:
            brakes.check()
            if flight.is_over:
                raise _IsOver

        try:
            while not self._is_ended_by(flight, Brakes(check, brakes.pause, brakes.since)):
                pass
        except _IsOver:
            _log.debug("job %s: a copy of %r was faster", self._spec.job_id, flight.filename)

    def overdue_s(self) -> float:
        """The age in seconds from which a call, at the end of the job, is worth a copy."""
        return self._asking.overdue_s()

    @property
    def doubtful(self) -> list[tuple[str, str]]:
        """Attempts that may have left a temporary file: result and attempt id."""
        return self._asking.doubtful

    def place_for_copy(self, flight: Flight) -> Place | None:
        """A place on an idle node for a copy of a late image, to be given to copy(); or None."""
        late = flight.calls()[:1]
        return self._around.fleet.reserve_idle(flight.attempts, late[0].machine) if late else None

    def copy(self, flight: Flight, place: Place, brakes: Brakes) -> None:
        """Sends a late image to an idle node, too; the first result ends it.

        To another idle node when that one refuses or cannot be reached, for as long as the image is late. A
        node that took it and did not do it is the last: the image may be to blame.

        Raises:
            GaveUp: the job stopped before a node took the image.
        """
        attempts = Attempts(self._spec.place, avoid=set(flight.attempts.avoid))
        while True:  # a place that is taken must be used: only that gives it back
            answer = self._asking.ask(place, flight)
            if answer.outcome is Outcome.DONE:
                self._end_as_done(flight, answer)
            if answer.outcome in {Outcome.DONE, Outcome.FAILED, Outcome.BROKEN}:
                return
            if answer.outcome is Outcome.REFUSED:
                attempts.on_refused(answer.node, answer.reason)
            else:
                attempts.avoid.add(answer.node)
            next_place = self._next_place_for_copy(flight, attempts, brakes)
            if next_place is None:
                return
            place = next_place

    def _next_place_for_copy(self, flight: Flight, attempts: Attempts, brakes: Brakes) -> Place | None:
        while not flight.is_over and (late := flight.calls()):
            brakes.check()
            place = self._around.fleet.reserve_idle(attempts, late[0].machine)
            if place is not None:
                return place
            attempts.on_sweep_end()
            brakes.pause(_COPY_PAUSE_S)
        return None  # its first call has been answered meanwhile

    def _is_ended_by(self, flight: Flight, brakes: Brakes) -> bool:
        """Whether another try brought the image to its end."""
        attempts = flight.attempts
        fleet = self._around.fleet
        place = fleet.reserve(self._spec.strategy, attempts, brakes.since, brakes.check)
        if place is None:
            brakes.pause(backoff.sweep_pause_s(attempts.on_sweep_end(), self._around.rng))
            return False
        answer = self._asking.ask(place, flight)
        if answer.outcome is Outcome.DONE:
            self._end_as_done(flight, answer)
            return True
        if answer.outcome is Outcome.UNREACHABLE:
            return False  # nothing was sent: free of charge for the image
        if answer.outcome is Outcome.REFUSED:
            given_up = attempts.on_refused(answer.node, answer.reason)
        else:
            given_up = self._blame(flight, place.machine, answer)
        if given_up is not None:
            if given_up.code is FailureCode.NO_CODE and self._code_may_be_there(attempts, brakes):
                return False
            self._give_up(flight, given_up, answer.node)
            return True
        if answer.outcome is not Outcome.REFUSED:
            self._tally.retried()
            self._wait_before_retry(answer, attempts, brakes)
        return False

    def _code_may_be_there(self, attempts: Attempts, brakes: Brakes) -> bool:
        """Whether to ask once more for a function that no node had; waits for it to be there."""
        fleet = self._around.fleet
        if attempts.lacking_since is None:
            attempts.lacking_since = fleet.now()
            brakes.pause(_FILE_IS_SAVED_S)
            return True
        until = attempts.lacking_since + fleet.no_node_timeout_s

        def rest(seconds: float) -> None:
            brakes.check()
            brakes.pause(seconds)

        return self._code_nodes.come_back(lambda: fleet.now() < until, rest)

    def _blame(self, flight: Flight, machine: Machine, answer: Answer) -> TaskFailed | None:
        """Finds out whose fault it was; returns why to give the image up, or None."""
        attempts = flight.attempts
        if answer.failure is not None:
            return self._on_failed(flight, answer, answer.failure)
        if answer.outcome is Outcome.FOREIGN:
            return attempts.on_node_fault(answer.node, answer.message)
        lives = self._around.lives(machine, answer.ticket)
        is_suspect = lives and answer.is_late
        return attempts.on_broken_call(answer.node, answer.message, is_suspect=is_suspect)

    def _on_failed(self, flight: Flight, answer: Answer, failure: TaskFailed) -> TaskFailed | None:
        node, now = answer.node, self._around.fleet.now()
        self._code_nodes.note(node, failure)
        given_up = flight.attempts.on_failed(node, failure, now, is_credible=answer.is_credible)
        if failure.code is not FailureCode.NOT_FOUND:
            return given_up
        if not self._around.is_there(flight.filename):
            return TaskFailed(failure.code, "was listed, and is not there any more")
        self._warn_of_blindness(node, flight.filename)
        if given_up is None and self._are_all_blind and flight.attempts.missing > 1:
            return failure  # an earlier image was waited for, in vain, and none has been done since
        self._are_all_blind = given_up is not None or self._are_all_blind
        return given_up

    def _wait_before_retry(self, answer: Answer, attempts: Attempts, brakes: Brakes) -> None:
        if answer.outcome is Outcome.BROKEN:
            while wait_s := self._around.fleet.take_retry():
                brakes.check()
                brakes.pause(wait_s)
        elif answer.failure is not None and answer.failure.code is FailureCode.NOT_FOUND:
            brakes.pause(backoff.lag_pause_s(attempts.missing))

    def _end_as_done(self, flight: Flight, answer: Answer) -> None:
        assert answer.result is not None
        self._are_all_blind = False
        with flight.end() as is_first:
            if is_first:
                self._around.fleet.disproved(flight.attempts.failed_on - {answer.node})
                self._asking.doubt_calls_of(flight)
                record = self._ledger.done(
                    flight.filename, flight.attempts, answer.node, answer.seconds, answer.result
                )
                flight.done = (record, answer.result)
            else:
                self._note_replacement(flight, answer.result)

    def _note_replacement(self, flight: Flight, later: TaskResult) -> None:
        if flight.done is None:
            return  # the job stopped before the image was done
        record, first = flight.done
        if later.result_mtime_ns > first.result_mtime_ns:
            try:
                self._ledger.replaced(record, later)
            except StateUnusable:  # the server is about to end; a later job does the image once more
                _log.debug("job %s: a second result of %r is not noted", self._spec.job_id, flight.filename)

    def _give_up(self, flight: Flight, why: TaskFailed, node: str = "") -> None:
        flight.wait_for_calls()  # a copy may still do it, and must not publish what is said to have failed
        if why.code is FailureCode.NO_CODE and not flight.is_over:
            raise self._code_nodes.refusal(flight.attempts.first_lack)
        with flight.end() as is_first:
            if is_first:
                _log.error("job %s: %r given up: %s", self._spec.job_id, flight.filename, why)
                self._asking.doubt_calls_of(flight)
                self._ledger.failed(flight.filename, why.code, why.message, flight.attempts, node)

    def _warn_of_blindness(self, node: str, filename: str) -> None:
        """Says once for each node that it misses what the server sees: a share that is not mounted."""
        if node not in self._blind:
            self._blind.add(node)
            _log.warning(
                "job %s: %s does not find %r; does it see the same files under %s?",
                *(self._spec.job_id, node, filename, self._spec.base_path),
            )
