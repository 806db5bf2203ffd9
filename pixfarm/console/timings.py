"""The table of where a job's time went."""

from collections.abc import Sequence
from typing import Final

from pixfarm.console import text
from pixfarm.console.sheet import Column, Sheet
from pixfarm.timings import WAITING, NodeTimes, Timings

TITLE: Final = "time per image (share: without waiting)"
SHARE: Final = "share"
FEWEST_PHASES: Final = 2


def timings_sheet(timings: Timings, width: int | None = None) -> Sheet:
    """A row for each node, one for all, and the share of each phase in the time without waiting.

    Where ``width`` has no room for that, the operations become one column. Then columns go: waiting first,
    which has no share, and of the others that with the smallest.
    """
    sheet = _sheet(timings, timings.phases)
    if _has_room(sheet, width):
        return sheet
    joined, shown = timings.joined(), list(timings.joined().phases)
    everything = joined.all
    by_interest = sorted(shown, key=lambda phase: everything.seconds[phase] if phase != WAITING else -1.0)
    for least in by_interest[:-FEWEST_PHASES]:
        sheet = _sheet(joined, shown)
        if _has_room(sheet, width):
            return sheet
        shown.remove(least)
    return _sheet(joined, shown)


def _has_room(sheet: Sheet, width: int | None) -> bool:
    return width is None or max(map(len, sheet.lines())) <= width


def _sheet(timings: Timings, phases: Sequence[str]) -> Sheet:
    columns = [Column("node", style="bold"), *(Column(phase, numeric=True) for phase in phases)]
    rows = [_row(node, phases) for node in timings.nodes]
    if len(timings.nodes) > 1:
        rows.append(_row(timings.all, phases))
    rows.append([SHARE, *("-" if phase == WAITING else f"{timings.percent(phase)} %" for phase in phases)])
    return Sheet.of(columns, rows)


def _row(node: NodeTimes, phases: Sequence[str]) -> list[str]:
    return [node.name, *(text.short_time(node.per_image_s(phase)) for phase in phases)]
