"""What came of each image of a job, as a terminal shows it."""

from collections.abc import Iterable
from typing import Final

from rich.cells import chop_cells
from rich.console import Console
from rich.text import Text

from pixfarm.console.drawing import GAP, MARGIN, drawn_text
from pixfarm.console.images import (
    FILE,
    Field,
    aligned,
    image_fields,
    image_row,
    images_headline,
    remark_of,
)
from pixfarm.console.text import safe
from pixfarm.model import ImageRecord, ImageState, JobStatus

LEAST_FOR_NAMES: Final = 20
FLAGGED: Final = "yellow"
STYLES: Final = {
    ImageState.DONE: "green",
    ImageState.FAILED: "red",
    ImageState.NOT_DONE: "yellow",
    ImageState.SKIPPED: "blue",
}


def draw_images(job: JobStatus, records: Iterable[ImageRecord], console: Console) -> None:
    """Draw ``job``, and ``records`` as they come, in columns that have their widths from the start.

    A long name folds within its column; why an image was not done, or looks wrong, stands below it.
    """
    fields = image_fields(job)
    while _room_for_names(fields, console) < LEAST_FOR_NAMES and len(fields) > 1:
        fields.pop()
    room = max(1, _room_for_names(fields, console))
    console.print(drawn_text(images_headline(job), "bold"))
    header = aligned([field.column.header for field in fields], fields)
    console.print(Text(f"{'':{GAP}}{header}{'':{GAP}}{FILE}", "dim"))
    for record in records:
        _draw(record, fields, room, console)


def _draw(record: ImageRecord, fields: list[Field], room: int, console: Console) -> None:
    style = STYLES[record.state]
    first, *rest = chop_cells(safe(record.filename), room)
    row = Text(" " * GAP).append(aligned(image_row(record), fields), style).append(" " * GAP).append(first)
    console.print(row, soft_wrap=True)
    for part in rest:
        console.print(Text(" " * (console.width - room)).append(part), soft_wrap=True)
    if remark := remark_of(record):
        for part in chop_cells(safe(remark), max(1, console.width - MARGIN)):
            console.print(Text(" " * MARGIN).append(part, FLAGGED if record.flags else style), soft_wrap=True)


def _room_for_names(fields: list[Field], console: Console) -> int:
    return console.width - GAP - sum(field.width + GAP for field in fields)
