"""How many images have a thread at once, shared between jobs by priority and then evenly."""

import threading
from collections import Counter
from collections.abc import Callable

_LOOK_AGAIN_S = 0.25


class Slots:
    """Slots for image threads.

    Of the jobs that wait, one with the highest priority gets the next; of those, the one with the fewest
    slots (max-min fair). A job whose images wait, for a disk say, keeps its slots; another that is not less
    urgent gets its even share beside them, so that there may be up to twice as many as the bound.

    Args:
        bound: how many slots there are at the moment; may change at any time.
    """

    def __init__(self, bound: Callable[[], int]) -> None:
        self._bound = bound
        self._changed = threading.Condition()
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, int] = {}
        self._priorities: dict[str, int] = {}  # of those that hold or wait

    def acquire(self, job_id: str, priority: int, stop: Callable[[], None]) -> None:
        """Waits for a slot and takes it.

        Args:
            job_id: who asks; a job asks from one thread.
            priority: of the job.
            stop: called at each look; raises to end the wait.
        """
        with self._changed:
            self._waiting[job_id] = self._priorities[job_id] = priority
            try:
                stop()  # also when there is a slot: a job that has stopped takes none
                while not self._is_next(job_id):
                    self._changed.wait(_LOOK_AGAIN_S)
                    stop()
                self._held[job_id] += 1
            finally:
                del self._waiting[job_id]
                if job_id not in self._held:
                    del self._priorities[job_id]
                if self._waiting:
                    self._changed.notify_all()

    def release(self, job_id: str) -> None:
        """Gives a slot back."""
        with self._changed:
            self._held[job_id] -= 1
            if not self._held[job_id]:
                del self._held[job_id]
                if job_id not in self._waiting:
                    del self._priorities[job_id]
            self._changed.notify_all()

    def held(self, job_id: str) -> int:
        """How many slots a job has."""
        with self._changed:
            return self._held[job_id]

    def wait_until_free(self, job_id: str, timeout_s: float) -> bool:
        """Waits until a job has no slot; whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._held[job_id], timeout_s)

    def _is_next(self, job_id: str) -> bool:
        bound = self._bound()
        is_below = any(self._priorities[other] > self._waiting[job_id] for other in self._held)
        share = 0 if is_below else bound // len(self._held.keys() | self._waiting.keys())
        if sum(self._held.values()) >= bound and self._held[job_id] >= share:
            return False
        priority = self._waiting[job_id]
        if any(other > priority for other in self._waiting.values()):
            return False
        equals = [waiting for waiting, other in self._waiting.items() if other == priority]
        return self._held[job_id] <= min(self._held[waiting] for waiting in equals)
