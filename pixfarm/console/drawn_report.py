"""The report of a job as a terminal shows it."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pixfarm.console import outcome, text
from pixfarm.console.drawing import MARGIN, drawn_counts, drawn_sheet, drawn_text, indented
from pixfarm.console.sheet import Column, Sheet
from pixfarm.console.timings import TITLE, timings_sheet
from pixfarm.model import Failure, ImageRecord, JobReport, JobState
from pixfarm.timings import timings_of
from pixfarm.verdict import verdict

MOST_FAILURES: Final = 20
MOST_FLAGS: Final = 20
DITTO: Final = '"'


def draw_report(report: JobReport, console: Console) -> None:
    """Draw ``report``; of many failures the first twenty, and so of many flags."""
    mark, style = _verdict(report)
    head = Table.grid(padding=(0, 1, 0, 0))
    head.add_row(Text(mark, style), drawn_text(outcome.headline(report), f"bold {style}"))
    console.print(head)
    console.print()
    console.print(indented(_facts(report)))
    if report.nodes and not outcome.is_empty(report):
        console.print()
        console.print(drawn_counts(report.nodes, console.width))
    _draw_times(report, console)
    if report.flagged:
        console.print()
        _draw_flags(report, console)
    if report.failed or report.not_done:
        console.print()
        _draw_failures(report, console)


def _verdict(report: JobReport) -> tuple[str, str]:
    if outcome.is_empty(report) or report.state is JobState.CANCELLED:
        return "!", "yellow"
    return ("✓", "green") if outcome.is_all_done(report) else ("✗", "red")


def _facts(report: JobReport) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for label, value in outcome.facts(report):
        table.add_row(Text(label, "dim"), drawn_text(value))
    return table


def _draw_times(report: JobReport, console: Console) -> None:
    timings = timings_of(report)
    if timings is None:
        return
    console.print()
    console.print(indented(drawn_text(TITLE, "bold")))
    console.print(drawn_sheet(timings_sheet(timings, console.width - MARGIN), console.width))
    if sentence := verdict(timings):
        console.print(indented(drawn_text(sentence, "italic")))


def _draw_flags(report: JobReport, console: Console) -> None:
    shown = report.flags[:MOST_FLAGS]
    console.print(indented(drawn_text(outcome.flags_title(report), "bold")))
    if shown:
        console.print(drawn_sheet(_flags_sheet(shown), console.width))
    if more := outcome.more_flags(report, len(shown)):
        console.print(indented(drawn_text(more, "dim")))


def _flags_sheet(records: Sequence[ImageRecord]) -> Sheet:
    columns = [Column("file"), Column("flags", style="yellow"), Column("size", numeric=True)]
    rows = [
        [record.filename, ", ".join(record.flags), text.area(record.width_px, record.height_px)]
        for record in records
    ]
    return Sheet.of(columns, rows)


def _draw_failures(report: JobReport, console: Console) -> None:
    shown = outcome.failures_worth_a_line(report)[:MOST_FAILURES]
    console.print(indented(drawn_text(outcome.failures_title(report), "bold")))
    if shown:
        console.print(drawn_sheet(_failures_sheet(shown), console.width))
    more = outcome.more_failures(report, len(shown))
    if more:
        console.print(indented(drawn_text(more, "dim")))


def _failures_sheet(failures: Sequence[Failure]) -> Sheet:
    columns = [Column("file"), Column("code", style="red"), Column("message")]
    rows = []
    above = ""
    for failure in failures:
        # A cancelled job says the same of every image: once is enough to read it.
        message = DITTO if failure.message == above else failure.message
        rows.append([failure.filename, failure.code, message, failure.node])
        above = failure.message
    if any(failure.node for failure in failures):
        return Sheet.of([*columns, Column("node")], rows)
    return Sheet.of(columns, (row[:-1] for row in rows))
