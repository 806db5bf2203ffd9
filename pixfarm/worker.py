"""The node's pool of image worker processes: warm, two images deep, replaced when they die.

Threads were measured 25 % slower: they fight for the interpreter lock. Each worker has two lanes, a
socket pair each, used by one thread at a time: while it works on one image the next already waits in
the other lane, so that a worker never idles while an answer travels.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

from pixfarm import imaging, worker_process
from pixfarm.errors import FailureCode, NotReady, TaskFailed
from pixfarm.worker_handle import LANES_PER_WORKER, Worker, receive, started

_log = logging.getLogger(__name__)

START_TIMEOUT_S = 30.0
_LOOK_AGAIN_S = 0.1
_RETRY_S = 0.5
_TURN_COMES_S = 1.0
_MAX_UNTOUCHED_DEATHS = 3


@dataclass(frozen=True, slots=True)
class WorkDone:
    """What a worker made of an image; times in seconds."""

    outcome: imaging.ImageOutcome
    waited_s: float
    worked_s: float


class WorkerPool:
    """Processes images in warm worker processes; process() may be called from any number of threads.

    Args:
        workers: how many processes, 1 or more.
        settings: for the image work.

    Raises:
        NotReady: the processes did not start.
    """

    def __init__(self, workers: int, settings: imaging.ImageSettings) -> None:
        worker_process.prepare_fork_server()
        self._settings = settings
        self.lanes = LANES_PER_WORKER * workers
        self._changed = threading.Condition()
        self._closed = False
        self._workers: list[Worker] = []
        self._undertaker = threading.Thread(target=self._replace_the_dead, name="undertaker", daemon=True)
        try:
            for _ in range(workers):
                self._workers.append(Worker(settings))
            deadline = time.monotonic() + START_TIMEOUT_S
            for worker in self._workers:
                worker.wait_until_ready(max(0.1, deadline - time.monotonic()))
        except (NotReady, OSError, EOFError) as error:
            self.close()
            raise NotReady(f"the image workers cannot be started: {error}") from error
        self._undertaker.start()

    def process(self, source: Path, target: Path, attempt_id: str, timeout_s: float) -> WorkDone:
        """Has a worker process one image; waits while all lanes are taken.

        Args:
            source: file to read.
            target: file to write.
            attempt_id: part of the temporary file's name.
            timeout_s: seconds a worker may spend on it.

        Raises:
            TaskFailed: the image could not be done, its worker died (CRASHED) or took too long (TIMED_OUT).
        """
        request = json.dumps([str(source), str(target), attempt_id]).encode()
        arrived_at = time.monotonic()
        for _ in range(_MAX_UNTOUCHED_DEATHS):
            with self._lane() as (worker, number):
                answer = self._ask(worker, number, request, timeout_s)
            if answer is not None:
                return _work_done(answer, time.monotonic() - arrived_at)
        raise TaskFailed(FailureCode.CRASHED, "the worker processes died before they could begin with it")

    def close(self) -> None:
        """Ends the workers; may be called twice."""
        with self._changed:
            self._closed = True
            workers, self._workers = self._workers, []
            self._changed.notify_all()
        if self._undertaker.ident is not None:
            self._undertaker.join(START_TIMEOUT_S)
        for worker in workers:
            worker.close()

    @contextmanager
    def _lane(self) -> Iterator[tuple[Worker, int]]:
        with self._changed:
            while True:
                if self._closed:
                    raise TaskFailed(FailureCode.CRASHED, "the node is shutting down")
                ready = [worker for worker in self._workers if worker.free and not worker.is_dead]
                if ready:
                    break
                self._changed.wait(1.0)
            worker = min(ready, key=lambda worker: worker.in_flight)
            number = worker.free.pop()
        try:
            yield worker, number
        finally:
            with self._changed:
                worker.free.append(number)
                is_over = worker.in_flight == 0 and worker not in self._workers
                self._changed.notify()
            if is_over:
                worker.close()

    def _ask(self, worker: Worker, number: int, request: bytes, timeout_s: float) -> list[Any] | None:
        """The worker's answer, or None when it died with the request untouched."""
        answer: bytes | None = None
        is_late = False
        stuck_at = time.monotonic() + timeout_s + _TURN_COMES_S
        try:
            lane = worker.lanes[number]
            lane.settimeout(timeout_s)
            lane.send(request)
            while not (answer := receive(lane)):
                # An image that waits for its turn is not late: the one ahead of it is, or the process stands.
                is_late = worker.seconds_on(number) >= timeout_s
                left_s = stuck_at - time.monotonic()
                if is_late or (left_s <= 0 and not worker.has_in_hand(number)):
                    _log.warning("a worker process does not come to an end with an image; ending it")
                    worker.process.kill()
                elif worker.has_in_hand(number):
                    left_s = timeout_s - worker.seconds_on(number)
                lane.settimeout(max(left_s, _LOOK_AGAIN_S))
        except OSError as error:
            _log.debug("a lane ended: %s", error)
        if answer:
            return list(json.loads(answer))
        self._replace(worker)
        if is_late:
            raise TaskFailed(FailureCode.TIMED_OUT, f"took longer than {timeout_s:g} s; its worker was ended")
        if worker.has_in_hand(number):
            raise TaskFailed(FailureCode.CRASHED, f"{worker.death} while it had this image")
        return None

    def _replace_the_dead(self) -> None:
        """Notices deaths that no image's thread does: of workers that had nothing to do."""
        while not self._closed:
            with self._changed:
                alive = {worker.process.sentinel: worker for worker in self._workers if not worker.is_dead}
            for sentinel in connection.wait(list(alive), timeout=_LOOK_AGAIN_S):
                try:
                    self._replace(alive[sentinel])  # type: ignore[index]  # sentinels are numbers
                except TaskFailed as failure:
                    _log.error("%s; trying again", failure.message)
                    time.sleep(_RETRY_S)

    def _replace(self, dead: Worker) -> None:
        with self._changed:
            if dead.is_dead or dead not in self._workers:
                return  # the thread of its other lane was first
            dead.bury()
        _log.warning("%s; starting another", dead.death)
        try:
            replacement = started(self._settings, START_TIMEOUT_S)
        except NotReady as error:
            dead.is_dead = False  # the next image finds it out again, and tries again
            raise TaskFailed(FailureCode.CRASHED, f"no worker process can be started: {error}") from error
        with self._changed:
            if self._closed:
                over = replacement
            else:
                self._workers[self._workers.index(dead)] = replacement
                self._changed.notify_all()
                if dead.in_flight:
                    return  # whoever gives its last lane back closes it
                over = dead
        over.close()


def _work_done(answer: list[Any], seconds: float) -> WorkDone:
    if answer[0]:
        raise TaskFailed(FailureCode(answer[0]), answer[1])
    _, width_px, height_px, bytes_written, worked_s = answer
    return WorkDone(
        imaging.ImageOutcome(width_px, height_px, bytes_written), max(0.0, seconds - worked_s), worked_s
    )
