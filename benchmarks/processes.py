"""What the kernel tells of a process (Linux: /proc)."""

import os
import time
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def busy_cores(seconds: float) -> float:
    """How many cores of this machine work for anybody, looked at for that many seconds."""
    before = _machine_ticks()
    time.sleep(seconds)
    return (_machine_ticks() - before) / _TICKS_PER_S / seconds


def cpu_s(pid: int) -> float:
    """Seconds of CPU a process has used, its threads and the kernel's work for it included."""
    # Fields 14 and 15 of proc(5); the second, the name in brackets, may hold blanks.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def memory_mb(pid: int, *, peak: bool) -> float:
    """Resident memory of a process in MB (10^6 bytes), now or at its peak."""
    name = "VmHWM" if peak else "VmRSS"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(f"process {pid} has ended")


def _machine_ticks() -> int:
    # user nice system idle iowait irq softirq ...: the first line of /proc/stat, all but the two that wait.
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return user + nice + system + irq + softirq
