"""How much of the memory is available: of the machine's, or of what a control group may have."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from pixfarm.machine_load.files import content


@dataclass(frozen=True, slots=True)
class _Version:
    """What the files of a control group are called, and what of the use the kernel can take back: files."""

    mount: str
    limit: str
    used: str
    reclaimable: tuple[str, ...]


# By the controllers of a line in /proc/self/cgroup; mounted where systemd does it (docs.kernel.org, cgroup-v1
# and cgroup-v2).
_VERSIONS = {
    "": _Version("", "memory.max", "memory.current", ("inactive_file", "active_file")),
    "memory": _Version(
        "/memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        ("total_inactive_file", "total_active_file"),
    ),
}


def available_share(proc: str, cgroups: str) -> float:
    """The share of the memory that can be had without swapping, 0 to 1.

    Of the machine's memory, or of the smallest part of it that a control group of ours may have.

    Args:
        proc: where the kernel tells about processes.
        cgroups: where control groups are mounted; there need not be any.

    Raises:
        OSError: the machine's memory cannot be read.
    """
    machine = _table(content(f"{proc}/meminfo"))
    total_bytes = machine["MemTotal:"] * 1024
    shares = [machine["MemAvailable:"] / machine["MemTotal:"]]
    for place, version in _groups(proc, cgroups):
        try:
            limit = content(f"{place}/{version.limit}").strip()
            if (
                limit.isdigit() and 0 < int(limit) < total_bytes
            ):  # without one it says "max", or a huge number
                table = _table(content(f"{place}/memory.stat"))
                used_bytes = int(content(f"{place}/{version.used}"))
                used_bytes -= sum(table[name] for name in version.reclaimable)
                shares.append(1 - used_bytes / int(limit))
        except FileNotFoundError:  # a group without limits, or in a container the name of one outside
            continue
    return max(0.0, min(shares))


def _groups(proc: str, cgroups: str) -> Iterator[tuple[str, _Version]]:
    """The groups of this process and those that they are part of, whether they are to be seen or not."""
    try:
        lines = content(f"{proc}/self/cgroup").decode(errors="surrogateescape").splitlines()
    except FileNotFoundError:  # a kernel without control groups
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        version = _VERSIONS.get("memory" if "memory" in controllers.split(",") else controllers)
        if version:
            for group in (PurePosixPath(path), *PurePosixPath(path).parents):
                yield f"{cgroups}{version.mount}{group}", version


def _table(text: bytes) -> dict[str, int]:
    rows = (line.split() for line in text.decode().splitlines())
    return {row[0]: int(row[1]) for row in rows}
