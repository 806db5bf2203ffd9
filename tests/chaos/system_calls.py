"""Faults at system calls of a running process: strace is attached to it and tampers with them."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.processes import Running

_TOOL = "strace"


@contextmanager
def injected(pids: Sequence[int], call: str, deed: str, folder: Path) -> Iterator[Path]:
    """While this lasts, some of the processes' calls fail, or kill.

    strace counts the calls of each thread for itself.

    Args:
        pids: processes, with all threads and what they start from here on.
        call: name of the system call.
        deed: what happens at which call, as strace writes it: ``error=EIO:when=3+2``, ``signal=KILL:when=5``.
        folder: made here, for strace's output.

    Yields:
        the file with the calls that were tampered with, see hits().
    """
    folder.mkdir(parents=True)
    log = folder / "calls"
    command = [_TOOL, "-f", "-o", str(log), "-e", f"trace={call}", "-e", f"inject={call}:{deed}"]
    command += [word for pid in pids for word in ("-p", str(pid))]
    tracer = Running(command, folder, folder)
    try:
        for pid in pids:
            tracer.wait_for(f"Process {pid} attached")
        yield log
    finally:
        if tracer.process.poll() is None:
            tracer.send(signal.SIGINT)  # strace lets go of the processes, which go on
            tracer.ended()


def hits(log: Path) -> int:
    """How many calls were tampered with."""
    lines = log.read_text(errors="replace").splitlines()
    return sum("(INJECTED)" in line or "+++ killed by SIGKILL +++" in line for line in lines)
