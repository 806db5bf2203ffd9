"""A job that runs in a thread of its own over nodes that wait until a test lets them go on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pixfarm.dispatch import Job
from pixfarm.fleet import Fleet
from pixfarm.model import JobReport, JobSpec, Strategy, Task
from pixfarm.progress import Before
from pixfarm.recipe import EDGES, Recipe
from pixfarm.slots import Slots
from tests.unit.core.fake_journal import FakeJournal
from tests.unit.core.fake_nodes import Answer, FakeNodes
from tests.unit.core.farm_parts import PATIENCE_S, Ping, farm_of, fleet_of, silent, spec, start, summary


class Gate:
    """The answer of nodes that do images when it is open.

    Args:
        holds: whether it holds an image back; None for all.
    """

    def __init__(self, holds: Callable[[Task], bool] | None = None) -> None:
        self._holds = holds or (lambda _task: True)
        self._open = threading.Event()
        self._changed = threading.Condition()
        self.held: list[str] = []

    def __call__(self, task: Task) -> None:
        if self._open.is_set() or not self._holds(task):
            return
        with self._changed:
            self.held.append(task.filename)
            self._changed.notify_all()
        assert self._open.wait(PATIENCE_S)

    def wait_until_held(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.held) >= count, PATIENCE_S)

    def open(self) -> None:
        self._open.set()


class WatchedSlots(Slots):
    """Slots that tell how often the end of a job has been looked for."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet.bound)
        self._looked = threading.Condition()
        self._looks = 0

    def wait_until_free(self, job_id: str, timeout_s: float) -> bool:
        is_free = super().wait_until_free(job_id, timeout_s)
        with self._looked:
            self._looks += 1
            self._looked.notify_all()
        return is_free

    def wait_for_looks(self, count: int = 20) -> None:
        """Returns when a job has looked that many more times for late images, and for its end."""
        with self._looked:
            until = self._looks + count
            assert self._looked.wait_for(lambda: self._looks >= until, PATIENCE_S)


class JobRig:
    """One job.

    Args:
        base: its base path.
        answer: of all nodes, or of those that ``by_node`` does not name.
        fleet: the nodes; two with two workers each otherwise.
    """

    def __init__(
        self,
        base: Path,
        answer: Answer | None = None,
        *,
        by_node: dict[str, Answer] | None = None,
        fleet: Fleet | None = None,
        strategy: Strategy = Strategy.LOAD_BALANCING,
        journal: FakeJournal | None = None,
        before: Before | None = None,
        ping: Ping = silent,
        skip_done: bool = False,
        recipe: Recipe = EDGES,
    ) -> None:
        self.base = base
        self.fleet = fleet or fleet_of(0.0, 0.0, workers=2)
        self.nodes = FakeNodes(by_node, otherwise=answer)
        self.journal = journal or FakeJournal()
        self.slots = WatchedSlots(self.fleet)
        self.farm = farm_of(self.nodes, self.fleet, journal=self.journal, slots=self.slots, ping=ping)
        job_spec: JobSpec = replace(spec(base, strategy), skip_done=skip_done, recipe=recipe)
        self.job = Job(job_spec, self.farm, list, before)
        if self.journal.job("job-1") is None:
            self.journal.add_job(job_spec, self.job.token, summary(base_path=str(base)))

    def run(self) -> JobReport:
        """The report, after the job was carried to its end in this thread."""
        self.job.run()
        assert self.job.control.has_ended
        return self.job.report()

    @contextmanager
    def running(self) -> Iterator[None]:
        """A time in which the job runs; returns when it has ended."""
        (thread,) = start(self.job.run)
        yield
        thread.join(PATIENCE_S)
        assert not thread.is_alive()

    @property
    def places_taken(self) -> int:
        return sum(node.in_flight for node in self.fleet.snapshot())

    def wait_until_idle(self) -> None:
        """Returns when no node has an image any more."""
        wait_until(lambda: not self.places_taken)

    def times_noted(self) -> dict[str, int]:
        """How often the end of each image was noted."""
        names = [row.record.filename for row in self.journal.recorded]
        return {name: names.count(name) for name in names}


def counts(report: JobReport) -> tuple[int, int, int, int]:
    """Total, done, failed and not done; all that there is."""
    assert report.total == report.done + report.skipped + report.failed + report.not_done
    return report.total, report.done, report.failed, report.not_done


def wait_until(is_so: Callable[[], object]) -> None:
    """Returns when it is so; fails when it does not come about."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)
