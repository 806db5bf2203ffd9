"""A process and its descendants: what they used of the cores, and how long they waited for one."""

import os

from pixfarm.kernel_files import content

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_NS_PER_S = 1e9
_GONE = (FileNotFoundError, ProcessLookupError)

# In /proc/PID/stat, counted from behind the name, which may hold anything.
_PARENT = 1
_CPU_TIMES = slice(11, 15)  # own in user and system mode, and the same of children that were waited for


class ProcessTree:
    """Adds up the times of a process and of all that descend from it; for one thread.

    Whoever was seen as a descendant stays one, also when its parent dies and it gets another.

    Args:
        pid: the root.
        proc: where the kernel tells about processes.
    """

    def __init__(self, pid: int, proc: str) -> None:
        self._proc = proc
        self._known: set[int] = set()
        self._own = {pid}
        self._last_used_s = 0.0
        self._last_waited_s: dict[str, float] = {}
        self.used_s = 0.0
        self.waited_s = 0.0

    def update(self) -> None:
        """Reads all times anew; ``used_s`` and ``waited_s`` never fall."""
        self._find()
        used_s = 0.0
        waited_s: dict[str, float] = {}
        for pid in self._own:
            try:
                used_s += sum(int(ticks) for ticks in self._stat(pid)[_CPU_TIMES]) / _TICKS_PER_S
                for thread in os.listdir(f"{self._proc}/{pid}/task"):  # noqa: PTH208 - see files
                    path = f"{self._proc}/{pid}/task/{thread}/schedstat"
                    waited_s[thread] = int(content(path).split()[1]) / _NS_PER_S
            except _GONE:
                continue  # what it used is told by its parent, which waited for it
        # Less than before: a process ended whose parent was none of ours any more.
        self.used_s += max(0.0, used_s - self._last_used_s)
        self._last_used_s = used_s
        self.waited_s += sum(
            max(0.0, seconds - self._last_waited_s.get(thread, 0.0)) for thread, seconds in waited_s.items()
        )
        self._last_waited_s = waited_s

    def _find(self) -> None:
        """Asks only processes that are new for their parents: there may be thousands."""
        pids = {int(name) for name in os.listdir(self._proc) if name.isdigit()}  # noqa: PTH208 - see files
        parents = {pid: self._parent(pid) for pid in pids - self._known}
        own = self._own & pids
        while children := {pid for pid, parent in parents.items() if parent in own} - own:
            own |= children
        self._known = pids
        self._own = own

    def _parent(self, pid: int) -> int | None:
        try:
            return int(self._stat(pid)[_PARENT])
        except (*_GONE, PermissionError):  # hidden from us: not ours
            return None

    def _stat(self, pid: int) -> list[bytes]:
        return content(f"{self._proc}/{pid}/stat").rpartition(b")")[2].split()
