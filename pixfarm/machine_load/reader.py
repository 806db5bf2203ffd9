"""What the kernel tells of the machine's cores, its memory and the node's own share."""

import errno
import os
import time
from collections.abc import Callable, Collection

from pixfarm.kernel_files import content
from pixfarm.machine_load.formula import Reading
from pixfarm.machine_load.memory import available_share
from pixfarm.machine_load.processes import ProcessTree

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")

# In a line of /proc/stat behind the core's name; time of virtual machines is in user and nice already.
_TASKS = slice(0, 3)  # user, nice, system
_IDLE = slice(3, 5)  # idle, waiting for disks


def own_cores() -> Collection[int]:
    """The cores that this process may use."""
    return os.sched_getaffinity(os.getpid())


class MachineReader:
    """Reads a machine; for one thread.

    Args:
        pid: the node.
        proc: where the kernel tells about processes.
        cgroups: where control groups are mounted.
        cores: which cores the node may use.
        clock: seconds.
    """

    def __init__(
        self,
        pid: int,
        proc: str = "/proc",
        cgroups: str = "/sys/fs/cgroup",
        cores: Callable[[], Collection[int]] = own_cores,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._proc = proc
        self._cgroups = cgroups
        self._cores = cores
        self._clock = clock
        self._tree = ProcessTree(pid, proc)
        self._glances: list[int] = []
        self._runnable_s = 0.0
        self._read_at_s = clock()

    def check(self) -> None:
        """Makes sure that the kernel tells how long tasks wait.

        Raises:
            OSError: it does not (it lacks CONFIG_SCHED_INFO), or it has no /proc.
        """
        path = f"{self._proc}/self/schedstat"
        if content(path).split()[0] == b"0":
            raise OSError(errno.ENOTSUP, "all zero", path)

    def glance(self) -> None:
        """Counts the runnable tasks of this moment; cheap, and needed often: a count is no mean."""
        runnable, _, _ = content(f"{self._proc}/loadavg").split()[3].partition(b"/")
        self._glances.append(int(runnable) - 1)  # without the one that counts

    def read(self) -> Reading:
        """All that the formula needs of this moment, and of the glances since the last reading.

        Raises:
            OSError: something cannot be read.
        """
        usable = {f"cpu{number}".encode() for number in self._cores()}
        now_s = self._clock()
        busy_ticks = idle_ticks = busy_everywhere_ticks = 0
        for line in content(f"{self._proc}/stat").splitlines():
            name, *ticks = line.split(maxsplit=9)
            if name == b"cpu":
                busy_everywhere_ticks = sum(map(int, ticks[_TASKS]))
            elif name in usable:
                busy_ticks += sum(map(int, ticks[_TASKS]))
                idle_ticks += sum(map(int, ticks[_IDLE]))
        self._tree.update()
        if self._glances:
            self._runnable_s += sum(self._glances) / len(self._glances) * (now_s - self._read_at_s)
            self._glances.clear()
        self._read_at_s = now_s
        return Reading(
            at_s=now_s,
            cores=len(usable),
            busy_s=busy_ticks / _TICKS_PER_S,
            idle_s=idle_ticks / _TICKS_PER_S,
            busy_everywhere_s=busy_everywhere_ticks / _TICKS_PER_S,
            runnable_s=self._runnable_s,
            own_used_s=self._tree.used_s,
            own_waited_s=self._tree.waited_s,
        )

    def available(self) -> float:
        """The share of the memory that is available, 0 to 1."""
        return available_share(self._proc, self._cgroups)
