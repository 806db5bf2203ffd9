import errno
import itertools
import json
import logging
import math
import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pixfarm import dispatch
from pixfarm.dispatch import Job
from pixfarm.errors import (
    AnswerLost,
    FailureCode,
    ForeignPeer,
    GaveUp,
    InvalidRequest,
    PeerError,
    TaskFailed,
    Unreachable,
)
from pixfarm.fleet import Fleet
from pixfarm.model import (
    Failure,
    ImageState,
    JobState,
    JobStatus,
    Machine,
    NodeHealth,
    Strategy,
    Task,
    TaskResult,
)
from pixfarm.progress import Before
from pixfarm.trace import Trace
from tests.unit.core.fake_journal import FakeJournal
from tests.unit.core.fake_nodes import FakeNodes, doing, failing, in_turn, raising, refusing
from tests.unit.core.farm_parts import (
    PATIENCE_S,
    farm_of,
    fill,
    fleet_of,
    machines,
    spec,
    start,
    summary,
    unheard_fleet,
)
from tests.unit.core.job_rig import Gate, JobRig, counts, wait_until


@pytest.mark.parametrize("strategy", Strategy)
def test_every_image_is_done_once(tmp_path: Path, strategy: Strategy) -> None:
    rig = JobRig(fill(tmp_path, 50), strategy=strategy)
    report = rig.run()
    assert (report.state, counts(report)) == (JobState.FINISHED, (50, 50, 0, 0))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert sorted(filename for _, filename in rig.nodes.asked) == names
    assert rig.times_noted() == dict.fromkeys(names, 1)


def test_a_report_repeats_what_was_asked_for(tmp_path: Path) -> None:
    report = JobRig(tmp_path, strategy=Strategy.RANDOM).run()
    assert (report.job_id, report.base_path, report.strategy) == ("job-1", str(tmp_path), Strategy.RANDOM)
    assert (report.code, report.message, report.failures) == ("", "", ())


def test_a_directory_without_images_is_done_at_once(tmp_path: Path) -> None:
    # No node is there, and none is needed.
    report = JobRig(tmp_path, fleet=unheard_fleet(1)).run()
    assert (report.state, counts(report)) == (JobState.FINISHED, (0, 0, 0, 0))


def test_a_base_path_that_is_not_there_makes_no_job(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="does not exist"):
        JobRig(tmp_path / "gone")


def test_an_image_is_done_only_when_the_journal_has_it(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 5), journal=FakeJournal(holds_back=True))
    seen: list[JobStatus] = []
    flush = rig.journal.flush

    def look_and_flush(timeout_s: float = math.inf) -> None:
        seen.append(rig.job.status())
        flush(timeout_s)

    rig.journal.flush = look_and_flush  # type: ignore[method-assign]
    report = rig.run()
    assert [(status.done, status.running) for status in seen] == [(0, 0), (5, 0)]
    assert (report.state, counts(report)) == (JobState.FINISHED, (5, 5, 0, 0))


def test_the_end_of_a_job_is_in_the_journal_before_anyone_is_told(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 3), journal=FakeJournal(holds_back=True))
    flush = rig.journal.flush
    ended_before: list[bool] = []

    def watched_flush(timeout_s: float = math.inf) -> None:
        ended_before.append(rig.job.control.has_ended)
        flush(timeout_s)

    rig.journal.flush = watched_flush  # type: ignore[method-assign]
    rig.run()
    journaled = rig.journal.job("job-1")
    assert journaled is not None
    assert (journaled.summary.state, journaled.summary.done) == (JobState.FINISHED, 3)
    assert ended_before == [False, False]


def test_a_snapshot_never_takes_the_place_of_the_final_state(tmp_path: Path) -> None:
    # One thread takes snapshots for as long as it can, while the job runs to its end.
    rig = JobRig(fill(tmp_path, 20))
    has_ended = threading.Event()

    def take_snapshots() -> None:
        while not has_ended.is_set():
            rig.job.save()
        rig.job.save()

    (snapshots,) = start(take_snapshots)
    rig.run()
    has_ended.set()
    snapshots.join(PATIENCE_S)
    states = [saved.state for saved in rig.journal.saved]
    assert states[-1] is JobState.FINISHED
    assert states.count(JobState.FINISHED) == 1
    assert rig.journal.saved[-1].done == 20


def test_what_a_node_refuses_others_do(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 20), by_node={"node_1": refusing(0.9)}, fleet=fleet_of(0.9, 0.0))
    report = rig.run()
    assert counts(report) == (20, 20, 0, 0)
    assert {node.name: node.done for node in report.nodes if node.done} == {"node_2": 20}
    assert report.rejections == sum(node.refused for node in report.nodes) > 0


@pytest.mark.parametrize("error", [Unreachable, AnswerLost, ForeignPeer])
def test_a_node_that_never_answers_loses_no_image(tmp_path: Path, error: type[PeerError]) -> None:
    rig = JobRig(
        fill(tmp_path, 20), by_node={"node_1": raising(error, "it went wrong")}, fleet=fleet_of(0.0, 0.0)
    )
    assert (counts(rig.run()), rig.places_taken) == ((20, 20, 0, 0), 0)
    assert rig.fleet.snapshot()[0].health is not NodeHealth.UP


def test_a_bad_image_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    def answer(task: Task) -> None:
        if task.filename == "img_0003.jpg":
            raise TaskFailed(FailureCode.UNREADABLE, "no image")

    report = JobRig(fill(tmp_path, 8), answer, fleet=fleet_of(0.0)).run()
    assert (report.state, counts(report)) == (JobState.FINISHED, (8, 7, 1, 0))
    assert report.failures == (Failure("img_0003.jpg", FailureCode.UNREADABLE, "no image", "node_1"),)


def test_a_name_that_is_not_utf_8_is_reported_and_the_others_are_done(tmp_path: Path) -> None:
    (fill(tmp_path, 3) / os.fsdecode(b"\xff.jpg")).touch()
    report = JobRig(tmp_path).run()
    assert counts(report) == (4, 3, 1, 0)
    assert [(failure.filename, failure.code) for failure in report.failures] == [
        ("./\\xff.jpg", FailureCode.BAD_NAME)
    ]


def test_a_name_that_is_written_like_one_that_is_not_utf_8_ends_by_itself(tmp_path: Path) -> None:
    names = ("a\\udcff.png", "a\\xff.png", "\\x2e.png", os.fsdecode(b"a\xff.png"))
    for name in names:
        (tmp_path / name).touch()
    rig = JobRig(tmp_path)
    assert counts(rig.run()) == (4, 3, 1, 0)
    assert rig.journal.states() == {
        "a\\udcff.png": ImageState.DONE,
        "a\\xff.png": ImageState.DONE,
        "\\x2e.png": ImageState.DONE,
        "./a\\xff.png": ImageState.FAILED,
    }


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that cannot be listed, beside three images."""
    folder = fill(tmp_path, 3) / "locked"
    folder.mkdir()
    scandir = os.scandir

    def guarded(path: Path):  # type: ignore[no-untyped-def] # noqa: ANN202
        if Path(path) == folder:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("pixfarm.listing.os.scandir", guarded)
    return folder


def test_a_folder_that_cannot_be_listed_is_one_failure(locked: Path) -> None:
    report = JobRig(locked.parent).run()
    assert counts(report) == (4, 3, 1, 0)
    assert report.failures == (
        Failure("locked/", FailureCode.FORBIDDEN, "the folder cannot be listed: Permission denied"),
    )


def test_a_folder_that_could_not_be_listed_before_is_no_second_failure(locked: Path) -> None:
    rig = JobRig(locked.parent)
    rig.run()
    before = Before(rig.job.summary(), rig.job.report().failures)
    again = JobRig(locked.parent, journal=rig.journal, before=before)
    assert counts(again.run()) == (4, 3, 1, 0)
    assert rig.times_noted()["locked/"] == 1


def test_the_first_hundred_failures_are_reported_and_all_are_counted(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 120), failing(FailureCode.UNREADABLE), fleet=fleet_of(0.0, workers=8))
    report = rig.run()
    assert counts(report) == (120, 0, 120, 0)
    assert len(report.failures) == 100


def test_5000_images_that_every_node_refuses_for_ever_are_given_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the names of the 5,000 are made up: to create as many files takes longer than all other tests.
    names = [f"img_{i:04}.jpg" for i in range(5000)]
    monkeypatch.setattr("pixfarm.choice.eligible_files", lambda _tree, _on_error: iter(names))
    rig = JobRig(tmp_path, refusing(1.0), fleet=fleet_of(1.0, 1.0))
    stop, stopped_at = rig.job.control.stop, []

    def note(why: GaveUp) -> None:
        stopped_at.append(time.monotonic())
        stop(why)

    monkeypatch.setattr(rig.job.control, "stop", note)
    began_at = time.monotonic()
    report = rig.run()
    assert stopped_at[0] - began_at < 2.0  # to note 5,000 images as not done takes its own time
    assert (report.state, counts(report)) == (JobState.GAVE_UP, (5000, 0, 0, 5000))
    assert len(rig.nodes.asked) < 100
    assert report.code == "ALL_NODES_REJECT"
    assert "node_1 has p = 1, node_2 has p = 1" in report.message
    assert {failure.code for failure in report.failures} == {FailureCode.ALL_NODES_REJECT}


def test_a_job_without_nodes_is_given_up_after_the_timeout(tmp_path: Path) -> None:
    fleet = Fleet(machines(1), random.Random(1), no_node_timeout_s=0.0)
    report = JobRig(fill(tmp_path, 10), fleet=fleet).run()
    assert (report.state, counts(report), report.code) == (JobState.GAVE_UP, (10, 0, 0, 10), "NO_NODES")


def test_what_was_done_before_a_job_was_given_up_counts(tmp_path: Path) -> None:
    answer = in_turn(*[doing] * 5, *[refusing(1.0)] * 100)
    report = JobRig(fill(tmp_path, 30), answer, fleet=fleet_of(0.9)).run()
    assert (report.state, counts(report)) == (JobState.GAVE_UP, (30, 5, 0, 25))


def test_a_bug_ends_the_job_and_leaks_no_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rig = JobRig(fill(tmp_path, 50), raising(ZeroDivisionError, "oops"), fleet=fleet_of(0.0))
    report = rig.run()
    total, done, failed, not_done = counts(report)
    assert (report.state, report.code, total, done) == (JobState.GAVE_UP, "INTERNAL", 50, 0)
    assert failed >= 1
    assert not_done >= 1
    assert "oops" in report.message
    assert (rig.places_taken, rig.slots.held("job-1")) == (0, 0)
    assert any(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)


@pytest.mark.parametrize("broken", ["count", "sweep", "image"])
def test_a_thread_that_cannot_be_started_ends_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    start_thread = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        if thread.name.startswith(broken):
            raise RuntimeError("can't start new thread")
        start_thread(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    report = JobRig(fill(tmp_path, 5)).run()
    assert (report.state, counts(report)) == (JobState.FINISHED, (5, 5, 0, 0))


def test_two_jobs_at_once_are_both_done(tmp_path: Path) -> None:
    both_run = threading.Barrier(2)
    met: set[str] = set()

    def answer(task: Task) -> None:
        if task.base_path not in met:
            met.add(task.base_path)
            both_run.wait(PATIENCE_S)

    journal = FakeJournal()
    farm = farm_of(FakeNodes(otherwise=answer), fleet_of(0.0, 0.0, workers=4), journal=journal)
    jobs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        jobs.append(Job(spec(fill(tmp_path / name, 20), job_id=name), farm, list))
        journal.add_job(jobs[-1].spec, jobs[-1].token, summary(job_id=name))
    threads = [start(job.run)[0] for job in jobs]
    for thread in threads:
        thread.join(PATIENCE_S)
    assert [counts(job.report()) for job in jobs] == [(20, 20, 0, 0)] * 2


def test_two_runs_of_a_job_share_no_attempt_id(tmp_path: Path) -> None:
    first, second = JobRig(fill(tmp_path, 1)), JobRig(tmp_path)
    first.run()
    second.run()
    assert first.nodes.tasks[0].attempt_id != second.nodes.tasks[0].attempt_id
    assert first.nodes.tasks[0].attempt_id == f"{first.job.token}-1"


def test_the_status_tells_what_runs(tmp_path: Path) -> None:
    seen: list[JobStatus] = []

    def send(machine: Machine, task: Task, strategy: Strategy) -> TaskResult:
        seen.append(job.status())
        return FakeNodes()(machine, task, strategy)

    journal = FakeJournal()
    job = Job(spec(fill(tmp_path, 1)), farm_of(send, fleet_of(0.0), journal=journal), list)
    journal.add_job(job.spec, job.token, summary())
    job.run()
    (status,) = seen
    assert (status.state, status.running, status.done, status.total) == (JobState.RUNNING, 1, 0, 1)


def test_the_status_of_an_ended_job_is_that_of_its_report(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 3))
    report = rig.run()
    status = rig.job.status()
    assert (status.listing_complete, status.running) == (True, 0)
    for name in ("job_id", "state", "total", "done", "failed", "not_done", "elapsed_s", "nodes", "message"):
        assert getattr(status, name) == getattr(report, name)


def test_the_total_is_known_before_the_work_is_done(tmp_path: Path) -> None:
    gate = Gate()
    rig = JobRig(fill(tmp_path, 100), gate, fleet=fleet_of(0.0))
    with rig.running():
        wait_until(lambda: rig.job.status().listing_complete)
        assert (rig.job.status().total, rig.job.status().done) == (100, 0)
        gate.open()


def test_a_job_that_waits_for_nodes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_SAY_NO_NODE_AFTER_S", 0.0)
    rig = JobRig(tmp_path, fleet=Fleet(machines(1), random.Random(1)))
    assert rig.job.status().message == "no usable node; waiting 0 of 30 s for one"


@pytest.mark.parametrize("how", ["paused", "ended"])
def test_a_job_that_waits_for_nothing_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(dispatch, "_SAY_NO_NODE_AFTER_S", 0.0)
    rig = JobRig(tmp_path, fleet=Fleet(machines(1), random.Random(1)))
    if how == "paused":
        rig.job.control.pause()
    else:
        rig.run()
    assert rig.job.status().message == ""


def test_a_job_whose_journal_cannot_be_written_says_so(tmp_path: Path) -> None:
    rig = JobRig(tmp_path)
    rig.journal.problem = "database or disk is full"
    assert rig.job.status().message == "the journal cannot be written: database or disk is full"


def test_a_bug_in_the_listing_ends_the_job_and_not_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listing(_tree: object, _on_error: object) -> Iterator[str]:
        yield "a.jpg"
        if not threading.current_thread().name.startswith("count"):
            raise ZeroDivisionError("oops")

    monkeypatch.setattr("pixfarm.choice.eligible_files", listing)
    report = JobRig(tmp_path).run()
    assert (report.state, report.code) == (JobState.GAVE_UP, "INTERNAL")
    assert "oops" in report.message


@pytest.mark.parametrize("what", ["count", "sweep"])
def test_a_job_can_do_without_a_helper_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    def fail(_job: Job) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(Job, f"_{what}", fail)
    assert counts(JobRig(fill(tmp_path, 5)).run()) == (5, 5, 0, 0)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == [
        f"job job-1 goes on without its helper: {what}"
    ]


def test_a_resumed_job_goes_on_with_what_is_left_and_counts_all(tmp_path: Path) -> None:
    stops = in_turn(*[doing] * 4, *[refusing(1.0)] * 100)
    first = JobRig(fill(tmp_path, 30), stops, fleet=fleet_of(0.9))
    assert counts(first.run()) == (30, 4, 0, 26)
    before = Before(replace(first.job.summary(), not_done=0), ())
    second = JobRig(tmp_path, journal=first.journal, before=before)
    report = second.run()
    assert (report.state, counts(report)) == (JobState.FINISHED, (30, 30, 0, 0))
    assert sorted(name for _, name in second.nodes.asked) == sorted(
        name for name, times in first.times_noted().items() if times == 2
    )
    assert set(first.journal.states().values()) == {ImageState.DONE}


def test_images_whose_results_are_still_good_are_passed_over_and_counted(tmp_path: Path) -> None:
    for name, size_bytes, mtime_ns in (("a.jpg", 70, 7), ("b.jpg", 70, 8), ("output_dir/a.jpg", 100, 9)):
        (file := tmp_path / name).parent.mkdir(exist_ok=True)
        file.write_bytes(bytes(size_bytes))  # as the nodes here say that they found and left it
        os.utime(file, ns=(mtime_ns, mtime_ns))
    first = JobRig(tmp_path)
    first.run()
    again = JobRig(tmp_path, journal=first.journal, skip_done=True)
    report = again.run()
    assert (report.state, report.total, report.skipped, report.done) == (JobState.FINISHED, 2, 1, 1)
    assert again.nodes.asked == [(again.nodes.asked[0][0], "b.jpg")]


def test_every_decision_is_traced(tmp_path: Path) -> None:
    (base := tmp_path / "base").mkdir()
    fleet = fleet_of(0.0)
    journal = FakeJournal()
    nodes = FakeNodes(otherwise=in_turn(refusing(), failing(FailureCode.CRASHED)))
    with Trace(tmp_path / "trace") as trace:
        job = Job(spec(fill(base, 1)), farm_of(nodes, fleet, journal=journal, trace=trace), list)
        journal.add_job(job.spec, job.token, summary())
        job.run()
    lines = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    told = [(line["event"], line.get("attempt", "")[33:], line.get("outcome", "")) for line in lines]
    assert told == [
        ("sent", "1", ""),
        ("answer", "1", "refused"),
        ("sent", "2", ""),
        ("answer", "2", "failed"),
        ("sent", "3", ""),
        ("answer", "3", "done"),
        ("ended", "", ""),
    ]
    assert {line["image"] for line in lines} == {"img_0000.jpg"}
    assert all(earlier["t"] <= later["t"] for earlier, later in itertools.pairwise(lines))


def test_what_dead_runs_have_left_is_swept_and_what_living_ones_write_is_not(tmp_path: Path) -> None:
    journal = FakeJournal()
    dead, living = "d" * 32, "e" * 32
    for number, token in enumerate((dead, living)):
        journal.add_job(spec(tmp_path, job_id=f"old-{number}"), token, summary(job_id=f"old-{number}"))
    (target := tmp_path / "output_dir").mkdir()
    for token in (dead, living):
        (target / f".x.jpg.{token}-7.part").touch()
    fleet = fleet_of(0.0)
    job = Job(spec(tmp_path), farm_of(FakeNodes(), fleet, journal=journal), lambda: [living])
    journal.add_job(job.spec, job.token, summary())
    job.run()
    assert [path.name for path in target.iterdir()] == [f".x.jpg.{living}-7.part"]


def test_what_a_worker_that_died_has_left_is_gone_when_the_job_ends(tmp_path: Path) -> None:
    (tmp_path / "output_dir").mkdir()
    left: list[Path] = []

    def answer(task: Task) -> None:
        left.append(tmp_path / "output_dir" / f".{task.filename}.{task.attempt_id}.part")
        left[-1].touch()
        raise TaskFailed(FailureCode.CRASHED, "its worker died")

    assert counts(JobRig(fill(tmp_path, 3), answer).run()) == (3, 0, 3, 0)
    assert len(left) == 6
    assert not any(part.exists() for part in left)
