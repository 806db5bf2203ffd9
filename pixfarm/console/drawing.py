"""Sheets and sentences as a terminal shows them, drawn by Rich."""

from collections.abc import Sequence
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pixfarm.console.pace import Pace
from pixfarm.console.sheet import Column, Sheet, counts_sheet
from pixfarm.console.standing import Item
from pixfarm.console.text import UNKNOWN, safe
from pixfarm.model import NodeCounts

NOTHING: Final = ("0", "-", "0 %", UNKNOWN)
SHORTEST_BAR: Final = 4
LONGEST_BAR: Final = 24
FOLDABLE: Final = 16  # characters up to which a column is not folded: the longest failure code
GAP: Final = 2  # characters between columns, and to the left of what is indented
MARGIN: Final = 2 * GAP


def console_on(stream: TextIO) -> Console:
    """A console that draws on ``stream``, which must be a terminal."""
    return Console(file=stream, force_terminal=True, highlight=False, markup=False, emoji=False)


def drawn_text(words: str, style: str = "") -> Text:
    """``words``, which may come from outside, as they are: no markup, no control characters."""
    return Text(safe(words), style=style, overflow="fold")


def drawn_sheet(sheet: Sheet, width: int) -> RenderableType:
    """The table for a terminal of ``width``; what is too long for its column folds, and nothing is cut."""
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
    for column, least in zip(sheet.columns, _least_widths(sheet, width), strict=True):
        table.add_column(
            Text(column.header),
            justify="right" if column.numeric else "left",
            overflow="fold",
            min_width=least,
        )
    for row in sheet.rows:
        table.add_row(*(_cell(cell, column) for cell, column in zip(row, sheet.columns, strict=True)))
    return indented(table)


def has_room(sheet: Sheet, width: int) -> bool:
    """Whether a terminal of ``width`` has room for all columns, when only long cells are folded."""
    return sum(min(length, FOLDABLE) for length in _longest(sheet)) <= _room(sheet, width)


def drawn_counts(
    nodes: Sequence[NodeCounts], width: int, *, rest: NodeCounts | None = None, pace: Pace | None = None
) -> RenderableType:
    """What each node did; bars fill the room that ``width`` leaves, the rate goes where there is none."""
    sheet = counts_sheet(nodes, rest=rest, pace=pace)
    room = width - max(map(len, sheet.lines())) - MARGIN
    bar_width = min(LONGEST_BAR, room - GAP)
    if bar_width >= SHORTEST_BAR:
        sheet = counts_sheet(nodes, rest=rest, bar_width=bar_width, pace=pace)
    elif room < 0:
        sheet = counts_sheet(nodes, rest=rest)
    return drawn_sheet(sheet, width)


def drawn_items(items: Sequence[Item], width: int) -> RenderableType:
    """The items beside each other, in as many lines of ``width`` characters as they need."""
    lines = [Text()]
    for item in items:
        words = drawn_text(item.words, item.style)
        if lines[-1] and lines[-1].cell_len + 3 + words.cell_len > width:
            lines.append(Text())
        lines[-1].append("   " if lines[-1] else "").append_text(words)
    return Group(*lines)


def indented(content: RenderableType) -> Padding:
    """``content``, a little further right."""
    return Padding(content, (0, 0, 0, GAP), expand=False)


def _least_widths(sheet: Sheet, width: int) -> list[int | None]:
    """Widths that keep short columns whole where long ones have to fold; None where none or all must."""
    longest = _longest(sheet)
    least = [min(length, FOLDABLE) for length in longest]
    return [length if sum(least) <= _room(sheet, width) < sum(longest) else None for length in least]


def _longest(sheet: Sheet) -> list[int]:
    headers = [column.header for column in sheet.columns]
    return [max(map(cell_len, cells)) for cells in zip(headers, *sheet.rows, strict=True)]


def _room(sheet: Sheet, width: int) -> int:
    return width - GAP - GAP * len(sheet.columns)


def _cell(cell: str, column: Column) -> Text:
    style = "dim" if column.numeric and cell in NOTHING else column.style
    return Text(cell, style=style, overflow="fold")
