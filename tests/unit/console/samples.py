"""Statuses, reports and streams to print in tests."""

import dataclasses
import io
import re
from typing import Any

from pixfarm.console import Progress
from pixfarm.errors import FailureCode
from pixfarm.model import (
    Failure,
    ImageRecord,
    ImageState,
    JobReport,
    JobState,
    JobStatus,
    NodeCounts,
    Strategy,
)
from pixfarm.phases import Phases
from pixfarm.recipe import Recipe

NODES = (
    NodeCounts(name="node_1", done=200, refused=41, failed=0, mean_s=0.0184),
    NodeCounts(name="node_2", done=100, refused=0, failed=2, mean_s=1.5),
)
REPORT = JobReport(
    job_id="job-7",
    base_path="/srv/pics",
    strategy=Strategy.LOAD_BALANCING,
    state=JobState.FINISHED,
    total=300,
    done=300,
    failed=0,
    not_done=0,
    rejections=41,
    retries=2,
    elapsed_s=12.3,
    nodes=NODES,
    failures=(),
)
STATUS = JobStatus(
    job_id="job-7",
    base_path="/srv/pics",
    strategy=Strategy.LOAD_BALANCING,
    state=JobState.RUNNING,
    total=300,
    done=0,
    failed=0,
    not_done=0,
    rejections=0,
    retries=0,
    elapsed_s=0.0,
    nodes=(),
    running=8,
    listing_complete=True,
)
TIMED = tuple(
    dataclasses.replace(node, phases=Phases(6.0, 0.3, 36.0, 3.0, (3.0, 1.5), 4.5, 1.5)) for node in NODES
)
HOSTILE = "a\nb\x1b[31m\x07\u202egpj.exe[bold]x[/bold] :smile: \udcff.png"
HARMLESS = "a\\nb\\x1b[31m\\x07\\u202egpj.exe[bold]x[/bold] :smile: \\udcff.png"


def report(**changes: Any) -> JobReport:
    return dataclasses.replace(REPORT, **changes)


def status(**changes: Any) -> JobStatus:
    return dataclasses.replace(STATUS, **changes)


def cancelled_report(listed: int = 100) -> JobReport:
    failures = tuple(cancelled(f"img_{i:03}.jpg") for i in range(listed))
    return report(
        state=JobState.CANCELLED, done=120, not_done=180, code="CANCELLED", message="", failures=failures
    )


def cancelled(filename: str) -> Failure:
    return Failure(filename, FailureCode.CANCELLED, "the job was cancelled")


def timed_report(pipeline: str = "resize: width=8 | sharpen", **changes: Any) -> JobReport:
    """A report of nodes that tell where the time of their images went."""
    return report(nodes=TIMED, recipe=Recipe(pipeline), **changes)


def flagged_report(flagged: int) -> JobReport:
    flags = [
        ImageRecord(
            filename=f"img_{number:03}.jpg", state=ImageState.DONE, flags=("clipped", "outlier"),
            width_px=1600, height_px=12,
        )
        for number in range(min(flagged, 100))
    ]  # fmt: skip
    return report(flagged=flagged, flags=tuple(flags))


def break_off(progress: Progress, *shown: JobStatus) -> None:
    """Show statuses, then leave as when the connection to the server is lost."""
    with progress:
        for one in shown:
            progress.show(one)
        raise ConnectionError


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and keeps what it is sent."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        """What was sent, without colours and emphasis; any other escape sequence is still there."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.getvalue())
