"""How far a job is: what has been listed and counted, and how that reads as progress and report."""

import dataclasses
import time
from typing import Any

from pixfarm.control import Control
from pixfarm.model import Failure, ImageRecord, JobReport, JobSpec, JobStatus, JobSummary
from pixfarm.tally import Tally


@dataclasses.dataclass(frozen=True, slots=True)
class Before:
    """What came of an earlier run of a job: a summary, and the first images that failed or have flags."""

    summary: JobSummary
    failures: tuple[Failure, ...]
    flags: tuple[ImageRecord, ...] = ()


class Progress:
    """What is known of one job.

    Args:
        spec: the job.
        control: its state.
        before: what came of an earlier run, which this one goes on with.
    """

    def __init__(self, spec: JobSpec, control: Control, before: Before | None = None) -> None:
        self._spec = spec
        self._control = control
        self.tally = Tally()
        if before is not None:
            self.tally.restore(before.summary, before.failures, before.flags)
        self._submitted_at = time.time() if before is None else before.summary.submitted_at
        # Two passes over the directory: a quick one that only counts, and the one that hands out the images.
        self.counted = 0
        self.is_counted = False
        self.listed = 0
        self.is_listed = False

    def summary(self, message: str = "") -> JobSummary:
        """What progress and report have in common; ``message`` is what the job waits for."""
        stopped = self._control.stopped
        counts = self.tally.counts()
        ended = sum(counts[name] for name in ("done", "skipped", "failed", "not_done"))
        return JobSummary(
            job_id=self._spec.job_id,
            base_path=self._spec.base_path,
            strategy=self._spec.strategy,
            state=self._control.state,
            # Images of an earlier run may be gone from the directory: they are counted all the same.
            total=max(ended, self.listed, 0 if self.is_listed else self.counted),
            **counts,
            elapsed_s=self._control.stopwatch.elapsed_s(),
            nodes=self.tally.nodes(),
            code=str(stopped.code) if stopped else "",
            message=str(stopped) if stopped else message,
            priority=self._spec.priority,
            submitted_at=self._submitted_at,
            recipe=self._spec.recipe,
            output=self._spec.output,
        )

    def status(self, running: int, message: str) -> JobStatus:
        """Progress so far, with the number of images under way."""
        is_complete = self.is_listed or self.is_counted
        return status_of(self.summary(message), running=running, listing_complete=is_complete)

    def report(self) -> JobReport:
        """What came of it; final when the job has ended."""
        return report_of(self.summary(), self.tally.failures(), self.tally.flags())


def status_of(summary: JobSummary, *, running: int = 0, listing_complete: bool = True) -> JobStatus:
    """A summary as progress."""
    return JobStatus(**_fields(summary), running=running, listing_complete=listing_complete)


def report_of(
    summary: JobSummary, failures: tuple[Failure, ...], flags: tuple[ImageRecord, ...] = ()
) -> JobReport:
    """A summary as a report."""
    return JobReport(**_fields(summary), failures=failures, flags=flags)


def _fields(summary: JobSummary) -> dict[str, Any]:
    return {field.name: getattr(summary, field.name) for field in dataclasses.fields(JobSummary)}
