"""The words for how a job ended."""

from pathlib import PurePosixPath
from typing import Final

from pixfarm.console import text
from pixfarm.errors import FailureCode
from pixfarm.model import EXTENSIONS, OUTPUT_DIR, Failure, JobReport, JobState, JobSummary
from pixfarm.recipe import EDGES

OF_THE_JOB: Final = (
    FailureCode.CANCELLED,
    FailureCode.NO_NODES,
    FailureCode.ALL_NODES_REJECT,
    FailureCode.NO_CODE,
)

MOST_OF_THE_JOB: Final = 3


def exit_code(report: JobReport) -> int:
    """What the client exits with: 0 every image done, 1 some not done, 3 no node could be reached.

    Results that look wrong are results: they change nothing of it.
    """
    if report.code == FailureCode.NO_NODES:
        return 3
    return 0 if is_all_done(report) else 1


def is_all_done(report: JobReport) -> bool:
    """Whether every eligible image has its result, of this job or an earlier one; so too without images."""
    return report.state is JobState.FINISHED and report.done + report.skipped == report.total


def is_empty(report: JobReport) -> bool:
    """Whether the directory was listed and held no eligible image."""
    return report.state is JobState.FINISHED and report.total == 0


def images_per_s(job: JobSummary) -> float:
    """Images done per second of the whole job."""
    return job.done / job.elapsed_s if job.elapsed_s > 0 else 0.0


def headline(report: JobReport) -> str:
    """The outcome in one sentence."""
    if is_empty(report):
        reason = report.message or f"looked for {' '.join(EXTENSIONS)}"
        return f"no images found in {report.base_path}: {reason}"
    if report.state is JobState.GAVE_UP:
        return f"gave up: {report.message or report.code or 'the server did not say why'}"
    if report.state is not JobState.FINISHED:
        return f"job {report.state.value}: {_counts(report)}"
    if report.skipped == report.total:
        images = text.counted(report.total, "image")
        return f"nothing to do: {images} already done (checked in {text.duration(report.elapsed_s)})"
    speed = f"{text.duration(report.elapsed_s)} ({text.rate(images_per_s(report))} images/s)"
    done = f"{text.count(report.done)} of {text.counted(report.total, 'image')} done in {speed}"
    return done + _rest(report)


def facts(report: JobReport) -> list[tuple[str, str]]:
    """Labels and values, in the order of interest."""
    lines = []
    if not is_empty(report):
        skipped = f"{report.skipped:,} already done, " if report.skipped else ""
        images = f"{report.done:,} done, {skipped}{report.failed:,} failed, {report.not_done:,} not done"
        copies = f", {copied(report.copies)}" if report.copies else ""
        lines += [
            ("images", images),
            ("calls", f"{text.counted(report.rejections, 'refusal')}, {retried(report.retries)}{copies}"),
            ("elapsed", f"{text.duration(report.elapsed_s)}, {text.rate(images_per_s(report))} images/s"),
        ]
    if report.message and report.state is not JobState.GAVE_UP and not is_empty(report):
        lines.append(("message", report.message))
    lines += [("pipeline", str(report.recipe))] if report.recipe != EDGES else []
    lines.append(("strategy", report.strategy.value))
    lines += [("priority", f"{report.priority}")] if report.priority else []
    lines.append(("job", report.job_id))
    if report.done or report.skipped:
        lines.append(("results", _results(report)))
    return lines


def retried(retries: int) -> str:
    """The number of calls that were made again after a fault."""
    return "1 retry" if retries == 1 else f"{retries:,} retries"


def copied(copies: int) -> str:
    """The number of images that were sent to a second node."""
    return "1 copy of a slow image" if copies == 1 else f"{copies:,} copies of slow images"


def looking_wrong(flagged: int, of_all: str = "") -> str:
    """The number of results with flags."""
    return f"{text.count(flagged)}{of_all} {'looks' if flagged == 1 else 'look'} wrong"


def failures_by_interest(report: JobReport) -> list[Failure]:
    """The listed failures; images that failed by themselves before those that only share the job's fate."""
    return sorted(report.failures, key=lambda failure: failure.code in OF_THE_JOB)


def failures_worth_a_line(report: JobReport) -> list[Failure]:
    """Those that failed by themselves, and a few of those that only share the job's fate."""
    failures = failures_by_interest(report)
    number = sum(failure.code not in OF_THE_JOB for failure in failures)
    return failures[: number + MOST_OF_THE_JOB]


def failures_title(report: JobReport) -> str:
    """What the list of failures is about."""
    parts = [f"{text.count(report.failed)} failed"] if report.failed else []
    parts += [f"{text.count(report.not_done)} not done"] if report.not_done else []
    return ", ".join(parts)


def more_failures(report: JobReport, shown: int) -> str:
    """A line about the failures beyond those ``shown``; empty when there are none."""
    hidden = report.failed + report.not_done - shown
    if hidden <= 0:
        return ""
    if not report.failures:
        return "the server did not say which"
    return f"and {text.count(hidden)} more (client.py --report {report.job_id} has all)"


def flags_title(report: JobReport) -> str:
    """What the list of results with flags is about; empty when there are none."""
    if not report.flagged:
        return ""
    return looking_wrong(report.flagged, f" of {text.counted(report.done, 'result')}")


def more_flags(report: JobReport, shown: int) -> str:
    """A line about the results with flags beyond those ``shown``; empty when there are none."""
    hidden = report.flagged - shown
    return f"and {text.count(hidden)} more (client.py --report {report.job_id} has all)" if hidden > 0 else ""


def _results(report: JobReport) -> str:
    return report.output.directory or str(PurePosixPath(report.base_path) / OUTPUT_DIR)


def _counts(report: JobReport) -> str:
    counts = f"{text.count(report.done)} of {text.count(report.total)} done"
    return f"{counts}{_rest(report)}, {text.count(report.not_done)} not done"


def _rest(report: JobReport) -> str:
    skipped = f", {text.count(report.skipped)} already done" if report.skipped else ""
    return skipped + (f", {text.count(report.failed)} failed" if report.failed else "")
