import dataclasses
import time

import pytest

from pixfarm.control import Control, Suspended
from pixfarm.errors import FailureCode, GaveUp
from pixfarm.model import Failure, ImageRecord, ImageState, JobSpec, JobState, JobSummary, Strategy
from pixfarm.progress import Before, Progress, report_of, status_of
from tests.unit.core.farm_parts import summary

SPEC = JobSpec("job-1", "/base", Strategy.RANDOM, priority=7)
FAILURE = Failure("old.jpg", "UNREADABLE", "no image", "node_1")
FLAGGED = ImageRecord(filename="grey.jpg", state=ImageState.DONE, node="node_1", flags=("uniform",))


def progress(before: Before | None = None) -> Progress:
    return Progress(SPEC, Control("job-1", lambda: None), before)


def end(one: Progress, *states: ImageState) -> None:
    for state in states:
        one.tally.ended(ImageRecord(filename="a.jpg", state=state, node="node_1"))


def test_a_summary_repeats_what_was_asked_for() -> None:
    one = progress().summary()
    assert (one.job_id, one.base_path, one.strategy, one.priority) == ("job-1", "/base", Strategy.RANDOM, 7)
    assert (one.state, one.code, one.message) == (JobState.RUNNING, "", "")


def test_a_job_knows_when_it_was_submitted() -> None:
    began_at = time.time()
    one = progress()
    assert began_at <= one.summary().submitted_at <= time.time()
    assert one.summary().submitted_at == one.summary().submitted_at


def test_a_later_run_keeps_what_the_earlier_one_knew() -> None:
    before = dataclasses.replace(summary(), submitted_at=123.0, done=4, failed=1, flagged=1, total=9)
    one = progress(Before(before, (FAILURE,), (FLAGGED,)))
    end(one, ImageState.DONE)
    assert (one.summary().submitted_at, one.summary().done, one.summary().failed) == (123.0, 5, 1)
    assert one.report().failures == (FAILURE,)
    assert (one.report().flagged, one.report().flags) == (1, (FLAGGED,))


@pytest.mark.parametrize(
    ("counted", "listed", "is_listed", "total"),
    [(100, 3, False, 100), (2, 3, False, 3), (100, 97, True, 97)],
    ids=["the count is ahead", "the work is ahead", "files went between count and work"],
)
def test_the_total_is_the_best_that_is_known(
    counted: int,
    listed: int,
    is_listed: bool,  # noqa: FBT001
    total: int,
) -> None:
    one = progress()
    one.counted, one.listed, one.is_listed = counted, listed, is_listed
    assert one.summary().total == total


def test_images_that_ended_in_an_earlier_run_and_are_gone_now_are_in_the_total() -> None:
    one = progress(Before(dataclasses.replace(summary(), done=5, skipped=2, failed=1), ()))
    one.listed, one.is_listed = 6, True
    assert one.summary().total == 8


def test_the_listing_is_complete_when_one_of_the_two_passes_is() -> None:
    one = progress()
    assert not one.status(0, "").listing_complete
    one.is_counted = True
    assert one.status(0, "").listing_complete
    two = progress()
    two.is_listed = True
    assert two.status(0, "").listing_complete


def test_a_status_tells_what_runs_and_what_the_job_waits_for() -> None:
    status = progress().status(3, "no node answers")
    assert (status.running, status.message, status.code) == (3, "no node answers", "")


def test_why_a_job_stopped_comes_before_what_it_waits_for() -> None:
    control = Control("job-1", lambda: None)
    one = Progress(SPEC, control)
    control.stop(GaveUp(FailureCode.NO_NODES, "nobody is there"))
    assert (one.status(0, "waiting").code, one.status(0, "waiting").message) == (
        "NO_NODES",
        "nobody is there",
    )


def test_a_suspended_job_is_still_the_one_that_runs() -> None:
    control = Control("job-1", lambda: None)
    control.stop(Suspended())
    assert Progress(SPEC, control).summary().state is JobState.RUNNING


def test_a_report_has_everything_of_the_summary_and_the_failures() -> None:
    one = progress()
    end(one, ImageState.DONE, ImageState.FAILED)
    report = one.report()
    assert (report.done, report.failed, len(report.failures)) == (1, 1, 1)
    assert report.nodes == one.summary().nodes


def test_a_summary_reads_as_status_and_as_report() -> None:
    known = dataclasses.replace(summary(), done=3, total=4, copies=2, skipped=1, priority=-5, flagged=1)
    status, report = status_of(known), report_of(known, (FAILURE,), (FLAGGED,))
    assert report.flags == (FLAGGED,)
    assert (status.running, status.listing_complete, report.failures) == (0, True, (FAILURE,))
    for field in dataclasses.fields(JobSummary):
        expected = getattr(known, field.name)
        assert (getattr(status, field.name), getattr(report, field.name)) == (expected, expected)
