"""The jobs of a server as a terminal shows them."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console

from pixfarm.console.drawing import drawn_sheet, drawn_text, has_room
from pixfarm.console.history import COLUMNS, jobs_headline, jobs_sheet
from pixfarm.model import JobStatus

FEWEST_COLUMNS: Final = 5  # up to how much is done


def draw_jobs(jobs: Sequence[JobStatus], console: Console) -> None:
    """Draw ``jobs`` as a table of as many columns as have room."""
    console.print(drawn_text(jobs_headline(jobs), "bold"))
    if not jobs:
        return
    columns = len(COLUMNS)
    while columns > FEWEST_COLUMNS and not has_room(jobs_sheet(jobs, columns), console.width):
        columns -= 1
    console.print(drawn_sheet(jobs_sheet(jobs, columns), console.width))
