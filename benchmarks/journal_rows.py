"""Journals to measure with, and rows for them, without end and without order."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pixfarm.journal import Journal, Provenance
from pixfarm.model import ImageRecord, ImageState, JobSpec, JobState, JobSummary, Strategy

_EPOCH_NS = 1_700_000_000_000_000_000

BASE = "/srv/pictures"
JOB = "bench"


class RowSource:
    """Images that were done, each with a name of its own; the same ones every time."""

    def __init__(self) -> None:
        self._made = 0

    def rows(self, count: int) -> Iterator[tuple[ImageRecord, Provenance]]:
        """The next so many."""
        for _ in range(count):
            yield _row(self._made)
            self._made += 1


def new_journal(folder: Path) -> Journal:
    """A journal with one job and no rows."""
    journal = Journal(folder)
    summary = JobSummary(
        job_id=JOB,
        base_path=BASE,
        strategy=Strategy.RANDOM,
        state=JobState.FINISHED,
        total=0,
        done=0,
        failed=0,
        not_done=0,
        rejections=0,
        retries=0,
        elapsed_s=0.0,
        nodes=(),
    )
    journal.add_job(JobSpec(JOB, BASE, Strategy.RANDOM), "0" * 32, summary)
    return journal


def filled_journal(folder: Path, source: RowSource, rows: int) -> None:
    """Makes a state directory whose journal has so many rows."""
    with closing(new_journal(folder)) as journal:
        for record, origin in source.rows(rows):
            journal.record(JOB, record, origin, nothing)
        journal.flush()


def drawn_names(rows: int, size: int, rng: random.Random) -> list[str]:
    """Different names of the first so many rows, drawn by chance."""
    return [_name(number) for number in rng.sample(range(rows), size)]


def nothing() -> None:
    """What is to be done when a row is committed: a server's part of it is measured elsewhere."""


def _name(number: int) -> str:
    mixed = _mixed(number)
    return f"camera_{mixed % 97:02}/2026-11/IMG_{mixed:010}.jpg"


def _row(number: int) -> tuple[ImageRecord, Provenance]:
    mixed = _mixed(number)
    record = ImageRecord(
        filename=_name(number),
        state=ImageState.DONE,
        node=f"node_{mixed % 4 + 1}",
        attempts=1,
        seconds=0.01 + mixed % 9973 / 1e6,
        bytes_written=150_000 + mixed % 50_000,
    )
    time_ns = _EPOCH_NS + mixed
    return record, Provenance(
        200_000 + mixed % 9973, time_ns, record.bytes_written, time_ns + 1000, "edges 1"
    )


def _mixed(number: int) -> int:
    """Another 32-bit number for each, as if by chance (the last step of MurmurHash3, by Austin Appleby)."""
    # A mere multiplication would spread the names too evenly: all pages of a file would split at one time.
    number ^= number >> 16
    number = number * 0x85EBCA6B % 2**32
    number ^= number >> 13
    number = number * 0xC2B2AE35 % 2**32
    return number ^ number >> 16
