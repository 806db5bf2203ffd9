"""Jobs that go on after they had stopped, as far as no journal on disk is needed to see it."""

import dataclasses
import logging
import threading
from pathlib import Path

import pytest

from pixfarm import running as running_module
from pixfarm.errors import InvalidRequest
from pixfarm.model import JobState
from tests.unit.core.fake_journal import FakeJournal
from tests.unit.core.farm_parts import PATIENCE_S, fill, spec, summary
from tests.unit.core.jobs_rig import JobsRig, no_thread, server


def journal_with(base: Path, state: JobState = JobState.RUNNING, *job_ids: str) -> FakeJournal:
    """The journal of an earlier server, with jobs that have done nothing yet."""
    journal = FakeJournal()
    for number, job_id in enumerate(job_ids or ("job-1",)):
        known = dataclasses.replace(
            summary(state, job_id, str(base)), code="CANCELLED", message="the server stops", elapsed_s=100.0
        )
        journal.add_job(spec(base, job_id=job_id), f"{number:032x}", known)
    return journal


def test_an_unfinished_job_goes_on_with_the_next_server(tmp_path: Path) -> None:
    with server(journal_with(fill(tmp_path, 5))) as rig:
        status = rig.jobs.status("job-1")
        assert (status.state, status.code, status.message) == (JobState.RUNNING, "", "")
        (report,) = rig.finish(1)
    assert (report.state, report.done) == (JobState.FINISHED, 5)
    assert report.elapsed_s >= 100.0


@pytest.mark.parametrize("state", [JobState.FINISHED, JobState.CANCELLED, JobState.GAVE_UP])
def test_an_ended_job_does_not_go_on_by_itself(tmp_path: Path, state: JobState) -> None:
    with server(journal_with(fill(tmp_path, 5), state)) as rig:
        assert rig.jobs.status("job-1").state is state
        assert rig.nodes.asked == []


def test_every_run_of_a_job_has_a_token_of_its_own_that_the_journal_knows(tmp_path: Path) -> None:
    journal = journal_with(fill(tmp_path, 1))
    with server(journal) as rig:
        rig.finish(1)
        (task,) = rig.nodes.tasks
    token = task.attempt_id.partition("-")[0]
    assert token != f"{0:032x}"
    assert (journal.owner_of(token), journal.owner_of(f"{0:032x}")) == ("job-1", "job-1")


def test_a_paused_job_stays_paused_until_it_is_resumed(tmp_path: Path) -> None:
    with server(journal_with(fill(tmp_path, 5), JobState.PAUSED)) as rig:
        assert rig.jobs.status("job-1").state is JobState.PAUSED
        assert rig.nodes.asked == []
        rig.jobs.resume("job-1")
        assert rig.finish(1)[0].done == 5


def test_a_server_can_be_told_to_leave_all_jobs_paused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with server(journal_with(fill(tmp_path, 5)), paused=True) as rig:
        (said,) = [record.getMessage() for record in caplog.records if "job-1" in record.getMessage()]
        assert said == (
            f"job job-1 is left paused: {tmp_path}, 0 images have ended; go on with client.py --resume job-1"
        )
        assert rig.jobs.status("job-1").state is JobState.PAUSED
        journaled = rig.journal.job("job-1")
        assert journaled is not None
        assert journaled.summary.state is JobState.PAUSED
        rig.jobs.resume("job-1")
        assert rig.finish(1)[0].done == 5


def test_a_job_whose_base_path_is_gone_is_left_paused_and_hinders_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (base := tmp_path / "base").mkdir()
    journal = journal_with(tmp_path / "gone")
    journal.add_job(spec(fill(base, 3), job_id="job-2"), "e" * 32, summary(job_id="job-2"))
    with server(journal) as rig:
        (report,) = rig.finish(1)
        status = rig.jobs.status("job-1")
        with pytest.raises(InvalidRequest, match="does not exist"):
            rig.jobs.resume("job-1")
    assert (report.job_id, report.done) == ("job-2", 3)
    assert (status.state, status.code) == (JobState.PAUSED, "")
    assert "does not exist" in status.message
    assert "then: client.py --resume job-1" in caplog.text


def test_a_job_that_could_not_go_on_is_resumed_and_not_retried(tmp_path: Path) -> None:
    base = tmp_path / "base"
    with server(journal_with(base)) as rig:
        base.mkdir()
        with pytest.raises(
            InvalidRequest, match=r"job job-1 is paused; go on with client\.py --resume job-1$"
        ):
            rig.submit(base, "job-2", retry_of="job-1")


def test_a_job_of_a_server_that_has_just_ended_is_not_retried(tmp_path: Path) -> None:
    rig = JobsRig(journal_with(fill(tmp_path, 3)))  # it has not gone on with its jobs yet
    with pytest.raises(InvalidRequest, match="job job-1 is running; retry when it has ended"):
        rig.submit(tmp_path, "job-2", retry_of="job-1")


def test_a_job_whose_base_path_is_back_can_be_resumed(tmp_path: Path) -> None:
    base = tmp_path / "base"
    with server(journal_with(base)) as rig:
        base.mkdir()
        fill(base, 3)
        rig.jobs.resume("job-1")
        assert rig.finish(1)[0].done == 3


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.GAVE_UP])
def test_a_job_that_had_stopped_early_can_be_resumed(tmp_path: Path, state: JobState) -> None:
    with server(journal_with(fill(tmp_path, 3), state)) as rig:
        rig.jobs.resume("job-1")
        (report,) = rig.finish(1)
    assert (report.state, report.done, report.code, report.message) == (JobState.FINISHED, 3, "", "")


def test_a_job_that_is_resumed_by_many_at_once_runs_once(tmp_path: Path) -> None:
    with server(journal_with(fill(tmp_path, 30), JobState.CANCELLED)) as rig:
        all_there = threading.Barrier(8)

        def resume() -> None:
            all_there.wait(PATIENCE_S)
            rig.jobs.resume("job-1")

        threads = [threading.Thread(target=resume, daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        (report,) = rig.finish(1)
        assert (report.total, report.done, len(rig.nodes.asked)) == (30, 30, 30)
    assert len(rig.reports) == 1


def test_who_comes_second_to_resume_a_job_changes_nothing(tmp_path: Path) -> None:
    journal = journal_with(fill(tmp_path, 3), JobState.CANCELLED)
    with server(journal) as rig:
        known = journal.job("job-1")
        assert known is not None
        rig.jobs._reopen(known, paused=False)
        rig.jobs._reopen(known, paused=True)
        assert rig.jobs.status("job-1").state is JobState.RUNNING
        assert rig.finish(1)[0].done == 3
    assert (len(rig.reports), len(rig.nodes.asked)) == (1, 3)


def test_more_unfinished_jobs_than_a_server_may_run_are_left_paused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_module, "MAX_RUNNING", 2)
    with server(journal_with(fill(tmp_path, 1), JobState.RUNNING, "a", "b", "c")) as rig:
        assert [job.state.value for job in rig.jobs.all()] == ["running", "running", "paused"]
        assert rig.jobs.status("c").message.startswith("the server runs 2 jobs already")
        rig.finish(2)
        rig.jobs.resume("c")
        rig.finish(3)


def test_a_job_that_gets_no_thread_when_it_is_resumed_can_be_resumed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server(journal_with(fill(tmp_path, 3), JobState.CANCELLED)) as rig:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", no_thread("job"))
            with pytest.raises(RuntimeError):
                rig.jobs.resume("job-1")
        assert rig.jobs.status("job-1").state is JobState.CANCELLED
        rig.jobs.resume("job-1")
        assert rig.finish(1)[0].done == 3


def test_an_unfinished_job_that_gets_no_thread_is_left_to_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_with(fill(tmp_path, 3))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread("job"))
        with pytest.raises(RuntimeError):
            JobsRig(journal).jobs.start(paused=False)
    with server(journal) as rig:
        assert rig.finish(1)[0].done == 3
