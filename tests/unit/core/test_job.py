import errno
import logging
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm import dispatch
from pixfarm.dispatch import Job
from pixfarm.errors import (
    AnswerLost,
    FailureCode,
    ForeignPeer,
    InvalidRequest,
    PeerError,
    TaskFailed,
    Unreachable,
)
from pixfarm.fleet import Fleet
from pixfarm.model import Failure, JobReport, JobState, Machine, NodeHealth, Strategy, Task, TaskResult
from tests.unit.core.farm_parts import (
    PATIENCE_S,
    FakeNodes,
    doing,
    farm_of,
    fill,
    fleet_of,
    in_turn,
    machines,
    raising,
    refusing,
    spec,
    start,
    unheard_fleet,
)


def counts(report: JobReport) -> tuple[int, int, int, int]:
    assert report.total == report.done + report.failed + report.not_done
    return report.total, report.done, report.failed, report.not_done


def run(job: Job) -> JobReport:
    """The report of a job that is carried to its end in this thread."""
    job.run()
    assert job.has_ended
    return job.report()


def job_of(base: Path, nodes: FakeNodes, fleet: Fleet, strategy: Strategy = Strategy.LOAD_BALANCING) -> Job:
    return Job(spec(base, strategy), farm_of(nodes, fleet))


def places_taken(fleet: Fleet) -> int:
    return sum(node.in_flight for node in fleet.snapshot())


@pytest.mark.parametrize("strategy", Strategy)
def test_every_image_is_done_once(tmp_path: Path, strategy: Strategy) -> None:
    nodes = FakeNodes()
    report = run(job_of(fill(tmp_path, 50), nodes, fleet_of(0.0, 0.0, workers=2), strategy))
    assert (report.state, counts(report)) == (JobState.FINISHED, (50, 50, 0, 0))
    assert sorted(filename for _, filename in nodes.asked) == sorted(path.name for path in tmp_path.iterdir())


def test_a_report_repeats_what_was_asked_for(tmp_path: Path) -> None:
    report = run(job_of(tmp_path, FakeNodes(), fleet_of(0.0), Strategy.RANDOM))
    assert (report.job_id, report.base_path, report.strategy) == ("job-1", str(tmp_path), Strategy.RANDOM)
    assert (report.code, report.message, report.failures) == ("", "", ())


def test_a_directory_without_images_is_done_at_once(tmp_path: Path) -> None:
    # No node is there, and none is needed.
    report = run(job_of(tmp_path, FakeNodes(), unheard_fleet(1)))
    assert (report.state, counts(report)) == (JobState.FINISHED, (0, 0, 0, 0))


def test_a_base_path_that_is_not_there_makes_no_job(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="does not exist"):
        job_of(tmp_path / "gone", FakeNodes(), fleet_of(0.0))


def test_what_a_node_refuses_others_do(tmp_path: Path) -> None:
    nodes = FakeNodes({"node_1": refusing(0.9)})
    report = run(job_of(fill(tmp_path, 20), nodes, fleet_of(0.9, 0.0)))
    assert counts(report) == (20, 20, 0, 0)
    assert {node.name: node.done for node in report.nodes if node.done} == {"node_2": 20}
    assert report.rejections == sum(node.refused for node in report.nodes) > 0


@pytest.mark.parametrize("error", [Unreachable, AnswerLost, ForeignPeer])
def test_a_node_that_never_answers_loses_no_image(tmp_path: Path, error: type[PeerError]) -> None:
    fleet = fleet_of(0.0, 0.0)
    nodes = FakeNodes({"node_1": raising(error, "it went wrong")})
    report = run(job_of(fill(tmp_path, 20), nodes, fleet))
    assert (counts(report), places_taken(fleet)) == ((20, 20, 0, 0), 0)
    assert fleet.snapshot()[0].health is not NodeHealth.UP


def test_a_bad_image_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    def answer(task: Task) -> None:
        if task.filename == "img_0003.jpg":
            raise TaskFailed(FailureCode.UNREADABLE, "no image")

    report = run(job_of(fill(tmp_path, 8), FakeNodes(otherwise=answer), fleet_of(0.0)))
    assert (report.state, counts(report)) == (JobState.FINISHED, (8, 7, 1, 0))
    assert report.failures == (Failure("img_0003.jpg", FailureCode.UNREADABLE, "no image", "node_1"),)


def test_a_name_that_is_not_utf_8_is_reported_and_the_others_are_done(tmp_path: Path) -> None:
    (fill(tmp_path, 3) / os.fsdecode(b"\xff.jpg")).touch()
    report = run(job_of(tmp_path, FakeNodes(), fleet_of(0.0)))
    assert counts(report) == (4, 3, 1, 0)
    assert [(failure.filename, failure.code) for failure in report.failures] == [
        ("\\udcff.jpg", FailureCode.BAD_NAME)
    ]


def test_a_folder_that_cannot_be_listed_is_one_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = fill(tmp_path, 3) / "locked"
    locked.mkdir()
    scandir = os.scandir

    def guarded(path: Path):  # type: ignore[no-untyped-def] # noqa: ANN202
        if Path(path) == locked:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("pixfarm.listing.os.scandir", guarded)
    report = run(job_of(tmp_path, FakeNodes(), fleet_of(0.0)))
    assert counts(report) == (4, 3, 1, 0)
    assert report.failures == (
        Failure("locked/", FailureCode.FORBIDDEN, "the folder cannot be listed: Permission denied"),
    )


def test_the_first_hundred_failures_are_reported_and_all_are_counted(tmp_path: Path) -> None:
    nodes = FakeNodes(otherwise=raising(TaskFailed, FailureCode.UNREADABLE, "no image"))
    report = run(job_of(fill(tmp_path, 120), nodes, fleet_of(0.0, workers=8)))
    assert counts(report) == (120, 0, 120, 0)
    assert len(report.failures) == 100


def test_5000_images_that_every_node_refuses_for_ever_are_given_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the names of the 5,000 are made up: to create as many files takes longer than all other tests.
    names = [f"img_{i:04}.jpg" for i in range(5000)]
    monkeypatch.setattr(dispatch, "eligible_files", lambda _tree, _on_error: iter(names))
    nodes = FakeNodes(otherwise=refusing(1.0))
    began_at = time.monotonic()
    report = run(job_of(tmp_path, nodes, fleet_of(1.0, 1.0)))
    assert time.monotonic() - began_at < 2.0
    assert (report.state, counts(report)) == (JobState.GAVE_UP, (5000, 0, 0, 5000))
    assert len(nodes.asked) < 100
    assert report.code == "ALL_NODES_REJECT"
    assert "node_1 has p = 1, node_2 has p = 1" in report.message
    assert {failure.code for failure in report.failures} == {FailureCode.ALL_NODES_REJECT}


def test_a_job_without_nodes_is_given_up_after_the_timeout(tmp_path: Path) -> None:
    fleet = Fleet(machines(1), random.Random(1), no_node_timeout_s=0.0)
    report = run(job_of(fill(tmp_path, 10), FakeNodes(), fleet))
    assert (report.state, counts(report), report.code) == (JobState.GAVE_UP, (10, 0, 0, 10), "NO_NODES")


def test_what_was_done_before_a_job_was_given_up_counts(tmp_path: Path) -> None:
    nodes = FakeNodes(otherwise=in_turn(*[doing] * 5, *[refusing(1.0)] * 100))
    report = run(job_of(fill(tmp_path, 30), nodes, fleet_of(0.9)))
    assert (report.state, counts(report)) == (JobState.GAVE_UP, (30, 5, 0, 25))


def test_a_cancelled_job_starts_no_further_image_and_finishes_what_runs(tmp_path: Path) -> None:
    # With 2 workers and 4 spare threads, 4 images run when the job is cancelled.
    all_run = threading.Barrier(5)
    go_on = threading.Event()

    def answer(_task: Task) -> None:
        all_run.wait(PATIENCE_S)
        go_on.wait(PATIENCE_S)

    nodes = FakeNodes(otherwise=answer)
    job = job_of(fill(tmp_path, 300), nodes, fleet_of(0.0, workers=2))
    (running,) = start(job.run)
    all_run.wait(PATIENCE_S)
    job.cancel("no longer wanted")
    go_on.set()
    running.join(PATIENCE_S)
    report = job.report()
    assert (report.state, counts(report)) == (JobState.CANCELLED, (300, 4, 0, 296))
    assert (report.code, report.message) == ("CANCELLED", "no longer wanted")
    assert len(nodes.asked) == 4
    assert report.failures[0].message == "not done: the job stopped"


def test_a_job_that_waits_for_a_node_is_cancelled_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixfarm.fleet._LOOK_AGAIN_S", 10 * PATIENCE_S)
    looked = threading.Event()

    def clock() -> float:
        if threading.current_thread().name.startswith("image"):
            looked.set()
        return 0.0

    job = job_of(fill(tmp_path, 1), FakeNodes(), unheard_fleet(1, clock))
    (running,) = start(job.run)
    assert looked.wait(PATIENCE_S)
    job.cancel("no longer wanted")
    running.join(PATIENCE_S)
    assert (job.report().state, counts(job.report())) == (JobState.CANCELLED, (1, 0, 0, 1))


def test_a_job_that_pauses_between_sweeps_is_cancelled_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixfarm.delivery.sweep_pause_s", lambda _sweep, _rng: 10 * PATIENCE_S)
    job = job_of(fill(tmp_path, 1), FakeNodes(otherwise=refusing()), fleet_of(0.5))
    (running,) = start(job.run)
    while not job.status().rejections:
        running.join(0.001)
    job.cancel("no longer wanted")
    running.join(PATIENCE_S)
    assert (job.report().state, counts(job.report())) == (JobState.CANCELLED, (1, 0, 0, 1))


def test_a_cancellation_that_stops_nothing_leaves_a_finished_job(tmp_path: Path) -> None:
    at_work, go_on = threading.Event(), threading.Event()

    def answer(_task: Task) -> None:
        at_work.set()
        go_on.wait(PATIENCE_S)

    job = job_of(fill(tmp_path, 1), FakeNodes(otherwise=answer), fleet_of(0.0))
    (running,) = start(job.run)
    assert at_work.wait(PATIENCE_S)
    job.cancel("no longer wanted")
    go_on.set()
    running.join(PATIENCE_S)
    report = job.report()
    assert (report.state, counts(report)) == (JobState.FINISHED, (1, 1, 0, 0))
    assert (report.code, report.message) == ("", "")


def test_a_job_that_has_ended_cannot_be_cancelled(tmp_path: Path) -> None:
    job = job_of(fill(tmp_path, 1), FakeNodes(), fleet_of(0.0))
    before = run(job)
    job.cancel("too late")
    assert job.report() == before


def test_the_first_reason_to_stop_is_the_one_that_is_told(tmp_path: Path) -> None:
    job = job_of(fill(tmp_path, 3), FakeNodes(), fleet_of(0.0))
    job.cancel("first")
    job.cancel("second")
    assert run(job).message == "first"


def test_a_bug_ends_the_job_and_leaks_no_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fleet = fleet_of(0.0)
    farm = farm_of(FakeNodes(otherwise=raising(ZeroDivisionError, "oops")), fleet)
    report = run(Job(spec(fill(tmp_path, 50)), farm))
    total, done, failed, not_done = counts(report)
    assert (report.state, report.code, total, done) == (JobState.GAVE_UP, "INTERNAL", 50, 0)
    assert failed >= 1
    assert not_done >= 1
    assert "oops" in report.message
    assert (places_taken(fleet), farm.slots.held("job-1")) == (0, 0)
    assert any(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)


@pytest.mark.parametrize("broken", ["count", "image"])
def test_a_thread_that_cannot_be_started_ends_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    start_thread = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        if thread.name.startswith(broken):
            raise RuntimeError("can't start new thread")
        start_thread(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    report = run(job_of(fill(tmp_path, 5), FakeNodes(), fleet_of(0.0)))
    assert (report.state, counts(report)) == (JobState.FINISHED, (5, 5, 0, 0))


def test_two_jobs_at_once_are_both_done(tmp_path: Path) -> None:
    both_run = threading.Barrier(2)
    met: set[str] = set()

    def answer(task: Task) -> None:
        if task.base_path not in met:
            met.add(task.base_path)
            both_run.wait(PATIENCE_S)

    farm = farm_of(FakeNodes(otherwise=answer), fleet_of(0.0, 0.0, workers=4))
    jobs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        jobs.append(Job(spec(fill(tmp_path / name, 20), job_id=name), farm))
    threads = [start(job.run)[0] for job in jobs]
    for thread in threads:
        thread.join(PATIENCE_S)
    assert [counts(job.report()) for job in jobs] == [(20, 20, 0, 0)] * 2


def test_the_status_tells_what_runs(tmp_path: Path) -> None:
    job: Job
    seen = []

    def call(machine: Machine, task: Task, strategy: Strategy) -> TaskResult:
        seen.append(job.status())
        return TaskResult(task.attempt_id, 0.0, 0.0, 1, 1, 1)

    job = Job(spec(fill(tmp_path, 1)), farm_of(call, fleet_of(0.0)))
    job.run()
    (status,) = seen
    assert (status.state, status.running, status.done, status.total) == (JobState.RUNNING, 1, 0, 1)


def test_the_status_of_an_ended_job_is_that_of_its_report(tmp_path: Path) -> None:
    job = job_of(fill(tmp_path, 3), FakeNodes(), fleet_of(0.0))
    report = run(job)
    status = job.status()
    assert (status.listing_complete, status.running) == (True, 0)
    for name in ("job_id", "state", "total", "done", "failed", "not_done", "elapsed_s", "nodes", "message"):
        assert getattr(status, name) == getattr(report, name)


def test_the_total_is_known_before_the_work_is_done(tmp_path: Path) -> None:
    go_on = threading.Event()

    def answer(_task: Task) -> None:
        go_on.wait(PATIENCE_S)

    job = job_of(fill(tmp_path, 100), FakeNodes(otherwise=answer), fleet_of(0.0))
    (running,) = start(job.run)
    while not job.status().listing_complete:
        running.join(0.001)
    assert (job.status().total, job.status().done) == (100, 0)
    go_on.set()
    running.join(PATIENCE_S)


def test_a_job_that_waits_for_nodes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_SAY_NO_NODE_AFTER_S", 0.0)
    job = job_of(tmp_path, FakeNodes(), Fleet(machines(1), random.Random(1)))
    assert job.status().message == "no node answers; waiting 0 of 30 s for one"


def test_a_wait_for_the_end_is_over_in_time(tmp_path: Path) -> None:
    job = job_of(tmp_path, FakeNodes(), fleet_of(0.0))
    assert not job.wait(0.0)
    job.run()
    assert job.wait(0.0)


def test_a_bug_in_the_listing_ends_the_job_and_not_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listing(_tree: object, _on_error: object) -> Iterator[str]:
        yield "a.jpg"
        if not threading.current_thread().name.startswith("count"):
            raise ZeroDivisionError("oops")

    monkeypatch.setattr(dispatch, "eligible_files", listing)
    report = run(job_of(tmp_path, FakeNodes(), fleet_of(0.0)))
    assert (report.state, report.code) == (JobState.GAVE_UP, "INTERNAL")
    assert "oops" in report.message
