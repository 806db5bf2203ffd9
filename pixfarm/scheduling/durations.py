"""How long the images of a job take, and what follows from it for deadlines and copies."""

import math
from collections import deque

from pixfarm.scheduling import policy

_MEMORY = 1000
_SORT_AGAIN_AFTER = 20


class Durations:
    """Percentiles of the last 1,000 samples; not thread-safe."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=_MEMORY)
        self._sorted: list[float] = []
        self._new = 0

    def add(self, seconds: float) -> None:
        """An image took that many seconds."""
        self._samples.append(seconds)
        self._new += 1

    def percentile(self, percent: float) -> float | None:
        """The nearest-rank percentile in seconds, up to 19 samples late; None for fewer than 20 samples."""
        if len(self._samples) < policy.DEADLINE_SAMPLES:
            return None
        if self._new >= _SORT_AGAIN_AFTER or not self._sorted:
            self._sorted = sorted(self._samples)
            self._new = 0
        return self._sorted[max(0, math.ceil(percent / 100 * len(self._sorted)) - 1)]


def deadline_s(worked: Durations, chosen_s: float | None, timeouts: int) -> float:
    """Seconds that a call may take in a worker.

    Four times the 99th percentile within bounds; an image that took longer once gets all that there is,
    because a huge one among small ones is not a broken one.

    Args:
        worked: what workers spent on images of the job.
        chosen_s: what a person chose instead.
        timeouts: how often this image has run out of time.
    """
    if chosen_s is not None:
        return chosen_s + policy.WORKER_ENDS_EARLIER_S
    if timeouts:
        return policy.DEADLINE_MAX_S
    p99 = worked.percentile(99)
    if p99 is None:
        return policy.DEADLINE_S
    return min(policy.DEADLINE_MAX_S, max(policy.DEADLINE_MIN_S, policy.DEADLINE_FACTOR * p99))


def copies_left(copied: int, total: int) -> int:
    """How many more images of a job may be sent to a second node: 5 % of them, at least one, in all."""
    return max(1, int(policy.TAIL_SHARE * total)) - copied


def overdue_s(calls: Durations) -> float:
    """The age in seconds from which a call, at the end of a job, is worth a copy on another node."""
    p95 = calls.percentile(95)
    return policy.TAIL_AGE_MIN_S if p95 is None else max(policy.TAIL_AGE_MIN_S, policy.TAIL_AGE_FACTOR * p95)
