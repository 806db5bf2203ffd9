"""One image under way: whom it was sent to, and that its end is decided only once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pixfarm.model import ImageRecord, Machine, TaskResult
from pixfarm.scheduling.attempts import Attempts

_LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has been sent and not answered."""

    attempt_id: str
    machine: Machine
    sent_at: float


class Flight:
    """An image of a job, from its start to its end; it may be with two nodes at a time.

    ``done`` is what was noted of it and from what result, once it has ended in that way.

    Args:
        base_path: of its job.
        filename: the image.
        on_end: called once, when its end has been noted.
    """

    def __init__(self, base_path: str, filename: str, on_end: Callable[["Flight"], None]) -> None:
        self.filename = filename
        self.attempts = Attempts(base_path)
        self.is_copied = False
        self.done: tuple[ImageRecord, TaskResult] | None = None
        self._on_end = on_end
        self._changed = threading.Condition()
        self._calls: list[Call] = []
        self._is_over = False
        self._is_noted = False

    @property
    def is_over(self) -> bool:
        """Whether its end is decided; answers that come later are of no use."""
        return self._is_over

    @contextmanager
    def call(self, attempt_id: str, machine: Machine) -> Iterator[None]:
        """The time of one call."""
        sent = Call(attempt_id, machine, time.monotonic())
        with self._changed:
            self._calls.append(sent)
        try:
            yield
        finally:
            with self._changed:
                self._calls.remove(sent)
                self._changed.notify_all()

    def calls(self) -> tuple[Call, ...]:
        """Its calls that are not answered yet."""
        with self._changed:
            return tuple(self._calls)

    def wait_for_calls(self) -> None:
        """Waits until none of its calls is under way; each ends in its time."""
        with self._changed:
            while self._calls:
                self._changed.wait(_LOOK_AGAIN_S)

    @contextmanager
    def end(self) -> Iterator[bool]:
        """The noting of its end; True for the first who comes, to whom alone it belongs.

        False means that the first one has noted it.
        """
        with self._changed:
            is_first = not self._is_over
            self._is_over = True
            while not is_first and not self._is_noted:
                self._changed.wait(_LOOK_AGAIN_S)
        try:
            yield is_first
        finally:
            if is_first:
                with self._changed:
                    self._is_noted = True
                    self._changed.notify_all()
                self._on_end(self)
