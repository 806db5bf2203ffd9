"""What /proc tells of a process."""

from pathlib import Path


def rss_mb(pid: int) -> float:
    """Resident memory in megabytes."""
    line = next(line for line in _status(pid) if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def private_mb(pid: int) -> float:
    """Memory of its own in megabytes: without pages of libraries, which come in as they are first used."""
    line = next(line for line in _status(pid) if line.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024


def thread_count(pid: int) -> int:
    line = next(line for line in _status(pid) if line.startswith("Threads:"))
    return int(line.split()[1])


def is_running(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    try:
        line = next(line for line in _status(pid) if line.startswith("State:"))
    except (FileNotFoundError, ProcessLookupError, StopIteration):
        return False
    return line.split()[1] not in {"Z", "X"}


def state(pid: int) -> str:
    """One letter: R running, S sleeping, T stopped, Z zombie."""
    return next(line for line in _status(pid) if line.startswith("State:")).split()[1]


def descendants(pid: int) -> set[int]:
    """Children of a process and theirs."""
    found = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = [int(word) for word in children.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in pids:
            found |= {child, *descendants(child)}
    return found


def _status(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/status").read_text().splitlines()
