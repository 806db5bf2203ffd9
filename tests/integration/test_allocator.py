"""Where threads take their memory from, tried in processes of their own."""

import subprocess
import sys

import pytest

from pixfarm.farm import HOME

PROBE = """
import ctypes, tempfile, threading
from pixfarm.allocator import keep_one_arena
{first}
libc = ctypes.CDLL(None)
all_there = threading.Barrier(8)
def take():
    all_there.wait(60)
    libc.malloc(ctypes.c_size_t(50_000))
    all_there.wait(60)
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as told:
    stream = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(told.read().count(b"<heap nr="))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library is another one")
def test_threads_of_a_tier_share_one_arena() -> None:
    def arenas(first: str) -> int:
        command = [sys.executable, "-c", PROBE.format(first=first)]
        ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HOME, timeout=60)
        return int(ended.stdout)

    assert arenas("") > 1
    assert arenas("keep_one_arena()") == 1
