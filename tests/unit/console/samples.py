"""Statuses, reports and streams to print in tests."""

import dataclasses
import io
import re
from typing import Any

from pixfarm.console import Progress
from pixfarm.errors import FailureCode
from pixfarm.model import Failure, JobReport, JobState, JobStatus, NodeCounts, Strategy

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
