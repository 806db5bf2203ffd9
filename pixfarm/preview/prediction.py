"""What a whole job will take, from what a few of its images took."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pixfarm.preview.survey import Kind

_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One image that was done: its kind, its sizes, and the seconds that a worker took."""

    kind: str
    source_bytes: int
    result_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """For all images: seconds of work, for one worker, and bytes of results."""

    work_s: float
    result_bytes: float


def predict(kinds: Mapping[str, Kind], measured: Sequence[Measured]) -> Prediction:
    """The sums over all images of what was measured of some.

    Kind by kind, where at least three of a kind were measured, else by what all were like. Per image, or per
    byte of the sources, whichever differs less from image to image: results of `resize: width=400` are much
    the same for all, those of `edges` as large as their sources.

    Args:
        kinds: all images, by extension.
        measured: some of them, at least one.
    """
    work_s = result_bytes = 0.0
    for name, kind in kinds.items():
        alike = [one for one in measured if one.kind == name]
        basis = alike if len(alike) >= _FEWEST else measured
        work_s += _sum([(one.source_bytes, one.seconds) for one in basis], kind)
        result_bytes += _sum([(one.source_bytes, one.result_bytes) for one in basis], kind)
    return Prediction(work_s, result_bytes)


def _sum(pairs: Sequence[tuple[int, float]], kind: Kind) -> float:
    values = [value for _, value in pairs]
    ratios = [value / max(1, size_bytes) for size_bytes, value in pairs]
    if _spread(values) <= _spread(ratios):
        return statistics.fmean(values) * kind.images
    return sum(values) / max(1, sum(size_bytes for size_bytes, _ in pairs)) * kind.bytes


def _spread(values: Sequence[float]) -> float:
    mean = statistics.fmean(values)
    return statistics.pstdev(values) / mean if mean else 0.0
