"""Waiting for what other threads and processes do, with an end."""

import time
from collections.abc import Callable

PATIENCE_S = 10.0


def eventually(condition: Callable[[], object], within_s: float = PATIENCE_S) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True
