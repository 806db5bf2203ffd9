"""Jobs that go on after their server was stopped, or had died, from what its journal has."""

import dataclasses
import os
import shutil
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from pixfarm import running as running_module
from pixfarm.errors import FailureCode, InvalidRequest, RejectReason, TaskFailed, TaskRejected
from pixfarm.model import ImageRecord, ImageState, JobSpec, JobState, Task
from tests.integration.restarting_server import BALANCED, Failing, Server, change, put, server
from tests.unit.core.farm_parts import PATIENCE_S
from tests.unit.core.job_rig import Gate, counts, wait_until

IMAGES = 60
HELD = 8  # two nodes of two workers each


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return put(tmp_path / "base", IMAGES)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def job(base: Path, job_id: str = "job-1", **options: object) -> JobSpec:
    return dataclasses.replace(JobSpec(job_id, str(base), BALANCED), **options)  # type: ignore[arg-type]


def every_image(one: Server, job_id: str = "job-1") -> list[ImageRecord]:
    """What the journal has of a job's images."""
    one.journal.flush()
    return one.journal.images(job_id, "", 10 * IMAGES)


def names_in(base: Path) -> list[str]:
    return sorted(path.name for path in (base / "input_dir").iterdir())


def interrupted(state: Path, spec: JobSpec) -> list[str]:
    """The images that a first server has done of a job before it was stopped in the middle of it."""
    gate = Gate()
    with server(state) as first:
        passed = threading.Semaphore(20)

        def first_twenty(task: Task) -> None:
            if not passed.acquire(blocking=False):
                gate(task)

        first.nodes.before = first_twenty
        first.submit(spec)
        gate.wait_until_held(HELD)
        closing = threading.Thread(target=first.jobs.close, args=(PATIENCE_S,), daemon=True)
        closing.start()
        wait_until(lambda: first.jobs.status(spec.job_id).code)  # it says that the server stops
        gate.open()
        closing.join(PATIENCE_S)
        assert first.reports == []
    return first.nodes.done


def test_a_job_that_was_suspended_goes_on_with_the_next_server(base: Path, state: Path) -> None:
    done_before = interrupted(state, job(base))
    assert 20 <= len(done_before) < IMAGES
    with server(state) as second:
        report = second.wait_for_end()
        records = every_image(second)
    assert (report.state, counts(report)) == (JobState.FINISHED, (IMAGES, IMAGES, 0, 0))
    assert (report.code, report.message) == ("", "")
    # Each image was done by one of the two, and none by both.
    assert sorted(done_before + second.nodes.done) == names_in(base)
    assert [record.filename for record in records] == names_in(base)
    assert {record.state for record in records} == {ImageState.DONE}


def test_after_a_restart_all_counts_are_those_of_the_rows(base: Path, state: Path) -> None:
    interrupted(state, job(base))
    with server(state, paused=True) as second:
        status = second.jobs.status("job-1")
        assert status.done == len(every_image(second))
        second.jobs.resume("job-1")
        report = second.wait_for_end()
        counted = second.journal.counted("job-1")
        by_node = Counter(record.node for record in every_image(second))
    assert (report.done, report.failed, report.skipped) == (counted.done, counted.failed, counted.skipped)
    assert {node.name: node.done for node in report.nodes} == by_node
    for node in report.nodes:
        done, seconds = counted.nodes[node.name]
        assert node.done == done
        assert node.mean_s == pytest.approx(seconds / done)


def test_what_was_asked_for_is_known_after_a_restart(base: Path, state: Path) -> None:
    spec = job(base, priority=-7, task_timeout_s=12.5, skip_done=True)
    interrupted(state, spec)
    timeouts: set[float] = set()
    with server(state, paused=True) as second:
        before = second.jobs.status("job-1")
        second.nodes.before = lambda task: timeouts.add(task.timeout_s)
        second.jobs.resume("job-1")
        report = second.wait_for_end()
        journaled = second.journal.job("job-1")
    assert journaled is not None
    assert journaled.spec == spec
    assert (report.priority, timeouts) == (-7, {12.5})
    assert report.submitted_at == before.submitted_at
    assert report.elapsed_s >= before.elapsed_s > 0.0


def test_a_paused_job_stays_paused_over_restarts(base: Path, state: Path) -> None:
    gate = Gate()
    with server(state) as first:
        first.nodes.before = gate
        first.submit(job(base))
        gate.wait_until_held(HELD)
        first.jobs.pause("job-1")
        gate.open()
    for _ in range(2):
        with server(state) as later:
            assert later.jobs.status("job-1").state is JobState.PAUSED
            assert later.nodes.done == []
    with server(state) as last:
        last.jobs.resume("job-1")
        report = last.wait_for_end()
    assert (report.state, counts(report)) == (JobState.FINISHED, (IMAGES, IMAGES, 0, 0))


def test_a_server_that_is_told_so_leaves_unfinished_jobs_paused(base: Path, state: Path) -> None:
    interrupted(state, job(base))
    with server(state, paused=True) as second:
        assert second.jobs.status("job-1").state is JobState.PAUSED
        assert second.nodes.done == []
    with server(state) as third:  # and they stay so
        assert third.jobs.status("job-1").state is JobState.PAUSED


def test_a_job_whose_base_path_is_gone_waits_until_it_is_back(
    base: Path, state: Path, tmp_path: Path
) -> None:
    interrupted(state, job(base))
    base.rename(tmp_path / "elsewhere")
    with server(state) as second:
        status = second.jobs.status("job-1")
        assert (status.state, status.code) == (JobState.PAUSED, "")
        assert f"base path {str(base)!r} does not exist" in status.message
        with pytest.raises(InvalidRequest, match="does not exist"):
            second.jobs.resume("job-1")
        (tmp_path / "elsewhere").rename(base)
        second.jobs.resume("job-1")
        report = second.wait_for_end()
    assert (report.state, counts(report)) == (JobState.FINISHED, (IMAGES, IMAGES, 0, 0))


def test_a_server_that_dies_has_done_what_it_said_and_the_next_does_the_rest(
    base: Path, state: Path, tmp_path: Path
) -> None:
    # A copy of the journal's files, taken while the job runs, is what a killed server leaves behind.
    gate = Gate()
    passed = threading.Semaphore(20)

    def first_twenty(task: Task) -> None:
        if not passed.acquire(blocking=False):
            gate(task)

    with server(state) as first:
        first.nodes.before = first_twenty
        first.submit(job(base))
        gate.wait_until_held(HELD)
        wait_until(lambda: first.jobs.status("job-1").done == 20)
        shutil.copytree(state, tmp_path / "left")
        gate.open()
        first.wait_for_end()
    with server(tmp_path / "left") as second:
        report = second.wait_for_end()
        records = every_image(second)
    assert (report.state, counts(report)) == (JobState.FINISHED, (IMAGES, IMAGES, 0, 0))
    assert len(second.nodes.done) == IMAGES - 20
    assert [record.filename for record in records] == names_in(base)


@pytest.mark.parametrize("restart", [False, True], ids=["by the same server", "by the next server"])
@pytest.mark.parametrize("how", ["cancelled", "gave up"])
def test_a_job_that_stopped_early_is_resumed(base: Path, state: Path, how: str, restart: bool) -> None:  # noqa: FBT001
    with server(state) as first:
        if how == "cancelled":

            def cancels(task: Task) -> None:
                if len(first.nodes.done) >= 20:
                    first.jobs.cancel("job-1")

            first.nodes.before = cancels
        else:
            first.nodes.before = Failing(20, TaskRejected(RejectReason.LOAD, 1.0))
        first.submit(job(base))
        report = first.wait_for_end()
        assert report.state.value == how
        assert report.not_done > 0
        done_before = list(first.nodes.done)
        if not restart:
            first.nodes.before = lambda _task: None
            go_on(first, done_before, base)
    if restart:
        with server(state) as second:
            assert second.jobs.status("job-1").state.value == how
            go_on(second, done_before, base)


def go_on(one: Server, done_before: list[str], base: Path) -> None:
    ended = len(one.reports)
    reported = len(one.nodes.done)
    one.jobs.resume("job-1")
    report = one.wait_for_end(ended + 1)
    assert (report.state, counts(report)) == (JobState.FINISHED, (IMAGES, IMAGES, 0, 0))
    assert (report.code, report.message, report.failures) == ("", "", ())
    assert sorted(done_before + one.nodes.done[reported:]) == names_in(base)
    assert {record.state for record in every_image(one)} == {ImageState.DONE}


def test_what_failed_is_tried_again_by_a_job_of_its_own(base: Path, state: Path) -> None:
    bad = {"img_0003.jpg", "img_0042.jpg"}

    def fails(task: Task) -> None:
        if task.filename in bad:
            raise TaskFailed(FailureCode.UNREADABLE, "no image")

    with server(state) as first:
        first.nodes.before = fails
        first.submit(job(base))
        report = first.wait_for_end()
        assert counts(report) == (IMAGES, IMAGES - 2, 2, 0)
    with server(state) as second:
        second.submit(job(base, "job-2", retry_of="job-1"))
        report = second.wait_for_end()
        assert (report.state, counts(report)) == (JobState.FINISHED, (2, 2, 0, 0))
        assert set(second.nodes.done) == bad
        assert {record.filename for record in every_image(second, "job-2")} == bad
        assert second.jobs.status("job-1").failed == 2  # what happened stays as it was
        assert [failure.filename for failure in second.jobs.report("job-1").failures] == sorted(bad)


def test_a_name_that_is_not_utf_8_fails_again_for_what_it_is(base: Path, state: Path) -> None:
    (base / "input_dir" / os.fsdecode(b"a\xff.jpg")).touch()
    with server(state) as first:
        first.submit(job(base))
        first.wait_for_end()
        first.submit(job(base, "job-2", retry_of="job-1"))
        report = first.wait_for_end(2)
    assert counts(report) == (1, 0, 1, 0)
    assert [(failure.filename, failure.code) for failure in report.failures] == [
        ("./a\\xff.jpg", FailureCode.BAD_NAME)
    ]


def test_jobs_are_suspended_in_time_though_the_journal_is_gone(base: Path, state: Path) -> None:
    gate = Gate()
    with server(state) as first:
        first.nodes.before = gate
        first.submit(job(base))
        gate.wait_until_held(HELD)
        state.rename(state.with_name("elsewhere"))
        gate.open()
        wait_until(lambda: "was removed or replaced" in first.jobs.status("job-1").message)
        counted = first.jobs.status("job-1").done
        began_at = time.monotonic()
        first.jobs.close(2 * PATIENCE_S)
        first.journal.close()
        assert time.monotonic() - began_at < PATIENCE_S
    with server(state.with_name("elsewhere")) as second:
        report = second.wait_for_end()
    assert (report.state, counts(report)) == (JobState.FINISHED, (IMAGES, IMAGES, 0, 0))
    assert len(second.nodes.done) == IMAGES - counted


def test_a_retry_that_was_suspended_goes_on_as_a_retry(base: Path, state: Path) -> None:
    with server(state) as first:
        first.nodes.before = Failing(10, TaskFailed(FailureCode.UNREADABLE, "no image"))
        first.submit(job(base))
        failed = {failure.filename for failure in first.wait_for_end().failures}
    assert len(failed) == IMAGES - 10
    done_before = interrupted(state, job(base, "job-2", retry_of="job-1"))
    with server(state) as last:
        report = last.wait_for_end()
    assert counts(report) == (IMAGES - 10, IMAGES - 10, 0, 0)
    assert sorted(done_before + last.nodes.done) == sorted(failed)


@pytest.fixture
def done_once(base: Path, state: Path) -> Path:
    """The base path, of which all images have been done by an earlier server."""
    with server(state) as first:
        first.submit(job(base))
        assert first.wait_for_end().done == IMAGES
    return base


def done_again(state: Path, base: Path, pipeline: str | None = None) -> list[str]:
    """What a job that passes over good results does; the rest of the images must be told as skipped."""
    with server(state) as later:
        if pipeline:
            later.nodes.pipeline = pipeline
        later.submit(job(base, f"job-{later.jobs.all()[-1].job_id}", skip_done=True))
        report = later.wait_for_end()
        assert report.state is JobState.FINISHED
        assert (report.done, report.skipped) == (len(later.nodes.done), report.total - len(later.nodes.done))
        states = Counter(record.state for record in every_image(later, report.job_id))
        assert (
            states == Counter({ImageState.DONE: report.done, ImageState.SKIPPED: report.skipped}) - Counter()
        )
    return sorted(later.nodes.done)


def test_good_results_are_passed_over_again_and_again(done_once: Path, state: Path) -> None:
    assert done_again(state, done_once) == []
    assert done_again(state, done_once) == []


def test_what_has_changed_since_is_done_again(done_once: Path, state: Path) -> None:
    change(done_once / "input_dir/img_0001.jpg")
    change(done_once / "output_dir/img_0002.jpg")
    (done_once / "output_dir/img_0003.jpg").unlink()
    (done_once / "input_dir/img_9999.jpg").write_bytes(b"new")
    changed = ["img_0001.jpg", "img_0002.jpg", "img_0003.jpg", "img_9999.jpg"]
    assert done_again(state, done_once) == changed
    assert done_again(state, done_once) == []


def test_results_of_another_pipeline_are_made_again(done_once: Path, state: Path) -> None:
    (done_once / "output_dir/img_0001.jpg").unlink()
    assert done_again(state, done_once, pipeline="edges/0") == ["img_0001.jpg"]
    assert done_again(state, done_once) == ["img_0001.jpg"]


def test_a_job_that_passes_over_good_results_and_was_suspended_goes_on(done_once: Path, state: Path) -> None:
    for number in range(40):
        change(done_once / f"input_dir/img_{number:04}.jpg")
    done_before = interrupted(state, job(done_once, "job-2", skip_done=True))
    with server(state) as last:
        report = last.wait_for_end()
    assert (report.total, report.done, report.skipped) == (IMAGES, 40, IMAGES - 40)
    assert sorted(done_before + last.nodes.done) == names_in(done_once)[:40]


def test_what_a_dead_servers_attempts_left_is_swept_when_its_job_goes_on(base: Path, state: Path) -> None:
    interrupted(state, job(base))
    with server(state, paused=True) as second:
        journaled = second.journal.job("job-1")
    assert journaled is not None
    left = base / f"output_dir/.img_0001.jpg.{journaled.token}-3.part"
    strange = base / f"output_dir/.img_0001.jpg.{'f' * 32}-3.part"
    for part in (left, strange):
        part.touch()
    with server(state) as third:
        third.jobs.resume("job-1")
        third.wait_for_end()
    assert (left.exists(), strange.exists()) == (False, True)


def test_ended_jobs_are_known_to_later_servers(base: Path, state: Path) -> None:
    with server(state) as first:
        first.nodes.before = Failing(50, TaskFailed(FailureCode.UNREADABLE, "no image"))
        first.submit(job(base))
        report = first.wait_for_end()
    with server(state) as second:
        (status,) = second.jobs.all()
        again = second.jobs.report("job-1")
        page = second.jobs.images("job-1", "img_0057.jpg", 100)
        assert second.jobs.submit(job(base)) is None
    assert (status.state, status.done, status.failed) == (JobState.FINISHED, 50, 10)
    assert set(again.failures) == set(report.failures)
    assert dataclasses.replace(again, failures=report.failures) == report
    assert [record.filename for record in page] == ["img_0058.jpg", "img_0059.jpg"]


def test_snapshots_never_take_the_place_of_how_a_job_ended(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_module, "_SNAPSHOT_EVERY_S", 0.0005)
    base = put(tmp_path / "base", 3)
    with server(state) as first:
        for number in range(30):
            first.submit(job(base, f"job-{number}"))
        first.wait_for_end(30)
        unfinished = first.journal.unfinished()
    with server(state) as second:
        ended = [(status.state, status.done) for status in second.jobs.all()]
    assert (unfinished, ended) == ([], [(JobState.FINISHED, 3)] * 30)
