"""The jobs of a server, printed."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final, TextIO

from pixfarm.console import text
from pixfarm.console.outcome import images_per_s
from pixfarm.console.sheet import Column, Sheet
from pixfarm.console.standing import total_words
from pixfarm.console.stream import can_draw, write_line
from pixfarm.model import JobState, JobStatus

COLUMNS: Final = (
    Column("job", style="bold"),
    Column("submitted"),
    Column("state"),
    Column("base path"),
    Column("done", numeric=True),
    Column("failed", numeric=True, style="red"),
    Column("skipped", numeric=True),
    Column("elapsed", numeric=True),
    Column("images/s", numeric=True),
)


def print_jobs(jobs: Sequence[JobStatus], stream: TextIO | None = None) -> None:
    """Print ``jobs`` on ``stream``, stdout when left out: drawn on a terminal, else as plain lines."""
    stream = sys.stdout if stream is None else stream
    if can_draw(stream):
        # Rich takes 25 ms to import: only who sees it waits for it.
        from pixfarm.console.drawing import console_on  # noqa: PLC0415
        from pixfarm.console.drawn_history import draw_jobs  # noqa: PLC0415

        draw_jobs(jobs, console_on(stream))
        return
    write_line(stream, jobs_headline(jobs))
    for line in jobs_sheet(jobs).lines() if jobs else []:
        write_line(stream, f"  {line}")


def jobs_headline(jobs: Sequence[JobStatus]) -> str:
    """How many jobs there are, and in which state: 3 jobs: 1 running, 2 finished."""
    if not jobs:
        return "the server has no jobs"
    states = Counter(job.state for job in jobs)
    parts = [f"{states[state]} {state.value}" for state in JobState if states[state]]
    return f"{text.counted(len(jobs), 'job')}: {', '.join(parts)}"


def jobs_sheet(jobs: Sequence[JobStatus], columns: int = len(COLUMNS)) -> Sheet:
    """A row per job, with the first so many columns."""
    return Sheet.of(COLUMNS[:columns], (_row(job)[:columns] for job in jobs))


def _row(job: JobStatus) -> list[str]:
    return [
        job.job_id,
        text.moment(job.submitted_at),
        job.state.value,
        job.base_path,
        f"{text.count(job.done)}/{total_words(job)}",
        text.count(job.failed),
        text.count(job.skipped),
        text.duration(job.elapsed_s),
        text.rate(images_per_s(job)),
    ]
