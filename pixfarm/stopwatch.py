"""How long something has been at work, pauses left out."""

import threading
from collections.abc import Callable


class Stopwatch:
    """A clock that can be stopped; runs from the start on.

    Args:
        clock: monotonic seconds.
        elapsed_s: seconds that count already.
    """

    def __init__(self, clock: Callable[[], float], elapsed_s: float = 0.0) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._elapsed_s = elapsed_s
        self._since: float | None = clock()

    def elapsed_s(self) -> float:
        """Seconds of all times that it ran."""
        with self._lock:
            return self._elapsed_s + (0.0 if self._since is None else self._clock() - self._since)

    def stop(self) -> None:
        """Stops it; a stopped one stays so."""
        elapsed_s = self.elapsed_s()
        with self._lock:
            if self._since is not None:
                self._elapsed_s = elapsed_s
                self._since = None

    def go_on(self) -> None:
        """Lets it run; a running one stays so."""
        with self._lock:
            if self._since is None:
                self._since = self._clock()
