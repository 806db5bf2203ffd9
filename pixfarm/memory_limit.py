"""How much memory one image may take, and how a process holds itself to that."""

import os
import resource
from pathlib import Path

LEAST_MIB = 64
# 100 megapixels took up to 1.7 GiB with 8 bits a channel and 2.4 with 16 and alpha; if those are noise, their
# result, encoded, is another 0.8 GiB, for a moment twice.
ENOUGH_MIB = 4096
_MEBIBYTE = 1024 * 1024

# Where versions 2 and 1 of control groups are mounted by systemd, and what they call the limit of a group.
_VERSION_2 = ("sys/fs/cgroup", "memory.max")
_VERSION_1 = ("sys/fs/cgroup/memory", "memory.limit_in_bytes")


def default_limit_mib(workers: int, root: Path = Path("/")) -> int:
    """What an image may take unless somebody says otherwise, in MiB.

    Enough for 100 megapixels, but no more than this worker's share of the machine or, in a container, of
    what that may have; and never so little that small images fail.

    Args:
        workers: how many images are worked on at the same time.
        root: below it are the files of the system.
    """
    share_mib = min([_machine_bytes(), *_group_limits(root)]) // workers // _MEBIBYTE
    return max(LEAST_MIB, min(ENOUGH_MIB, share_mib))


def limit_own_memory(more_mib: int) -> None:
    """Lets this process take so many MiB more than it has now; what goes beyond is not allocated.

    RLIMIT_DATA counts what is the process's own and can be written to: heap, numpy, OpenCV, mapped or not. So
    it stops what RLIMIT_AS stops, but for shared memory, which no decoder takes, and is not used up
    by libraries, mapped files and address space that is only kept free. It also counts some 240 MiB that the
    fork server has reserved and hardly touched (more with more cores: OpenBLAS has a buffer for each), which
    is why the limit is told as an addition.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    wanted = pages * os.sysconf("SC_PAGE_SIZE") + more_mib * _MEBIBYTE
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, wanted))


def _machine_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _group_limits(root: Path) -> list[int]:
    """The limits, in bytes, of the control groups that this process is in, and of those around them."""
    limits = []
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # a kernel without control groups
        return []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers or "memory" in controllers.split(","):
            mount, name = _VERSION_1 if controllers else _VERSION_2
            # In a container the path may be that of the machine, where here the own group is the topmost one.
            for folder in [Path(group.lstrip("/")), *Path(group.lstrip("/")).parents]:
                limits += _limit_in(root / mount / folder / name)
    return limits


def _limit_in(path: Path) -> list[int]:
    try:
        text = path.read_text().strip()
    except OSError:  # not the topmost group's, or not in sight of this container
        return []
    return [int(text)] if text.isdigit() else []  # "max" is no limit
