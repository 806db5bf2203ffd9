"""What a node is doing: how many images it has, what came of them, and whether it takes more."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pixfarm.errors import RejectReason, TaskRejected

_DRAINING_RETRY_S = 1.0
_BUSY_RETRY_S = 0.05
_LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Counts:
    """Images of a node since its start."""

    in_flight: int
    done: int
    refused: int
    failed: int
    draining: bool


class Activity:
    """Counts a node's images and lets it drain; for use by many threads.

    Args:
        load_probability: tells the p of the moment, which each refusal carries.
        crowd: images in flight from which on a node that may refuse is BUSY.
    """

    def __init__(self, load_probability: Callable[[], float], crowd: int) -> None:
        self._load_probability = load_probability
        self._crowd = crowd
        self._changed = threading.Condition()
        self._in_flight = 0
        self._done = 0
        self._refused = 0
        self._failed = 0
        self._draining = False

    @contextmanager
    def image(self, *, may_refuse: bool) -> Iterator[None]:
        """The time that an image is in the node.

        Args:
            may_refuse: whether the image may be refused because the node is crowded.

        Raises:
            TaskRejected: the node is draining, or crowded.
        """
        self._enter(may_refuse=may_refuse)
        count = "_failed"
        try:
            yield
            count = "_done"
        except TaskRejected:
            count = "_refused"
            raise
        finally:
            with self._changed:
                self._in_flight -= 1
                setattr(self, count, getattr(self, count) + 1)
                self._changed.notify_all()

    def drain(self, timeout_s: float) -> bool:
        """Takes no more images and waits until none is in flight; whether that came in time."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            self._draining = True
            while self._in_flight:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return False
                self._changed.wait(min(left_s, _LOOK_AGAIN_S))  # awake for a second Ctrl-C
            return True

    def counts(self) -> Counts:
        """What has come of the images so far."""
        with self._changed:
            return Counts(self._in_flight, self._done, self._refused, self._failed, self._draining)

    def _enter(self, *, may_refuse: bool) -> None:
        with self._changed:
            if self._draining:
                self._refused += 1
                raise TaskRejected(RejectReason.DRAINING, self._load_probability(), _DRAINING_RETRY_S)
            if may_refuse and self._in_flight >= self._crowd:
                self._refused += 1
                raise TaskRejected(RejectReason.BUSY, self._load_probability(), _BUSY_RETRY_S)
            self._in_flight += 1
