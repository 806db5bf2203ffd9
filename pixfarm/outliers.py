"""Outliers: results whose size differs much from that of the other results of their job.

An image is one when its width or its height is more than FACTOR times the median of the job's done images, or
less than the median divided by FACTOR; and only where there are at least FEWEST_IMAGES done images.
"""

import dataclasses
from collections import Counter
from itertools import islice
from typing import Final

from pixfarm.journal import Journal, SizeRange
from pixfarm.model import ImageRecord, JobSpec
from pixfarm.tally import Tally

FLAG: Final = "outlier"
FACTOR: Final = 3.0
FEWEST_IMAGES: Final = 10
_BATCH: Final = 1000


def flag_outliers(spec: JobSpec, journal: Journal, tally: Tally) -> None:
    """Flags them in journal and tally, if the job's results are to be checked and all its images have ended.

    A job that stopped early is left: its median may be another one when it is resumed.

    Raises:
        StateUnusable: the journal is closed, or cannot be read.
    """
    if not spec.recipe.check or tally.counts()["not_done"]:
        return
    usual = usual_sizes(journal, spec.job_id)
    if usual is None:
        return
    found = (_flagged(record) for record in journal.outside(spec.job_id, usual) if FLAG not in record.flags)
    while batch := list(islice(found, _BATCH)):
        journal.write_flags(spec.job_id, batch)
        for record in batch:
            tally.flagged(record)


def usual_sizes(journal: Journal, job_id: str) -> SizeRange | None:
    """Which sizes are no outliers in a job; None when it has too few images to tell."""
    sizes = journal.sizes(job_id)
    if sizes.widths.total() < FEWEST_IMAGES:
        return None
    width_px, height_px = _median(sizes.widths), _median(sizes.heights)
    return SizeRange(width_px / FACTOR, width_px * FACTOR, height_px / FACTOR, height_px * FACTOR)


def _median(counts: Counter[int]) -> float:
    """The median of values that are there so often; of an even number the mean of the two in the middle."""
    in_order = sorted(counts.items())
    total = counts.total()
    return (_at(in_order, (total - 1) // 2) + _at(in_order, total // 2)) / 2


def _at(in_order: list[tuple[int, int]], place: int) -> int:
    for value, times in in_order:
        place -= times
        if place < 0:
            return value
    raise IndexError(place)


def _flagged(record: ImageRecord) -> ImageRecord:
    return dataclasses.replace(record, flags=(*record.flags, FLAG))
