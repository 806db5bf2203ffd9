"""How long each part of the work on an image takes."""

import time


class Laps:
    """A clock that runs from the moment it is made."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def lap_s(self) -> float:
        """Seconds since the last lap, or since it was made."""
        now = time.perf_counter()
        lap_s, self._since = now - self._since, now
        return lap_s
