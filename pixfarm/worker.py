"""The node's pool of image worker processes: warm, and two images deep.

Threads were measured 25 % slower: they fight for the interpreter lock. Each worker has two lanes, a
socket pair each, used by one thread at a time: while it works on one image the next already waits in
the other lane, so that a worker never idles while an answer travels. Nor does it wait for the disk: a
result is synced and gets its name beside the work on the next image.
"""

import json
import logging
import math
import random
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pixfarm import imaging, worker_process
from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.fork_server import prepare_fork_server
from pixfarm.parts import remove_part
from pixfarm.recipe import EDGES, Recipe
from pixfarm.recycling import Recycling
from pixfarm.worker_crew import Crew
from pixfarm.worker_handle import Worker, receive
from pixfarm.worker_process import LANES_PER_WORKER

_log = logging.getLogger(__name__)

_LOOK_SOON_S = 0.1
_LOOK_AGAIN_S = 1.0
_TURN_COMES_S = 10.0
_END_COMES_S = 5.0
_MAX_UNTOUCHED_DEATHS = 10


@dataclass(frozen=True, slots=True)
class WorkDone:
    """What a worker made of an image; times in seconds."""

    outcome: imaging.ImageOutcome
    waited_s: float
    worked_s: float


@dataclass(frozen=True, slots=True)
class _Order:
    source: Path
    target: Path
    attempt_id: str
    timeout_s: float
    recipe: Recipe

    def message(self) -> bytes:
        words = [str(self.source), str(self.target), self.attempt_id, asdict(self.recipe)]
        return json.dumps(words).encode()


class WorkerPool:
    """Processes images in warm worker processes; process() may be called from any number of threads.

    Args:
        workers: how many processes, 1 or more.
        settings: for the image work.
        recycling: when a process is replaced though nothing is wrong with it.
        work: what is done to each image; importable by its name in a worker process.
        rng: so that not all are replaced at once.

    Raises:
        NotReady: the processes did not start.
    """

    def __init__(
        self,
        workers: int,
        settings: imaging.ImageSettings,
        recycling: Recycling | None = None,
        work: worker_process.Work = imaging.draft_image,
        rng: random.Random | None = None,
    ) -> None:
        prepare_fork_server()
        self.lanes = LANES_PER_WORKER * workers
        self.runs_code = settings.code is not None
        recycling = (recycling or Recycling()).within(settings.memory_mib)
        self.crew = Crew(workers, partial(Worker, settings, work), recycling, rng or random.Random())

    @property
    def fault(self) -> str:
        """Why there is no worker, in one line; empty while there is one."""
        return self.crew.fault

    def process(
        self, source: Path, target: Path, attempt_id: str, timeout_s: float, recipe: Recipe = EDGES
    ) -> WorkDone:
        """Has a worker process one image; waits while all lanes are taken.

        When the worker does not come to the end of it, its temporary file is removed.

        Args:
            source: file to read.
            target: file to write.
            attempt_id: part of the temporary file's name.
            timeout_s: seconds a worker may spend on it.
            recipe: what is done to it.

        Raises:
            NotPublished: the result could not be written.
            TaskFailed: it could not be done for another reason; its worker died (CRASHED) or took too long
                (TIMED_OUT), or there is no worker (NO_RESOURCES).
        """
        order = _Order(source, target, attempt_id, timeout_s, recipe)
        arrived_at = time.monotonic()
        for _ in range(_MAX_UNTOUCHED_DEATHS):
            with self.crew.lane() as (worker, number):
                answer = self._ask(worker, number, order)
            if answer is not None:
                return _work_done(answer, time.monotonic() - arrived_at)
        raise TaskFailed(
            FailureCode.NO_RESOURCES, "one worker process after the other died, by no fault of this image"
        )

    def close(self) -> None:
        """Ends the workers; may be called twice."""
        self.crew.close()

    def _ask(self, worker: Worker, number: int, order: _Order) -> list[Any] | None:
        """The worker's answer, or None when it was lost by no fault of this order."""
        lane, patience = worker.lanes[number], _Patience(worker, number, order.timeout_s)
        answer, has_ended = None, False
        try:
            lane.settimeout(min(order.timeout_s, _LOOK_AGAIN_S))
            lane.send(order.message())
            while not (answer := receive(lane)) and not patience.is_over:
                lane.settimeout(patience.look())
        except OSError as error:
            _log.debug("a lane ended: %s", error)
            has_ended = True
        if answer:
            return list(json.loads(answer))
        self.crew.lose(worker)
        if has_ended and worker.has_in_hand(number):  # and so writes no more
            _remove_part(order)
        if not patience.is_late and not worker.is_to_blame(number):
            return None
        raise self._failure(worker, order, is_late=patience.is_late)

    def _failure(self, worker: Worker, order: _Order, *, is_late: bool) -> TaskFailed:
        if is_late:
            message = f"took longer than {order.timeout_s:g} s; its worker was ended"
            return TaskFailed(FailureCode.TIMED_OUT, message)
        if self.crew.is_closed:  # which ended the worker, at last by force
            return TaskFailed(FailureCode.NO_RESOURCES, "the node is shutting down")
        return TaskFailed(FailureCode.CRASHED, f"{worker.death()} while it had this image")


class _Patience:
    """How long one thread still waits for a worker, and the end of that worker when it has waited enough."""

    def __init__(self, worker: Worker, number: int, timeout_s: float) -> None:
        self.is_late = False
        self._worker = worker
        self._number = number
        self._timeout_s = timeout_s
        self._killed_at = math.inf
        self._idle_since = math.inf
        self._images = -1

    @property
    def is_over(self) -> bool:
        """Whether it does not even end when it is killed: its file system hangs."""
        return time.monotonic() > self._killed_at + _END_COMES_S

    def look(self) -> float:
        """Ends a worker that is too late, or stands; returns the seconds until the next look."""
        left_s = self._left_s(time.monotonic())
        if left_s <= 0 and self._killed_at == math.inf:
            _log.warning("a worker process does not come to an end with an image; ending it")
            self._worker.kill(self._number)
            self._killed_at = time.monotonic()
        return min(max(left_s, _LOOK_SOON_S), _LOOK_AGAIN_S)

    def _left_s(self, now: float) -> float:
        if self._worker.has_in_hand(self._number):
            left_s = self._timeout_s - self._worker.seconds_on(self._number)
            self.is_late = left_s <= 0
            return left_s
        # While an image waits its time does not run. The one ahead of it is watched by its own thread; but
        # a worker that has none in hand and yet does not take this one stands.
        if self._worker.is_at_work or self._images != self._worker.images:
            self._idle_since, self._images = now, self._worker.images
        return self._idle_since + _TURN_COMES_S - now


def _remove_part(order: _Order) -> None:
    try:
        if remove_part(order.target, order.attempt_id):
            _log.debug("temporary file of attempt %s removed", order.attempt_id)
    except (OSError, TaskFailed) as error:
        _log.warning("the temporary file of attempt %s stays: %s", order.attempt_id, error)


def _work_done(answer: list[Any], seconds: float) -> WorkDone:
    code, message, *rest = answer
    if not code:
        worked_s, outcome = rest
        return WorkDone(imaging.ImageOutcome.of(outcome), max(0.0, seconds - worked_s), worked_s)
    (size_bytes,) = rest
    if size_bytes:
        raise imaging.NotPublished(FailureCode(code), message, size_bytes)
    raise TaskFailed(FailureCode(code), message)
