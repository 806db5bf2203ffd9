"""Time that passes only as far as a test lets it, and events in its order."""

import heapq
import itertools
from collections.abc import Callable


class VirtualTime:
    """A clock and the events that are to come.

    Args:
        now: seconds.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()  # events of the same moment keep their order

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Something will happen in that many seconds."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), act))

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Something happens now, and again and again."""
        act()
        self.after(seconds, lambda: self.every(seconds, act))

    def goes_on_to(self, end: float) -> bool:
        """Lets the next event happen, if that is not after the end; whether there was one."""
        if not self._events or self._events[0][0] > end:
            self.now = end
            return False
        self.now, _, act = heapq.heappop(self._events)
        act()
        return True
