"""computenode.py auto, and the load it follows, on the machine that runs the tests, whatever it does besides.

The busy threads of these tests are nice, so that other tests keep most of the cores.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from pixfarm.errors import RejectReason, TaskRejected
from pixfarm.machine_load import MachineLoad, MachineReader
from tests.integration.real_nodes import EXECUTE, RealNode, real_node
from tests.integration.small_images import save_image
from tests.integration.waiting import eventually

WITHIN_S = 40.0
BUSY_THREADS = 6
# Hashing of large blocks is done without the interpreter's lock, so that all threads are busy at once.
BUSY = """
import hashlib, os, sys, threading
os.nice(10)
core = sys.argv[2:]
if core:
    os.sched_setaffinity(0, {int(core[0])})
def work():
    while True:
        hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 100_000)
for _ in range(int(sys.argv[1])):
    threading.Thread(target=work, daemon=True).start()
sys.stdin.read()
"""
# The busy process as a grandchild, as image workers are of their node; it ends with its standard input.
FAMILY = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Python with these arguments, ended by closing its standard input."""
    with subprocess.Popen([sys.executable, *arguments], stdin=subprocess.PIPE) as started:
        yield started  # at the end Popen closes the pipe and waits


def test_a_busy_process_is_wanted_cores_to_all_but_its_own_family() -> None:
    """Two watchers of the same machine, so that all else that is busy on it is the same for both."""
    with ExitStack() as parts:
        stranger = parts.enter_context(process("-c", "import sys; sys.stdin.read()"))
        busy = parts.enter_context(ExitStack())
        family = busy.enter_context(process("-c", FAMILY, BUSY, str(BUSY_THREADS)))
        loads = [MachineLoad(MachineReader(tree.pid)) for tree in (stranger, family)]
        for load in loads:
            parts.enter_context(closing(load)).start()

        def difference() -> float:
            return loads[0].cores_wanted - loads[1].cores_wanted

        assert eventually(lambda: difference() > BUSY_THREADS / 2, WITHIN_S)
        busy.close()
        assert eventually(lambda: difference() < BUSY_THREADS / 4, WITHIN_S)


def call_often(node: RealNode) -> None:
    for _ in range(1000):
        node.call(EXECUTE, "small.png")


def test_a_node_tells_and_refuses_with_the_load_of_its_cores(tmp_path: Path) -> None:
    """The node may use one core, on which two threads are busy from then on: nothing else can lower its p."""
    save_image(tmp_path / "input_dir" / "small.png")
    core = min(os.sched_getaffinity(0))
    with real_node(tmp_path, tmp_path, "auto") as node:
        assert re.search(
            r"^node_1 listens on 127\.0\.0\.1:\d+, p = auto \(0(\.\d\d?)? now\), 1 worker$",
            node.part.lines[0],
        )
        assert node.status().delay_s == 0.2
        os.sched_setaffinity(node.pid, {core})
        with process("-c", BUSY, "2", str(core)):
            assert eventually(lambda: node.status().load_probability == 0.95, WITHIN_S)
            with pytest.raises(TaskRejected) as refused:
                call_often(node)
        assert refused.value.reason == RejectReason.LOAD
        assert 0 < refused.value.load_probability < 1
