"""The jobs of a server, over nodes that wait until a test lets them go on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pixfarm.dispatch import Job
from pixfarm.fleet import Fleet
from pixfarm.jobs import Jobs
from pixfarm.model import JobReport, JobSpec, Strategy
from pixfarm.name_lists import NameLists
from pixfarm.trace import Trace
from tests.unit.core.fake_journal import FakeJournal
from tests.unit.core.fake_nodes import Answer, FakeNodes
from tests.unit.core.farm_parts import NO_LISTS, PATIENCE_S, farm_of, fleet_of
from tests.unit.core.job_rig import Gate

BALANCED = Strategy.LOAD_BALANCING


class JobsRig:
    """The jobs of one server; images are done when the gate is open."""

    def __init__(
        self,
        journal: FakeJournal | None = None,
        answer: Answer | None = None,
        fleet: Fleet | None = None,
        trace: Trace | None = None,
        lists: NameLists = NO_LISTS,
    ) -> None:
        self.gate = Gate()
        self.reports: list[JobReport] = []
        self._one_ended = threading.Condition()
        self.nodes = FakeNodes(otherwise=answer or self.gate)
        self.journal = journal or FakeJournal()
        self.fleet = fleet or fleet_of(0.0, workers=20)
        farm = farm_of(self.nodes, self.fleet, journal=self.journal, trace=trace, lists=lists)
        self.jobs = Jobs(farm, self._on_end)

    def _on_end(self, report: JobReport) -> None:
        with self._one_ended:
            self.reports.append(report)
            self._one_ended.notify_all()

    def submit(
        self, base: Path | str, job_id: str = "", strategy: Strategy = BALANCED, **options: object
    ) -> Job:
        """A job that runs."""
        spec = replace(JobSpec(job_id, str(base), strategy), **options)  # type: ignore[arg-type]
        job = self.jobs.submit(spec)
        assert job is not None
        return job

    def wait_for_ends(self, count: int) -> list[JobReport]:
        """The reports, once there are that many."""
        with self._one_ended:
            assert self._one_ended.wait_for(lambda: len(self.reports) >= count, PATIENCE_S)
        return self.reports

    def finish(self, count: int) -> list[JobReport]:
        """The reports of that many jobs, which are let go on."""
        self.gate.open()
        return self.wait_for_ends(count)

    def stop(self) -> None:
        """Ends the server in order."""
        self.gate.open()
        self.jobs.close(PATIENCE_S)


@contextmanager
def server(journal: FakeJournal | None = None, *, paused: bool = False, **parts: object) -> Iterator[JobsRig]:
    """A server that has started, and is stopped in the end."""
    rig = JobsRig(journal, **parts)  # type: ignore[arg-type]
    rig.jobs.start(paused=paused)
    try:
        yield rig
    finally:
        rig.stop()


def no_thread(name: str) -> Callable[[threading.Thread], None]:
    """In place of Thread.start: no thread whose name begins so can be started."""
    start = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        if thread.name.startswith(name):
            raise RuntimeError("can't start new thread")
        start(thread)

    return start_some
