import dataclasses
from contextlib import closing
from pathlib import Path

import pytest

from pixfarm.errors import FailureCode, StateUnusable, UnknownJob
from pixfarm.journal import Journal, JournaledJob
from pixfarm.model import (
    Failure,
    JobReport,
    JobSpec,
    JobState,
    JobStatus,
    JobSummary,
    NodeCounts,
    Strategy,
)
from pixfarm.recipe import Recipe
from tests.integration.journal.journal_parts import BASE, ORIGIN, begin, image, nothing, spec, summary, token

FULL_SPEC = JobSpec(
    job_id="job-9",
    base_path="/srv/Bilder äöü 照片",
    strategy=Strategy.LOAD_BALANCING,
    priority=-7,
    skip_done=True,
    retry_of="job-1",
    task_timeout_s=12.5,
    recipe=Recipe('watermark: text="a, b"'),
)
FULL_SUMMARY = JobSummary(
    job_id="job-9",
    base_path=FULL_SPEC.base_path,
    strategy=Strategy.LOAD_BALANCING,
    state=JobState.PAUSED,
    total=10_000_000,
    done=3,
    failed=2,
    not_done=1,
    rejections=7,
    retries=8,
    elapsed_s=0.1,
    nodes=(NodeCounts("node_1", 3, 7, 2, 0.3), NodeCounts("node_2", 0, 0, 0, 0.0)),
    code="NO_NODES",
    message='no "node"\nanswers',
    skipped=5,
    priority=-7,
    submitted_at=1_763_800_000.123,
    copies=4,
    recipe=FULL_SPEC.recipe,
)
_VALUES = {field.name: getattr(FULL_SUMMARY, field.name) for field in dataclasses.fields(FULL_SUMMARY)}
FULL_STATUS = JobStatus(**_VALUES, running=4, listing_complete=True)
FULL_REPORT = JobReport(
    **_VALUES,
    failures=(Failure("ä.jpg", FailureCode.UNREADABLE, "no image", "node_1"), Failure("b.jpg", "NEWER", "?")),
)


def test_a_job_that_was_added_is_there_when_the_journal_is_opened_again(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.add_job(FULL_SPEC, token(), FULL_SUMMARY)
    with closing(Journal(tmp_path)) as journal:
        assert journal.job("job-9") == JournaledJob(FULL_SPEC, token(), FULL_SUMMARY)


@pytest.mark.parametrize(
    "snapshot", [FULL_SUMMARY, FULL_STATUS, FULL_REPORT], ids=["summary", "status", "report"]
)
def test_a_snapshot_comes_back_as_what_it_was(journal: Journal, snapshot: JobSummary) -> None:
    journal.add_job(FULL_SPEC, token(), summary("job-9"))
    journal.save(snapshot)
    journal.flush()
    job = journal.job("job-9")
    assert job is not None
    assert (type(job.summary), job.summary) == (type(snapshot), snapshot)


def test_a_failure_code_comes_back_as_a_code_when_it_is_known(journal: Journal) -> None:
    journal.add_job(FULL_SPEC, token(), FULL_REPORT)
    job = journal.job("job-9")
    assert job is not None
    assert isinstance(job.summary, JobReport)
    known, newer = job.summary.failures
    assert (type(known.code), type(newer.code)) == (FailureCode, str)


def test_the_latest_snapshot_stands_whether_or_not_they_were_committed_one_by_one(journal: Journal) -> None:
    for done in (1, 2):
        journal.save(summary(done=done))
    journal.flush()
    for done in (3, 4):
        journal.save(summary(done=done))
        journal.flush()
    journal.save(summary(done=5))
    journal.save(summary(done=6))
    journal.flush()
    job = journal.job("job-1")
    assert job is not None
    assert job.summary.done == 6


def test_unknown_jobs_are_none_or_an_error(journal: Journal) -> None:
    assert journal.job("job-2") is None
    assert journal.owner_of(token(7)) is None
    for ask in (
        lambda: journal.images("job-2", "", 10),
        lambda: journal.ended("job-2", ["a.jpg"]),
        lambda: journal.counted("job-2"),
        lambda: journal.save(summary("job-2")),
        lambda: journal.add_token("job-2", token(7)),
        lambda: journal.record("job-2", image("a.jpg"), None, nothing),
    ):
        with pytest.raises(UnknownJob, match="job-2"):
            ask()


def test_the_latest_jobs_are_listed_oldest_first(journal: Journal) -> None:
    begin(journal, "job-3", "job-2", "job-4")
    assert [job.spec.job_id for job in journal.jobs(3)] == ["job-3", "job-2", "job-4"]
    assert [job.spec.job_id for job in journal.jobs(100)] == ["job-1", "job-3", "job-2", "job-4"]


def test_unfinished_jobs_are_those_that_run_or_are_paused(journal: Journal) -> None:
    states = list(JobState)
    for state in states:
        journal.add_job(spec(state.name), token(states.index(state)), summary(state.name))
        journal.save(summary(state.name, state))
    journal.flush()
    assert [job.spec.job_id for job in journal.unfinished()] == ["job-1", "RUNNING", "PAUSED"]


def test_a_job_is_found_by_the_token_of_any_of_its_runs_and_has_the_latest(journal: Journal) -> None:
    journal.add_job(spec("job-2"), token(1), summary("job-2"))
    journal.add_token("job-2", token(2))
    assert [journal.owner_of(token(number)) for number in (1, 2, 3)] == ["job-2", "job-2", None]
    job = journal.job("job-2")
    assert job is not None
    assert job.token == token(2)


def test_a_second_job_of_an_id_is_refused_and_the_first_stands(journal: Journal) -> None:
    with pytest.raises(ValueError, match="job_id"):
        journal.add_job(spec(base_path="/elsewhere"), token(1), summary())
    job = journal.job("job-1")
    assert job is not None
    assert job.spec.base_path == BASE
    assert journal.owner_of(token(1)) is None
    assert not journal.problem


def test_a_token_that_was_used_is_refused_with_its_job(journal: Journal) -> None:
    journal.add_job(spec("job-2"), token(1), summary("job-2"))
    with pytest.raises(ValueError, match="token"):
        journal.add_job(spec("job-3"), token(1), summary("job-3"))
    with pytest.raises(ValueError, match="token"):
        journal.add_token("job-1", token(1))
    assert (journal.job("job-3"), journal.owner_of(token(1))) == (None, "job-2")


def test_a_refused_job_takes_nothing_else_of_its_batch_with_it(journal: Journal) -> None:
    acknowledged: list[str] = []
    journal.record("job-1", image("a.jpg"), ORIGIN, lambda: acknowledged.append("a.jpg"))
    with pytest.raises(ValueError, match="job_id"):
        journal.add_job(spec(base_path="/new"), token(1), summary())
    journal.add_job(spec("job-2", "/new"), token(2), summary("job-2"))
    journal.record("job-2", image("b.jpg"), ORIGIN, nothing)
    journal.flush()
    assert acknowledged == ["a.jpg"]
    assert journal.last_done("/new", ORIGIN.pipeline, ["b.jpg"]) == {"b.jpg": ORIGIN}


@pytest.mark.parametrize("column", ["spec", "summary"])
def test_a_job_of_another_version_is_named_instead_of_half_read(tmp_path: Path, column: str) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.add_job(spec(), token(), summary())
        change = f"UPDATE jobs SET {column} = json_set({column}, '$.operation', 'sepia')"
        journal._ask(lambda: journal._connection.execute(change))
        with pytest.raises(StateUnusable, match="operation"):
            journal.unfinished()


def test_of_however_many_jobs_each_is_written_to_and_only_some_are_remembered(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixfarm.journal.keys._MAX_KEYS", 3)
    for number in range(8):
        begin(journal, f"new-{number}")
        assert len(journal._keys) <= 3
    for number in range(8):
        journal.record(f"new-{number}", image("a.jpg"), ORIGIN, nothing)
    journal.flush()
    assert [len(journal.images(f"new-{number}", "", 10)) for number in range(8)] == [1] * 8
