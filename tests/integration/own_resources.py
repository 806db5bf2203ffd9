"""What this process holds: threads and file descriptors."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.integration.waiting import eventually


@contextmanager
def nothing_left_over() -> Iterator[None]:
    """Fails when there are more threads or file descriptors at the end than at the beginning."""
    threads, descriptors = set(threading.enumerate()), _descriptors()
    yield
    assert eventually(lambda: set(threading.enumerate()) <= threads, 2.0), threading.enumerate()
    assert eventually(lambda: _descriptors() <= descriptors, 2.0)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a Path's iterdir would hold one itself
