"""Ctrl-C and SIGTERM, as the client takes them."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Ctrl-C, counted: the first asks for cancellation, the second leaves at once.

    Args:
        cancels: whether there is something of ours to cancel; else the first leaves at once, too.
    """

    def __init__(self, *, cancels: bool = True) -> None:
        self.count = 0
        self._cancels = cancels

    @contextmanager
    def caught(self) -> Iterator[None]:
        """While this lasts, the first Ctrl-C only counts; the one that leaves raises KeyboardInterrupt."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        signal.signal(signal.SIGINT, self._on_interrupt)
        # Unwound rather than ended on the spot: the terminal gets its cursor back, a half-written file goes.
        signal.signal(signal.SIGTERM, _leave)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1 or not self._cancels:
            raise KeyboardInterrupt


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
