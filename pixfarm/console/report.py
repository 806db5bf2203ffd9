"""The report of a job, printed."""

import sys
from typing import TextIO

from pixfarm.console import outcome
from pixfarm.console.images import looks
from pixfarm.console.sheet import counts_sheet
from pixfarm.console.stream import can_draw, write_line
from pixfarm.console.timings import TITLE, timings_sheet
from pixfarm.model import Failure, JobReport
from pixfarm.timings import timings_of
from pixfarm.verdict import verdict


def print_report(report: JobReport, stream: TextIO | None = None) -> None:
    """Print ``report`` on ``stream``, stdout when left out: drawn on a terminal, else as plain lines."""
    stream = sys.stdout if stream is None else stream
    if can_draw(stream):
        # Rich takes 25 ms to import: only who sees it waits for it.
        from pixfarm.console.drawing import console_on  # noqa: PLC0415
        from pixfarm.console.drawn_report import draw_report  # noqa: PLC0415

        draw_report(report, console_on(stream))
        return
    for line in report_lines(report):
        write_line(stream, line)


def report_lines(report: JobReport) -> list[str]:
    """The report as plain lines; every listed image stands on one line, whole."""
    facts = [f"  {label:<8}  {value}" for label, value in outcome.facts(report)]
    lines = [outcome.headline(report), "", *facts]
    if report.nodes and not outcome.is_empty(report):
        lines += ["", *(f"  {line}" for line in counts_sheet(report.nodes).lines())]
    lines += _time_lines(report)
    if report.flagged:
        lines += ["", f"{outcome.flags_title(report)}:"]
        lines += [f"  {record.filename}: {looks(record)}" for record in report.flags]
        more = outcome.more_flags(report, len(report.flags))
        lines += [f"  {more}"] if more else []
    if report.failed or report.not_done:
        lines += ["", f"{outcome.failures_title(report)}:"]
        shown = outcome.failures_worth_a_line(report)
        lines += [f"  {_failure_line(failure)}" for failure in shown]
        more = outcome.more_failures(report, len(shown))
        lines += [f"  {more}"] if more else []
    return lines


def _time_lines(report: JobReport) -> list[str]:
    timings = timings_of(report)
    if timings is None:
        return []
    lines = ["", f"{TITLE}:", *(f"  {line}" for line in timings_sheet(timings).lines())]
    sentence = verdict(timings)
    return [*lines, f"  {sentence}"] if sentence else lines


def _failure_line(failure: Failure) -> str:
    where = f" ({failure.node})" if failure.node else ""
    return f"{failure.filename}: {failure.code}: {failure.message}{where}"
