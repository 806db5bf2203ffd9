"""What came of each image of a job, printed one after the other: a job may have millions."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TextIO

from pixfarm.console import text
from pixfarm.console.pace import Pace
from pixfarm.console.sheet import Column
from pixfarm.console.standing import standing_line
from pixfarm.console.stream import can_draw, write_line
from pixfarm.model import ImageRecord, ImageState, JobStatus

LONGEST_NODE: Final = 16
FILE: Final = "file"


class Field(NamedTuple):
    """A column whose width is known before the first row."""

    column: Column
    width: int


def print_images(job: JobStatus, records: Iterable[ImageRecord], stream: TextIO | None = None) -> None:
    """Print ``job``, and ``records`` as they come, on ``stream``, stdout when left out.

    Drawn on a terminal; else as plain lines, one for each image. Why one was not done, or how a result looks
    that looks wrong, stands behind its name.
    """
    stream = sys.stdout if stream is None else stream
    if can_draw(stream):
        # Rich takes 25 ms to import: only who sees it waits for it.
        from pixfarm.console.drawing import console_on  # noqa: PLC0415
        from pixfarm.console.drawn_images import draw_images  # noqa: PLC0415

        draw_images(job, records, console_on(stream))
        return
    fields = image_fields(job)
    write_line(stream, images_headline(job))
    write_line(stream, f"  {aligned([field.column.header for field in fields], fields)}  {FILE}")
    for record in records:
        remark = remark_of(record)
        name = f"{record.filename}: {remark}" if remark else record.filename
        write_line(stream, f"  {aligned(image_row(record), fields)}  {name}")


def images_headline(job: JobStatus) -> str:
    """The job in one line."""
    return f"job {job.job_id}: {standing_line(job, Pace())}"


def image_fields(job: JobStatus) -> list[Field]:
    """The columns before the name; the first are the most important ones."""
    longest = max((len(text.safe(node.name)) for node in job.nodes), default=0)
    return [
        Field(Column("state"), max(len(state.value) for state in ImageState)),
        Field(Column("node"), max(len("node"), min(longest, LONGEST_NODE))),
        Field(Column("time", numeric=True), len("99.99 s")),
        Field(Column("size", numeric=True), len("9.99 MB")),
        Field(Column("tries", numeric=True), len("tries")),
        Field(Column("refused", numeric=True), len("refused")),
    ]


def image_row(record: ImageRecord) -> list[str]:
    """The cells for the columns before the name."""
    return [
        record.state.value,
        record.node or "-",
        text.short_time(record.seconds),
        text.size(record.bytes_written),
        text.count(record.attempts),
        text.count(record.refusals),
    ]


def remark_of(record: ImageRecord) -> str:
    """Why the image was not done, or that its result looks wrong; empty when all is well."""
    reason = ": ".join(part for part in (record.code, record.message) if part)
    return reason or (f"looks wrong: {looks(record)}" if record.flags else "")


def looks(record: ImageRecord) -> str:
    """Flags and size of a result: clipped, outlier (40 x 30 px)."""
    return f"{', '.join(record.flags)} ({text.area(record.width_px, record.height_px)})"


def aligned(cells: Sequence[str], fields: Sequence[Field]) -> str:
    """As many ``cells`` as there are ``fields``, below each other from row to row."""
    return "  ".join(
        cell.rjust(field.width) if field.column.numeric else cell.ljust(field.width)
        for cell, field in zip(map(text.safe, cells), fields, strict=False)
    )
