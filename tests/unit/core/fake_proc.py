"""A /proc that a test writes, in the kernel's format."""

import shutil
from pathlib import Path

TICKS_PER_S = 100
NODE = 100
GIB_KB = 1024 * 1024


class FakeProc:
    """A machine of idle cores whose processes and times a test sets.

    Args:
        folder: where to put it; an empty one.
        cores: how many.
    """

    def __init__(self, folder: Path, cores: int = 2) -> None:
        self.proc = folder / "proc"
        self.cgroups = folder / "cgroup"
        # user nice system idle iowait irq softirq steal guest guest_nice, in ticks
        self.cores = [[0.0] * 10 for _ in range(cores)]
        self.runnable = 1
        self.memory_kb = (16 * GIB_KB, 12 * GIB_KB)
        self.groups = ["0::/"]
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "self" / "schedstat").write_text("1000 0 1\n")
        self.process(1, parent=0, name="init")
        self.process(NODE, parent=1, name="python3")
        self.write()

    def process(
        self,
        pid: int,
        parent: int,
        *,
        used: tuple[int, int, int, int] = (0, 0, 0, 0),
        waited_ns: dict[int, int] | None = None,
        name: str = "worker",
    ) -> None:
        """Starts a process, or changes it; times in ticks and, of each thread, in nanoseconds."""
        folder = self.proc / str(pid)
        shutil.rmtree(folder, ignore_errors=True)
        numbers = " ".join(map(str, used))
        (folder / "task").mkdir(parents=True)
        (folder / "stat").write_text(
            f"{pid} ({name}) S {parent} {pid} {pid} 0 -1 4194560 9 9 9 9 {numbers} 20 0 1 0 1234 99 99\n"
        )
        for thread, nanoseconds in (waited_ns or {pid: 0}).items():
            (folder / "task" / str(thread)).mkdir()
            (folder / "task" / str(thread) / "schedstat").write_text(f"1000 {nanoseconds} 3\n")

    def end(self, pid: int) -> None:
        shutil.rmtree(self.proc / str(pid))

    def group(self, path: str, files: dict[str, str]) -> None:
        """A control group."""
        folder = self.cgroups / path
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)

    def write(self) -> None:
        """Brings the files of the whole machine up to date."""
        rows = [("cpu", [sum(column) for column in zip(*self.cores, strict=True)])]
        rows += [(f"cpu{number}", ticks) for number, ticks in enumerate(self.cores)]
        lines = [f"{name} {' '.join(str(round(tick)) for tick in ticks)}\n" for name, ticks in rows]
        lines += ["intr 12345 0 0 17\n", "ctxt 99\n", f"procs_running {self.runnable}\n"]
        (self.proc / "stat").write_text("".join(lines))
        (self.proc / "loadavg").write_text(f"0.50 0.40 0.30 {self.runnable}/345 6789\n")
        total, available = self.memory_kb
        (self.proc / "meminfo").write_text(
            f"MemTotal:  {total} kB\nMemFree:  1 kB\nMemAvailable:  {available} kB\nHugePages_Total:  0\n"
        )
        (self.proc / "self" / "cgroup").write_text("".join(f"{line}\n" for line in self.groups))
