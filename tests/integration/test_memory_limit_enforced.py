"""What the limit stops, tried in processes of their own."""

import signal
import subprocess
import sys

import pytest

from pixfarm.farm import HOME

# Ends as worker processes do, without the destructors of C++ libraries: some of these were seen to crash.
PROBE = """
import mmap
import os
import cv2
import numpy as np
from pixfarm.memory_limit import limit_own_memory
limit_own_memory(64)
try:
    for _ in range({times}):
        kept = {allocation}
except (MemoryError, OSError, cv2.error) as error:
    print("stopped:", error, flush=True)
else:
    print("allowed", flush=True)
os._exit(0)
"""

STOPPED = {
    "numpy": "np.ones(100 << 20, np.uint8)",
    "numpy, not yet touched": "np.empty(100 << 20, np.uint8)",
    "OpenCV": "cv2.repeat(np.zeros((1, 1, 3), np.uint8), 6000, 6000)",
    "bytes": "bytes(100 << 20)",
    "many small ones": "[bytes(1000) for _ in range(100_000)]",
    "mapped": "mmap.mmap(-1, 100 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)",
}


def probe(allocation: str, times: int = 1) -> str:
    code = PROBE.format(allocation=allocation, times=times)
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=60, check=True)
    return run.stdout


@pytest.mark.parametrize("kind", STOPPED)
def test_more_than_the_limit_is_not_allocated(kind: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROBE.format(allocation=STOPPED[kind], times=1)],
        cwd=HOME,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if kind == "many small ones" and run.returncode == -signal.SIGSEGV:
        return  # where the interpreter itself gets no memory for an object, it may die
    assert (run.returncode, run.stdout[:8]) == (0, "stopped:")


def test_less_than_the_limit_is_allocated_again_and_again() -> None:
    assert probe("np.ones(30 << 20, np.uint8)", times=20) == "allowed\n"


def test_what_the_process_had_before_does_not_count() -> None:
    """The fork server's reserved memory would differ from machine to machine."""
    code = "kept = bytes(200 << 20)" + PROBE.format(allocation="bytes(50 << 20)", times=1)
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "allowed\n"
