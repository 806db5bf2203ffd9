"""The control groups that this process is in, and what memory they may have."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from pixfarm.kernel_files import content


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


@dataclass(frozen=True, slots=True)
class MemoryGroup:
    """A control group; it need not be in sight: in a container the names may be those outside."""

    folder: str
    version: _Version

    def limit_bytes(self) -> int | None:
        """What it may have; None without a limit, and where that cannot be read."""
        try:
            text = content(f"{self.folder}/{self.version.limit}").strip()
        except OSError:  # the topmost group has none
            return None
        return int(text) if text.isdigit() else None  # "max" is no limit

    def used_bytes(self) -> int:
        """What it has and the kernel could not take back without swapping.

        Raises:
            OSError: that cannot be read.
        """
        table = table_of(content(f"{self.folder}/memory.stat"))
        used_bytes = int(content(f"{self.folder}/{self.version.used}"))
        return used_bytes - sum(table[name] for name in self.version.reclaimable)


def memory_groups(proc: str, cgroups: str) -> Iterator[MemoryGroup]:
    """The groups of this process and those that they are part of, whether they are to be seen or not.

    Args:
        proc: where the kernel tells about processes.
        cgroups: where control groups are mounted; there need not be any.
    """
    try:
        lines = content(f"{proc}/self/cgroup").decode(errors="surrogateescape").splitlines()
    except OSError:  # a kernel without control groups
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        version = _VERSIONS.get("memory" if "memory" in controllers.split(",") else controllers)
        if version:
            for group in (PurePosixPath(path), *PurePosixPath(path).parents):
                yield MemoryGroup(f"{cgroups}{version.mount}{group}", version)


def table_of(text: bytes) -> dict[str, int]:
    """The rows of a file like memory.stat or meminfo: a name and a number."""
    rows = (line.split() for line in text.decode().splitlines())
    return {row[0]: int(row[1]) for row in rows}
