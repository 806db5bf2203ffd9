import dataclasses
import math
from typing import Any

import pytest

from pixfarm.errors import ForeignPeer, InvalidRequest
from pixfarm.model import (
    Failure,
    ImageRecord,
    ImageState,
    JobReport,
    JobSpec,
    JobState,
    JobStatus,
    NodeCounts,
    Strategy,
)
from pixfarm.recipe import Recipe
from pixfarm.wire import translate_jobs
from pixfarm.wire.idl import ttypes
from pixfarm.wire.limits import MAX_PAGE

EVERYTHING = JobSpec(
    "job-1",
    "/base",
    Strategy.RANDOM,
    priority=-100,
    skip_done=True,
    retry_of="job-0",
    task_timeout_s=12.5,
    recipe=Recipe("blur: radius=3 | flip"),
)
RECORD = ImageRecord(
    filename="b/写真.jpg",
    state=ImageState.FAILED,
    node="node_1",
    attempts=2,
    refusals=3,
    seconds=0.5,
    bytes_written=100,
    code="CRASHED",
    message="its worker died",
)
STATUS = JobStatus(
    job_id="job-1",
    base_path="/base",
    strategy=Strategy.LOAD_BALANCING,
    state=JobState.PAUSED,
    total=9,
    done=1,
    failed=2,
    not_done=3,
    rejections=4,
    retries=5,
    elapsed_s=6.5,
    nodes=(NodeCounts("node_1", done=1, refused=4, failed=2, mean_s=0.5),),
    code="CANCELLED",
    message="by a client",
    skipped=3,
    priority=-7,
    submitted_at=123.25,
    recipe=Recipe("blur: radius=3"),
    copies=8,
    running=0,
    listing_complete=True,
)


def spec_of(**options: Any) -> JobSpec:
    """What a server makes of a request with these options."""
    return translate_jobs.spec_from_wire("/base", 1, ttypes.JobOptions(**options))


def roundtrip(spec: JobSpec) -> JobSpec:
    number = {Strategy.RANDOM: 0, Strategy.LOAD_BALANCING: 1}[spec.strategy]
    return translate_jobs.spec_from_wire(spec.base_path, number, translate_jobs.options_to_wire(spec))


@pytest.mark.parametrize(
    "spec",
    [EVERYTHING, JobSpec("job-1", "/base", Strategy.LOAD_BALANCING), JobSpec("", "/base", Strategy.RANDOM)],
    ids=["everything", "nothing", "no id"],
)
def test_a_request_arrives_as_it_was_sent(spec: JobSpec) -> None:
    assert roundtrip(spec) == spec


def test_a_request_of_an_older_client_asks_for_nothing_special() -> None:
    assert spec_of() == JobSpec("", "/base", Strategy.LOAD_BALANCING)


@pytest.mark.parametrize("priority", [-100, 0, 100])
def test_a_priority_may_be_from_minus_100_to_100(priority: int) -> None:
    assert spec_of(priority=priority).priority == priority


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"priority": 101}, "priority must be from -100 to 100, not 101"),
        ({"priority": -101}, "priority must be from -100 to 100, not -101"),
        ({"priority": 2**31 - 1}, "priority must be"),
        ({"job_id": "no spaces"}, "job_id must be 1 to 64 of"),
        ({"job_id": "x" * 65}, "job_id must be 1 to 64 of"),
        ({"retry_of": "../x"}, "retry_of must be 1 to 64 of"),
        ({"task_timeout_s": 0.0}, "timeout_s must be greater than 0 and at most 3600"),
        ({"task_timeout_s": -1.0}, "timeout_s must be"),
        ({"task_timeout_s": 3600.1}, "timeout_s must be"),
        ({"task_timeout_s": math.nan}, "timeout_s must be"),
        ({"task_timeout_s": math.inf}, "timeout_s must be"),
    ],
    ids=str,
)
def test_an_option_that_is_out_of_range_is_refused(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        spec_of(**options)
    assert hint in str(caught.value)


@pytest.mark.parametrize(("base_path", "strategy"), [(None, 1), ("", 1), ("/base", None), ("/base", 7)])
def test_a_request_without_base_path_or_strategy_is_refused(base_path: object, strategy: object) -> None:
    with pytest.raises(InvalidRequest):
        translate_jobs.spec_from_wire(base_path, strategy, ttypes.JobOptions())


@pytest.mark.parametrize("limit", [1, MAX_PAGE])
def test_a_page_may_have_from_one_image_to_a_thousand(limit: int) -> None:
    assert MAX_PAGE == 1000
    assert translate_jobs.page_size_from_wire(limit) == limit


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1, None])
def test_a_page_of_another_size_is_refused(limit: object) -> None:
    with pytest.raises(InvalidRequest, match=f"limit must be from 1 to {MAX_PAGE}, not {limit}"):
        translate_jobs.page_size_from_wire(limit)


@pytest.mark.parametrize("state", ImageState)
def test_what_came_of_an_image_arrives_as_it_was_sent(state: ImageState) -> None:
    record = dataclasses.replace(RECORD, state=state)
    assert translate_jobs.record_from_wire(translate_jobs.record_to_wire(record)) == record


def test_an_image_with_nothing_but_name_and_state_is_understood() -> None:
    wire = ttypes.ImageRecord(filename="a.jpg", state=ttypes.ImageState.DONE.value)
    assert translate_jobs.record_from_wire(wire) == ImageRecord(filename="a.jpg", state=ImageState.DONE)


@pytest.mark.parametrize(
    "wire",
    [
        ttypes.ImageRecord(state=ttypes.ImageState.DONE.value),
        ttypes.ImageRecord(filename="", state=ttypes.ImageState.DONE.value),
        ttypes.ImageRecord(filename="a.jpg"),
        ttypes.ImageRecord(filename="a.jpg", state=99),
    ],
    ids=["no name", "empty name", "no state", "unknown state"],
)
def test_an_image_without_name_or_state_is_of_a_foreign_server(wire: Any) -> None:
    with pytest.raises(ForeignPeer):
        translate_jobs.record_from_wire(wire)


def test_the_message_of_an_image_is_cut_in_the_middle_to_what_the_wire_takes() -> None:
    record = dataclasses.replace(RECORD, message=f"begin{'x' * 9000}end")
    message = translate_jobs.record_from_wire(translate_jobs.record_to_wire(record)).message
    assert len(message) <= 2000
    assert message.startswith("begin")
    assert message.endswith("end")


@pytest.mark.parametrize("state", JobState)
def test_progress_arrives_as_it_was_sent(state: JobState) -> None:
    status = dataclasses.replace(STATUS, state=state)
    assert translate_jobs.status_from_wire(translate_jobs.status_to_wire(status)) == status


def test_a_report_arrives_as_it_was_sent() -> None:
    known = {field.name: getattr(STATUS, field.name) for field in dataclasses.fields(STATUS)}
    del known["running"], known["listing_complete"]
    report = JobReport(**known, failures=(Failure("a.jpg", "CRASHED", "its worker died", "node_1"),))
    assert translate_jobs.report_from_wire(translate_jobs.report_to_wire(report)) == report


def test_progress_of_an_older_server_lacks_what_it_does_not_know() -> None:
    wire = translate_jobs.status_to_wire(STATUS)
    wire.skipped = wire.priority = wire.submitted_at = wire.copies = None
    status = translate_jobs.status_from_wire(wire)
    assert (status.skipped, status.priority, status.submitted_at, status.copies) == (0, 0, 0.0, 0)
    assert status.done == STATUS.done


def test_progress_without_what_every_server_tells_is_foreign() -> None:
    wire = translate_jobs.status_to_wire(STATUS)
    wire.done = None
    with pytest.raises(ForeignPeer, match="the answer lacks done"):
        translate_jobs.status_from_wire(wire)
