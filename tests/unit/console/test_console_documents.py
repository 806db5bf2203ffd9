import dataclasses
import io
import json
import math

import pytest

from pixfarm.console import job_document, jobs_document, nodes_document, print_document, report_document
from pixfarm.errors import FailureCode
from pixfarm.model import Failure, JobReport, JobState, NodeHealth, NodeStatus
from tests.unit.console.samples import HOSTILE, cancelled_report, report, status


def round_trip(document: dict[str, object]) -> dict[str, object]:
    stream = io.StringIO()
    print_document(document, stream)
    assert stream.getvalue().isascii()
    parsed: dict[str, object] = json.loads(stream.getvalue())
    return parsed


def test_a_report_document_has_every_field() -> None:
    fields = {field.name for field in dataclasses.fields(JobReport)}
    assert set(report_document(report())) == fields | {"ok", "images_per_s", "verdict"}


def test_a_report_document_tells_values_not_objects() -> None:
    failure = Failure("a.jpg", FailureCode.UNREADABLE, "no image", "node_2")
    document = round_trip(report_document(report(done=299, failed=1, failures=(failure,))))
    assert document["ok"] is False
    assert document["state"] == "finished"
    assert document["strategy"] == "load-balancing"
    assert document["images_per_s"] == pytest.approx(299 / 12.3)
    assert document["failures"] == [
        {"filename": "a.jpg", "code": "UNREADABLE", "message": "no image", "node": "node_2"}
    ]
    times = ("waiting", "sending", "reading", "decoding", "encoding", "writing")
    phases = {**dict.fromkeys(times, 0.0), "operations": []}
    assert document["nodes"] == [
        {"name": "node_1", "done": 200, "refused": 41, "failed": 0, "mean_s": 0.0184, "phases": phases},
        {"name": "node_2", "done": 100, "refused": 0, "failed": 2, "mean_s": 1.5, "phases": phases},
    ]


def test_a_report_document_has_all_listed_failures() -> None:
    failures = round_trip(report_document(cancelled_report()))["failures"]
    assert isinstance(failures, list)
    assert len(failures) == 100


def test_a_job_of_nothing_but_success_is_ok() -> None:
    assert report_document(report())["ok"] is True


def test_any_name_comes_back_as_it_was() -> None:
    document = round_trip(report_document(report(base_path=HOSTILE)))
    assert document["base_path"] == HOSTILE


def test_a_jobs_document_has_every_field_of_every_job() -> None:
    job = status(state=JobState.PAUSED, done=246, elapsed_s=12.3, submitted_at=1e9, copies=2)
    assert round_trip(jobs_document([job])) == {
        "jobs": [
            {
                **dataclasses.asdict(job),
                "state": "paused",
                "nodes": [],
                "images_per_s": pytest.approx(20),
            }
        ]
    }


def test_a_job_without_a_time_has_a_document() -> None:
    assert job_document(status())["images_per_s"] == 0.0


def test_a_number_that_json_lacks_is_null() -> None:
    document = round_trip(report_document(report(elapsed_s=math.nan)))
    assert document["elapsed_s"] is None


def test_a_nodes_document_has_every_field_of_every_node() -> None:
    node = NodeStatus(
        name="node_1", host="::1", port=9091, health=NodeHealth.QUARANTINED, unwritable=("/full",)
    )
    document = round_trip(nodes_document([node]))
    expected = {**dataclasses.asdict(node), "health": "quarantined", "unwritable": ["/full"]}
    assert document == {"nodes": [expected]}


def test_a_document_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    print_document({"nodes": []})
    assert json.loads(capsys.readouterr().out) == {"nodes": []}
