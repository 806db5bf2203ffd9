"""A farm that can be harmed, and the jobs that run on it one after the other, each judged at its end."""

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from pixfarm.farm import NodeSpec
from tests.chaos.chaos_farm import ChaosFarm, Lodging
from tests.chaos.checker import Evidence, hit, judge, parts
from tests.chaos.fault_proxy import FaultProxy
from tests.chaos.job_run import JobRun
from tests.chaos.outcome import Outcome
from tests.chaos.result_reader import ResultReader
from tests.chaos.sources import Base
from tests.chaos.trace_file import TraceFile
from tests.chaos.undisturbed import known_originals

# Half of the images wait 0.1 s, so that there is something in flight to be hit at any moment.
SLOW = NodeSpec(0.5, ("--workers", "1", "--delay-s", "0.1"))
JOB_TIMEOUT_S = 180.0
_THAWED_S = 30.0


class Stage:
    """A farm in a folder, which keeps what a person needs when something was found; a context manager.

    Args:
        folder: made here.
        nodes: what to start.
        outcome: what is found is added to it.
        lodgings: see ChaosFarm.
    """

    def __init__(
        self,
        folder: Path,
        nodes: Sequence[NodeSpec],
        outcome: Outcome,
        lodgings: Mapping[str, Lodging] | None = None,
    ) -> None:
        self.folder = folder
        self.outcome = outcome
        self.job: JobRun | None = None
        self.bases: list[Base] = []
        folder.mkdir(parents=True, exist_ok=True)
        self.trace = TraceFile(folder / "trace.jsonl")
        self._originals = known_originals()
        self._proxy = FaultProxy()
        self.farm = ChaosFarm(nodes, self.trace.path, self._proxy, lodgings)
        self._parts = ExitStack()
        self._started_at = time.monotonic()

    def __enter__(self) -> Self:
        with ExitStack() as parts:
            parts.enter_context(self._proxy)
            parts.enter_context(self.farm)
            self._parts = parts.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Without the journal, whose files come and go while the server runs.
        logs, without = self.farm.machines_path.parent, shutil.ignore_patterns(".pixfarm")
        shutil.copytree(logs, self.folder / "farm", ignore=without, dirs_exist_ok=True)
        self._parts.close()
        self.outcome.seconds += time.monotonic() - self._started_at

    def new_base(self, images: int) -> Base:
        """A base path of that many images."""
        base = Base(self.folder / f"base_{len(self.bases)}", self._originals, images)
        self.bases.append(base)
        return base

    def submit(self, base: Base, *arguments: str) -> JobRun:
        """Starts a job; finish() must follow."""
        self.job = JobRun(self.farm, base, base.path / "clients", *arguments)
        return self.job

    def finish(self, job: JobRun, timeout_s: float = JOB_TIMEOUT_S) -> Evidence:
        """Waits for a job's end and judges it."""
        with ResultReader(job.base, len(self.bases)) as reader:
            job.wait(timeout_s)
        evidence = job.evidence(self.trace)
        self.outcome.found.add(judge(evidence, worker_deaths=self.farm.worker_deaths))
        self.outcome.found.add(reader.found)
        self.outcome.images += len(job.base.expected)
        self.outcome.hit += hit(evidence.events)
        self.outcome.reads += reader.reads
        self.outcome.jobs += 1
        return evidence

    def check_strays(self) -> None:
        """No temporary file may be left; a node that was frozen gets the time to end what it had."""
        deadline = time.monotonic() + _THAWED_S
        while (left := self._parts_left()) and time.monotonic() < deadline:
            time.sleep(0.5)
        self.outcome.found.stray.extend(left)

    def _parts_left(self) -> list[str]:
        return [f"{base.path.name}: {name}" for base in self.bases for name in parts(base.output_dir)]
