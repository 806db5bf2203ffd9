"""What the journal is told and tells beside the values of `pixfarm.model`."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from pixfarm.model import JobSpec, JobSummary


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result was made from, and how: sizes in bytes, modification times in ns since 1970."""

    source_bytes: int
    source_mtime_ns: int
    result_bytes: int
    result_mtime_ns: int
    pipeline: str


@dataclass(frozen=True, slots=True)
class JournaledJob:
    """A job as the journal has it: what was asked for, the token of its latest run, and how far it was."""

    spec: JobSpec
    token: str
    summary: JobSummary


@dataclass(frozen=True, slots=True)
class Counted:
    """Images of a job by what came of them, and per node how many it did and in how many seconds.

    ``flagged`` are those done whose result has flags.
    """

    done: int
    failed: int
    not_done: int
    skipped: int
    nodes: dict[str, tuple[int, float]]
    flagged: int = 0


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of the results of a job, how many have each width and how many each height, in pixels."""

    widths: Counter[int]
    heights: Counter[int]


@dataclass(frozen=True, slots=True)
class SizeRange:
    """The sizes from ``narrowest`` to ``widest`` and from ``lowest`` to ``highest``, in pixels."""

    narrowest: float
    widest: float
    lowest: float
    highest: float


class JobKey(NamedTuple):
    """How the rows of a job's images begin: the numbers of its base path and of the job."""

    base: int
    job: int
