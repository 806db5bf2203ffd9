"""One server after the other over the same journal on disk, with nodes that write real results."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pixfarm.errors import PixfarmError
from pixfarm.jobs import Jobs
from pixfarm.journal import Journal
from pixfarm.listing import source_tree
from pixfarm.model import JobReport, JobSpec, Machine, Strategy, Task, TaskResult
from pixfarm.recipe import Recipe
from tests.unit.core.farm_parts import PATIENCE_S, farm_of, fleet_of

BALANCED = Strategy.LOAD_BALANCING


class WritingNodes:
    """Does images as nodes do: copies the source to the target, and tells of both.

    ``pipeline`` is what it says that results were made with; ``before`` is called before each image is done.
    """

    def __init__(self) -> None:
        self.pipeline = Recipe().fingerprint
        self.before: Callable[[Task], object] = lambda _task: None
        self._lock = threading.Lock()
        self.done: list[str] = []

    def __call__(self, machine: Machine, task: Task, strategy: Strategy) -> TaskResult:
        self.before(task)
        tree = source_tree(task.base_path)
        source, target = tree.source_of(task.filename), tree.target_of(task.filename)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
        with self._lock:
            self.done.append(task.filename)
        read, written = source.stat(), target.stat()
        return TaskResult(
            task.attempt_id,
            waited_s=0.0,
            worked_s=0.01,
            width_px=4,
            height_px=3,
            bytes_written=written.st_size,
            source_bytes=read.st_size,
            source_mtime_ns=read.st_mtime_ns,
            result_mtime_ns=written.st_mtime_ns,
            pipeline=self.pipeline,
        )


class Server:
    """What of a server has to do with jobs."""

    def __init__(self, state: Path) -> None:
        self.journal = Journal(state)
        self.nodes = WritingNodes()
        self.reports: list[JobReport] = []
        self._one_ended = threading.Condition()
        fleet = fleet_of(0.0, 0.0, workers=2)
        self.jobs = Jobs(farm_of(self.nodes, fleet, journal=self.journal), self._on_end)

    def _on_end(self, report: JobReport) -> None:
        with self._one_ended:
            self.reports.append(report)
            self._one_ended.notify_all()

    def submit(self, spec: JobSpec) -> None:
        assert self.jobs.submit(spec) is not None

    def wait_for_end(self, count: int = 1) -> JobReport:
        """The report of the job that was the so-manieth to end."""
        with self._one_ended:
            assert self._one_ended.wait_for(lambda: len(self.reports) >= count, PATIENCE_S)
        return self.reports[count - 1]

    def stop(self) -> None:
        """In order: jobs are suspended, the journal is closed."""
        self.jobs.close(PATIENCE_S)
        self.journal.close()


@contextmanager
def server(state: Path, *, paused: bool = False) -> Iterator[Server]:
    """A server that has started, and is stopped in the end."""
    one = Server(state)
    try:
        one.jobs.start(paused=paused)
        yield one
    finally:
        one.stop()


class Failing:
    """Lets so many images pass, and fails those that come after in a certain way.

    Args:
        passes: how many are done first.
        error: what the others come to.
    """

    def __init__(self, passes: int, error: PixfarmError) -> None:
        self._lock = threading.Lock()
        self._left = passes
        self._error = error

    def __call__(self, task: Task) -> None:
        with self._lock:
            self._left -= 1
            if self._left < 0:
                raise type(self._error)(*self._error.args)


def put(base: Path, count: int) -> Path:
    """The base path, with that many sources."""
    (base / "input_dir").mkdir(parents=True)
    for i in range(count):
        (base / f"input_dir/img_{i:04}.jpg").write_bytes(b"source %d" % i)
    return base


def change(path: Path) -> None:
    """Something has written to a file since."""
    then = path.stat().st_mtime_ns + 1
    os.utime(path, ns=(then, then))
