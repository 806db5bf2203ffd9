"""What a benchmark has measured: rows of numbers, some with a line to reach."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pixfarm.errors import PixfarmError


class NotMeasured(PixfarmError):
    """Something did not do what was to be measured, so that its time means nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line to reach: not less than ``bound``, or, with ``is_ceiling``, not more."""

    bound: float
    is_ceiling: bool = False

    def is_reached_by(self, value: float) -> bool:
        """Whether ``value`` is on the right side."""
        return value <= self.bound if self.is_ceiling else value >= self.bound

    def __str__(self) -> str:
        return f"{'<=' if self.is_ceiling else '>='} {self.bound:g}"


def at_least(bound: float) -> Line:
    """The line that ``bound`` and all above it reach."""
    return Line(bound)


def at_most(bound: float) -> Line:
    """The line that ``bound`` and all below it reach."""
    return Line(bound, is_ceiling=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity: its value, the numbers of the single runs in their order, and its line if it has one.

    Without runs it was not measured, and ``unit`` says why.
    """

    what: str
    unit: str
    value: float
    values: tuple[float, ...]
    line: Line | None = None

    @property
    def verdict(self) -> str:
        """Whether the line is reached; empty when there is none, or no value."""
        if self.line is None or not self.values:
            return ""
        return "reached" if self.line.is_reached_by(self.value) else "missed"


def median_of(what: str, unit: str, values: Iterable[float], line: Line | None = None) -> Row:
    """The row whose value is the median of all runs."""
    runs = tuple(values)
    return Row(what, unit, statistics.median(runs), runs, line)


def ratio_of(what: str, above: Sequence[float], below: Sequence[float], line: Line | None = None) -> Row:
    """The row whose value is the ratio of two medians; its single numbers are those of each round."""
    value = statistics.median(above) / statistics.median(below)
    rounds = tuple(a / b for a, b in zip(above, below, strict=True))
    return Row(what, "ratio", value, rounds, line)


def not_measured(what: str, why: str, line: Line | None = None) -> Row:
    """The row of what could not be measured."""
    return Row(what, why, 0.0, (), line)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that one benchmark has measured, with a title and notes on how."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_every_line_reached(self) -> bool:
        """Whether no row missed its line."""
        return all(row.verdict != "missed" for row in self.rows)
