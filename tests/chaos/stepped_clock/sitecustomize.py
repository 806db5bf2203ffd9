"""Steps time.time() of the process that finds this on its path by what a file says; for the chaos tests."""

import os
import time
from pathlib import Path

_offset = Path(os.environ["PIXFARM_TEST_CLOCK"])
_real_time = time.time


def _stepped_time() -> float:
    try:
        return _real_time() + float(_offset.read_text())
    except ValueError:  # just being written
        return _real_time()


time.time = _stepped_time
