"""The catalogue of operations as a terminal shows it."""

from collections.abc import Sequence

from rich.console import Console

from pixfarm.console.drawing import drawn_sheet, drawn_text, indented
from pixfarm.console.sheet import Sheet


def draw_catalogue(head: Sequence[str], sheet: Sheet | None, tail: Sequence[str], console: Console) -> None:
    """Draw what is above a table, the table, and what is below it."""
    for words in head:
        console.print(drawn_text(words, "bold"))
    if sheet:
        console.print(drawn_sheet(sheet, console.width))
    for words in tail:
        console.print(indented(drawn_text(words, "dim")))
