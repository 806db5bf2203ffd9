"""A journal that keeps in memory what pixfarm.journal keeps on disk, and commits when a test says so."""

import dataclasses
import math
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from pixfarm.errors import UnknownJob
from pixfarm.journal import Counted, JournaledJob, Provenance, SizeRange, Sizes
from pixfarm.model import ImageRecord, ImageState, JobSpec, JobState, JobSummary


@dataclass(frozen=True)
class Row:
    """What came of an image of a job."""

    job_id: str
    record: ImageRecord
    origin: Provenance | None


class FakeJournal:
    """Has the methods of Journal.

    Args:
        holds_back: rows and snapshots are committed by flush(), not at once.
    """

    def __init__(self, *, holds_back: bool = False) -> None:
        self.problem = ""
        self.recorded: list[Row] = []
        self.saved: list[JobSummary] = []
        self._holds_back = holds_back
        self._lock = threading.RLock()
        self._jobs: dict[str, JournaledJob] = {}
        self._owners: dict[str, str] = {}
        self._rows: dict[tuple[str, str], Row] = {}
        self._queue: list[Callable[[], None]] = []

    def hurry(self) -> None:
        pass  # whatever is put can be committed

    def flush(self, timeout_s: float = math.inf) -> None:
        with self._lock:
            queued, self._queue = self._queue, []
            for commit in queued:
                commit()

    def add_job(self, spec: JobSpec, token: str, summary: JobSummary) -> None:
        self.flush()
        with self._lock:
            if spec.job_id in self._jobs:
                raise ValueError(f"the journal has {spec.job_id} already")
            self._jobs[spec.job_id] = JournaledJob(spec, token, summary)
            self._owners[token] = spec.job_id

    def add_token(self, job_id: str, token: str) -> None:
        self.flush()
        with self._lock:
            self._jobs[job_id] = dataclasses.replace(self._known(job_id), token=token)
            self._owners[token] = job_id

    def save(self, summary: JobSummary) -> None:
        def commit() -> None:
            known = self._known(summary.job_id)
            self._jobs[summary.job_id] = dataclasses.replace(known, summary=summary)

        with self._lock:
            self._known(summary.job_id)
            self.saved.append(summary)
            self._put(commit)

    def record(
        self, job_id: str, record: ImageRecord, provenance: Provenance | None, on_recorded: Callable[[], None]
    ) -> None:
        row = Row(job_id, record, provenance)

        def commit() -> None:
            self._rows[job_id, record.filename] = row
            on_recorded()

        with self._lock:
            self._known(job_id)
            self.recorded.append(row)
            self._put(commit)

    def job(self, job_id: str) -> JournaledJob | None:
        with self._lock:
            return self._jobs.get(job_id)

    def jobs(self, limit: int) -> list[JournaledJob]:
        with self._lock:
            return list(self._jobs.values())[-limit:]

    def unfinished(self) -> list[JournaledJob]:
        unended = {JobState.RUNNING, JobState.PAUSED}
        with self._lock:
            return [job for job in self._jobs.values() if job.summary.state in unended]

    def owner_of(self, token: str) -> str | None:
        with self._lock:
            return self._owners.get(token)

    def images(
        self, job_id: str, after: str, limit: int, states: Collection[ImageState] = ()
    ) -> list[ImageRecord]:
        records = [row.record for row in self._rows_of(job_id) if row.record.filename > after]
        return [record for record in records if not states or record.state in states][:limit]

    def ended(self, job_id: str, names: Sequence[str]) -> set[str]:
        ended = {
            row.record.filename
            for row in self._rows_of(job_id)
            if row.record.state is not ImageState.NOT_DONE
        }
        return ended & set(names)

    def last_done(self, base_path: str, fingerprint: str, names: Sequence[str]) -> dict[str, Provenance]:
        with self._lock:
            jobs = [job.spec for job in self._jobs.values() if job.spec.base_path == base_path]
        last: dict[str, Provenance] = {}
        for spec in jobs:
            for row in self._rows_of(spec.job_id):
                origin = row.origin
                if origin and origin.pipeline == fingerprint and row.record.filename in names:
                    last[row.record.filename] = origin
        return last

    def counted(self, job_id: str) -> Counted:
        states: Counter[ImageState] = Counter()
        nodes: defaultdict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
        for row in self._rows_of(job_id):
            states[row.record.state] += 1
            if row.record.state is ImageState.DONE:
                done, seconds = nodes[row.record.node]
                nodes[row.record.node] = (done + 1, seconds + row.record.seconds)
        return Counted(
            done=states[ImageState.DONE],
            failed=states[ImageState.FAILED],
            not_done=states[ImageState.NOT_DONE],
            skipped=states[ImageState.SKIPPED],
            nodes=dict(nodes),
            flagged=len(self.flagged(job_id, sys.maxsize)),
        )

    def flagged(self, job_id: str, limit: int) -> list[ImageRecord]:
        return [row.record for row in self._rows_of(job_id) if row.record.flags][:limit]

    def sizes(self, job_id: str) -> Sizes:
        done = [row.record for row in self._rows_of(job_id) if row.record.width_px]
        return Sizes(
            Counter(record.width_px for record in done), Counter(record.height_px for record in done)
        )

    def outside(self, job_id: str, usual: SizeRange) -> Iterator[ImageRecord]:
        for row in self._rows_of(job_id):
            width, height = row.record.width_px, row.record.height_px
            is_usual = usual.narrowest <= width <= usual.widest and usual.lowest <= height <= usual.highest
            if width and not is_usual:
                yield row.record

    def write_flags(self, job_id: str, records: Sequence[ImageRecord]) -> None:
        self.flush()
        with self._lock:
            for record in records:
                known = self._rows[job_id, record.filename]
                self._rows[job_id, record.filename] = dataclasses.replace(known, record=record)

    def states(self, job_id: str = "job-1") -> dict[str, ImageState]:
        """What has come of each image, as committed."""
        return {row.record.filename: row.record.state for row in self._rows_of(job_id)}

    def _rows_of(self, job_id: str) -> list[Row]:
        with self._lock:
            self._known(job_id)
            return [row for (owner, _), row in sorted(self._rows.items()) if owner == job_id]

    def _known(self, job_id: str) -> JournaledJob:
        if job_id not in self._jobs:
            raise UnknownJob(job_id)
        return self._jobs[job_id]

    def _put(self, commit: Callable[[], None]) -> None:
        if self._holds_back:
            self._queue.append(commit)
        else:
            commit()
