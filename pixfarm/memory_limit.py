"""How much memory one image may take, and how a process holds itself to that."""

import os
import resource
from pathlib import Path

from pixfarm.control_groups import memory_groups

LEAST_MIB = 64
# 100 megapixels took up to 1.7 GiB with 8 bits a channel and 2.4 with 16 and alpha; if those are noise, their
# result, encoded, is another 0.8 GiB, for a moment twice.
ENOUGH_MIB = 4096
_MEBIBYTE = 1024 * 1024


def default_limit_mib(workers: int, root: Path = Path("/")) -> int:
    """What an image may take unless somebody says otherwise, in MiB.

    Enough for 100 megapixels, but no more than this worker's share of the machine or, in a container, of
    what that may have; and never so little that small images fail.

    Args:
        workers: how many images are worked on at the same time.
        root: below it are the files of the system.
    """
    groups = memory_groups(f"{root / 'proc'}", f"{root / 'sys/fs/cgroup'}")
    limits = [limit for group in groups if (limit := group.limit_bytes()) is not None]
    share_mib = min([_machine_bytes(), *limits]) // workers // _MEBIBYTE
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
