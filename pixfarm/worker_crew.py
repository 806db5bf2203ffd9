"""The crew of image workers: who is dead or worn out is replaced, and no image waits for that."""

import logging
import random
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pixfarm.errors import FailureCode, NotReady, TaskFailed
from pixfarm.recycling import Recycling
from pixfarm.worker_handle import END_TIMEOUT_S, Worker

_log = logging.getLogger(__name__)

START_TIMEOUT_S = 30.0
_LOOK_AGAIN_S = 0.1
_RETRY_FIRST_S = 0.5
_RETRY_MAX_S = 8.0
_MEBIBYTE = 1024 * 1024


@dataclass(slots=True)
class _Place:
    """One worker of the crew, and who takes over from it, once that is warm."""

    worker: Worker
    images_limit: float
    successor: Worker | None = None
    deadline: float = 0.0
    retry_at: float = 0.0
    retry_pause_s: float = _RETRY_FIRST_S


class Crew:
    """Hands out the lanes of its workers, to any number of threads.

    Args:
        size: how many workers, 1 or more.
        start: starts a worker; need not wait until it is ready.
        recycling: when a worker is replaced though it lives.
        rng: for the jitter of that.

    Raises:
        NotReady: the workers did not start.
    """

    def __init__(
        self, size: int, start: Callable[[], Worker], recycling: Recycling, rng: random.Random
    ) -> None:
        self._start = start
        self._recycling = recycling
        self._rng = rng
        self._changed = threading.Condition()
        self._closed = False
        self._fault = ""
        self._retired: list[Worker] = []
        workers = _started(size, start)
        self._places = [_Place(worker, recycling.images_limit(rng)) for worker in workers]
        self._keeper = threading.Thread(target=self._keep, name="keeper of workers", daemon=True)
        self._keeper.start()

    @property
    def workers(self) -> list[Worker]:
        """Those that get images."""
        with self._changed:
            return [place.worker for place in self._places]

    @property
    def fault(self) -> str:
        """Why no worker is at work and none can be started, in one line; empty while there is one."""
        with self._changed:
            return self._fault if all(place.worker.is_lost for place in self._places) else ""

    @property
    def is_closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    @contextmanager
    def lane(self) -> Iterator[tuple[Worker, int]]:
        """A worker and the number of a lane of it that nobody else uses; waits while all are taken.

        Raises:
            TaskFailed: NO_RESOURCES, no worker can be started, or the crew is closed.
        """
        with self._changed:
            while not (ready := [p.worker for p in self._places if p.worker.free and not p.worker.is_lost]):
                self._refuse_without_hope()
                self._changed.wait(1.0)
            self._refuse_without_hope()
            worker = min(ready, key=lambda worker: worker.in_flight)
            number = worker.free.pop()
        try:
            yield worker, number
        finally:
            with self._changed:
                worker.free.append(number)
                self._changed.notify()

    def lose(self, worker: Worker) -> None:
        """Gives a worker no more images, because it is dead or does not come to an end."""
        with self._changed:
            if worker.is_lost:
                return
            worker.is_lost = True
            places = [place for place in self._places if place.worker is worker]
            for place in places:  # that it could not be replaced while it lived says nothing about now
                place.retry_at, self._fault = 0.0, ""
        if not self._closed:
            _log.warning("%s; %s", worker.death(), "starting another" if places else "it was to go anyway")

    def close(self) -> None:
        """Ends the workers; may be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._keeper.join(START_TIMEOUT_S)
        with self._changed:
            successors = [place.successor for place in self._places if place.successor]
            workers = [*(place.worker for place in self._places), *successors, *self._retired]
            self._places, self._retired = [], []
        for worker in workers:
            worker.hang_up()
        for worker in workers:
            if not worker.has_ended(END_TIMEOUT_S):
                worker.kill()
        with self._changed:  # who waits at a lane sees it break off; then nobody uses it any more
            self._changed.wait_for(lambda: not any(worker.in_flight for worker in workers), END_TIMEOUT_S)
        for worker in workers:
            worker.close()

    def _refuse_without_hope(self) -> None:
        if self._closed:
            raise TaskFailed(FailureCode.NO_RESOURCES, "the node is shutting down")
        if self._fault and all(place.worker.is_lost for place in self._places):
            raise TaskFailed(FailureCode.NO_RESOURCES, self._fault)

    def _keep(self) -> None:
        while not self._closed:
            try:
                for place in self._places:
                    self._see_to(place, time.monotonic())
                self._watch()
                self._close_retired()
            except Exception:  # noqa: BLE001 - top of a thread
                _log.exception("a bug: the workers are not looked after")
                time.sleep(_RETRY_FIRST_S)

    def _see_to(self, place: _Place, now: float) -> None:
        """Starts who takes over from a worker, if it is time for that."""
        if place.successor is not None:
            if now > place.deadline:
                self._give_up(place, "an image worker was not ready in time")
            return
        if now < place.retry_at or not self._has_done_its_part(place):
            return
        try:
            place.successor = self._start_one()
            place.deadline = now + START_TIMEOUT_S
        except (OSError, EOFError) as error:  # no descriptors or memory
            self._give_up(place, str(error) or "the fork server ended")

    def _start_one(self) -> Worker:
        try:
            return self._start()
        except (ConnectionError, EOFError):
            # The fork server is just dying, and multiprocessing does not know yet; then it starts another.
            time.sleep(_LOOK_AGAIN_S)
            return self._start()

    def _has_done_its_part(self, place: _Place) -> bool:
        worker = place.worker
        if worker.is_lost:
            return True
        images, grown_bytes = worker.images, worker.grown_bytes
        if not self._recycling.is_due(images, place.images_limit, grown_bytes):
            return False
        _log.info("replacing a worker after %d images, grown by %d MiB", images, grown_bytes // _MEBIBYTE)
        return True

    def _watch(self) -> None:
        """Waits a moment for workers to end and successors to be ready, and does what that asks for."""
        poll = select.poll()
        watched: dict[int, _Place] = {}
        for place in self._places:
            if not place.worker.is_lost:
                poll.register(place.worker, 0)  # a hang-up is always told
                watched[place.worker.fileno()] = place
            if place.successor is not None:
                poll.register(place.successor, select.POLLIN)
                watched[place.successor.fileno()] = place
        for descriptor, _ in poll.poll(1000 * _LOOK_AGAIN_S):
            place = watched[descriptor]
            if place.successor is not None and descriptor == place.successor.fileno():
                self._install(place, place.successor)
            else:
                self.lose(place.worker)

    def _install(self, place: _Place, successor: Worker) -> None:
        try:
            successor.wait_until_ready(_LOOK_AGAIN_S)
        except NotReady as error:
            self._give_up(place, str(error))
            return
        limit = self._recycling.images_limit(self._rng)
        with self._changed:
            self._retired.append(place.worker)
            place.worker, place.images_limit, place.successor = successor, limit, None
            place.retry_at, place.retry_pause_s = 0.0, _RETRY_FIRST_S
            self._fault = ""
            self._changed.notify_all()

    def _give_up(self, place: _Place, reason: str) -> None:
        """Tries again later; who lives works on until then."""
        if place.successor is not None:
            place.successor.close()
            place.successor = None
        _log.error("no image worker can be started: %s; trying again in %g s", reason, place.retry_pause_s)
        with self._changed:
            self._fault = f"no image worker can be started: {reason}"
            self._changed.notify_all()
        place.retry_at = time.monotonic() + place.retry_pause_s
        place.retry_pause_s = min(_RETRY_MAX_S, 2 * place.retry_pause_s)

    def _close_retired(self) -> None:
        with self._changed:
            over = [worker for worker in self._retired if not worker.in_flight]
            self._retired = [worker for worker in self._retired if worker.in_flight]
        for worker in over:
            worker.close()


def _started(size: int, start: Callable[[], Worker]) -> list[Worker]:
    workers: list[Worker] = []
    try:
        for _ in range(size):
            workers.append(start())  # noqa: PERF401 - those that were started are closed when one fails
        deadline = time.monotonic() + START_TIMEOUT_S
        for worker in workers:
            worker.wait_until_ready(max(0.1, deadline - time.monotonic()))
    except (NotReady, OSError, EOFError) as error:
        for worker in workers:
            worker.close()
        raise NotReady(f"the image workers cannot be started: {error}") from error
    return workers
