"""What is committed together: rows of images, snapshots of jobs, and what somebody waits for."""

import math
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pixfarm.journal.values import JobKey, Provenance
from pixfarm.model import ImageRecord


class ImageRow(NamedTuple):
    """What came of an image of a job."""

    key: JobKey
    record: ImageRecord
    origin: Provenance | None


class Snapshot(NamedTuple):
    """How far a job is: its state, and its summary as JSON."""

    state: str
    summary: str


@dataclass(frozen=True, slots=True)
class Request:
    """What the journal's thread is to call, and where somebody waits for what it returns or raises."""

    work: Callable[[], Any]
    answer: Future[Any] = field(default_factory=Future)


@dataclass(slots=True)
class Batch:
    """One transaction.

    Args:
        due_at: when it is to be committed, by time.monotonic; set when the first thing goes into it.
        rows: in the order in which they came.
        callbacks: one for each row, called when it is committed.
        snapshots: the latest of each job, by the job's number.
        orders: what else is to be written, and to survive a power cut.
        flushes: told when it is committed.
    """

    due_at: float = math.inf
    rows: list[ImageRow] = field(default_factory=list)
    callbacks: list[Callable[[], None]] = field(default_factory=list)
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    orders: list[Request] = field(default_factory=list)
    flushes: list[Future[None]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it and nobody waits for it."""
        return not (self.rows or self.snapshots or self.orders or self.flushes)
