"""How much of the memory is available: of the machine's, or of what a control group may have."""

from pixfarm.control_groups import memory_groups, table_of
from pixfarm.kernel_files import content


def available_share(proc: str, cgroups: str) -> float:
    """The share of the memory that can be had without swapping, 0 to 1.

    Of the machine's memory, or of the smallest part of it that a control group of ours may have.

    Args:
        proc: where the kernel tells about processes.
        cgroups: where control groups are mounted; there need not be any.

    Raises:
        OSError: the machine's memory cannot be read.
    """
    machine = table_of(content(f"{proc}/meminfo"))
    total_bytes = machine["MemTotal:"] * 1024
    shares = [machine["MemAvailable:"] / machine["MemTotal:"]]
    for group in memory_groups(proc, cgroups):
        limit_bytes = group.limit_bytes()
        if limit_bytes and limit_bytes < total_bytes:  # without a limit version 1 says a huge number
            try:
                shares.append(1 - group.used_bytes() / limit_bytes)
            except FileNotFoundError:  # it went meanwhile
                continue
    return max(0.0, min(shares))
