import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm import jobs as jobs_module
from pixfarm import running as running_module
from pixfarm.errors import InvalidRequest, StateUnusable, UnknownJob
from pixfarm.model import ImageState, JobSpec, JobState, NodeHealth, Strategy
from pixfarm.recipe import EDGES, Recipe
from pixfarm.trace import Trace
from tests.unit.core.farm_parts import PATIENCE_S, fill, fleet_of, machines
from tests.unit.core.job_rig import counts, wait_until
from tests.unit.core.jobs_rig import BALANCED, JobsRig, no_thread, server


@pytest.fixture
def rig() -> Iterator[JobsRig]:
    with server() as rig:
        yield rig


@pytest.fixture
def base(tmp_path: Path) -> str:
    return str(fill(tmp_path, 2))


def test_a_submitted_job_runs_to_its_end(rig: JobsRig, base: str) -> None:
    job = rig.submit(base, "job-1")
    rig.gate.open()
    assert job.control.wait(PATIENCE_S)
    assert (job.report().state, job.report().done) == (JobState.FINISHED, 2)


def test_the_end_of_a_job_is_told_once_with_its_report(rig: JobsRig, base: str) -> None:
    job = rig.submit(base)
    assert rig.finish(1) == [job.report()]


def test_a_job_without_an_id_gets_its_own(rig: JobsRig, base: str) -> None:
    first, second = rig.submit(base), rig.submit(base)
    assert first.spec.job_id != second.spec.job_id
    assert {status.job_id for status in rig.jobs.all()} == {first.spec.job_id, second.spec.job_id}


def test_a_known_id_attaches_to_the_running_job(rig: JobsRig, base: str) -> None:
    assert rig.submit(base, "job-1") is rig.submit(base, "job-1")


def test_a_known_id_of_an_ended_job_is_known_by_its_report(rig: JobsRig, base: str) -> None:
    rig.submit(base, "job-1")
    (report,) = rig.finish(1)
    assert rig.jobs.submit(JobSpec("job-1", base, BALANCED)) is None
    assert rig.jobs.report("job-1") == report


def test_of_many_that_submit_one_id_at_once_one_begins_it(rig: JobsRig, base: str) -> None:
    all_there = threading.Barrier(8)
    jobs = []

    def submit() -> None:
        all_there.wait(PATIENCE_S)
        jobs.append(rig.submit(base, "job-1"))

    threads = [threading.Thread(target=submit, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(jobs) == 8
    assert len(set(map(id, jobs))) == 1
    assert counts(rig.finish(1)[0]) == (2, 2, 0, 0)


@pytest.mark.parametrize("what", ["base path", "strategy", "recipe"])
@pytest.mark.parametrize("when", ["running", "ended"])
def test_a_known_id_with_another_request_is_refused(rig: JobsRig, base: str, what: str, when: str) -> None:
    rig.submit(base, "job-1")
    if when == "ended":
        rig.finish(1)
    with pytest.raises(
        InvalidRequest, match=f"job job-1 is {base} by load-balancing, edges; choose another id"
    ):
        rig.submit(
            "/" if what == "base path" else base,
            "job-1",
            Strategy.RANDOM if what == "strategy" else BALANCED,
            recipe=Recipe("flip") if what == "recipe" else EDGES,
        )


def test_a_recipe_is_put_into_the_form_that_all_nodes_get(rig: JobsRig, base: str) -> None:
    job = rig.submit(base, "job-1", recipe=Recipe("resize:width=20|flip"))
    assert job.spec.recipe == Recipe("resize: width=20 | flip")
    assert rig.submit(base, "job-1", recipe=Recipe("resize: width = 20 | flip")) is job
    assert rig.jobs.status("job-1").recipe == Recipe("resize: width=20 | flip")
    assert counts(rig.finish(1)[0]) == (2, 2, 0, 0)
    assert rig.jobs.report("job-1").recipe == Recipe("resize: width=20 | flip")


def test_a_recipe_that_cannot_be_carried_out_leaves_no_job(rig: JobsRig, base: str) -> None:
    with pytest.raises(InvalidRequest, match="did you mean resize"):
        rig.submit(base, "job-1", recipe=Recipe("flip | resise: width=20"))
    assert rig.jobs.all() == []


def test_a_request_that_cannot_be_carried_out_leaves_no_job(rig: JobsRig) -> None:
    with pytest.raises(InvalidRequest, match="does not exist"):
        rig.submit("/no/such/place", "job-1")
    assert rig.jobs.all() == []


@pytest.mark.parametrize("what", ["status", "report", "images", "cancel", "pause", "resume"])
def test_an_unknown_id_is_no_job(rig: JobsRig, what: str) -> None:
    arguments = ("", 10) if what == "images" else ()
    with pytest.raises(UnknownJob) as caught:
        getattr(rig.jobs, what)("job-7", *arguments)
    assert caught.value.job_id == "job-7"


def test_jobs_are_told_oldest_first_running_and_ended_ones(rig: JobsRig, base: str, tmp_path: Path) -> None:
    (empty := tmp_path / "empty").mkdir()
    rig.submit(empty, "c")
    rig.wait_for_ends(1)
    rig.submit(base, "a")
    rig.submit(base, "b")
    assert [(job.job_id, job.state.value) for job in rig.jobs.all()] == [
        ("c", "finished"),
        ("a", "running"),
        ("b", "running"),
    ]


def test_the_status_of_a_running_job_is_its_own_and_of_an_ended_one_the_journals(
    rig: JobsRig, base: str
) -> None:
    job = rig.submit(base, "job-1")
    wait_until(lambda: job.status().running == 2)
    assert rig.jobs.status("job-1").running == 2
    rig.finish(1)
    status = rig.jobs.status("job-1")
    assert (status.state, status.done, status.running) == (JobState.FINISHED, 2, 0)
    assert status.listing_complete


def test_the_images_of_a_job_are_told_page_by_page(rig: JobsRig, tmp_path: Path) -> None:
    rig.submit(fill(tmp_path, 5), "job-1")
    rig.finish(1)
    first = rig.jobs.images("job-1", "", 3)
    second = rig.jobs.images("job-1", first[-1].filename, 3)
    assert [record.filename for record in (*first, *second)] == [f"img_{i:04}.jpg" for i in range(5)]
    assert {record.state for record in (*first, *second)} == {ImageState.DONE}


def test_a_server_runs_only_so_many_jobs_at_once(
    rig: JobsRig, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_module, "MAX_RUNNING", 2)
    rig.submit(base, "a")
    rig.submit(base, "b")
    with pytest.raises(InvalidRequest, match="runs 2 jobs already; submit again when one has ended"):
        rig.submit(base, "c")
    assert rig.submit(base, "a").spec.job_id == "a"
    assert [job.job_id for job in rig.jobs.all()] == ["a", "b"]


def test_an_ended_job_makes_room_for_another(
    rig: JobsRig, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_module, "MAX_RUNNING", 1)
    rig.submit(base, "a")
    rig.finish(1)
    rig.submit(base, "b")
    assert len(rig.finish(2)) == 2


def test_the_latest_jobs_are_listed(rig: JobsRig, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "MAX_LISTED", 3)
    for i in range(5):
        rig.submit(base, f"job-{i}")
        rig.finish(i + 1)
    assert [job.job_id for job in rig.jobs.all()] == ["job-2", "job-3", "job-4"]
    assert rig.jobs.status("job-0").state is JobState.FINISHED  # it is known all the same


def test_the_limits_are_those_of_the_contract() -> None:
    assert (running_module.MAX_RUNNING, jobs_module.MAX_LISTED) == (64, 200)


def test_a_cancelled_job_ends_and_is_told_why(rig: JobsRig, tmp_path: Path) -> None:
    rig.submit(fill(tmp_path, 100), "job-1")
    rig.gate.wait_until_held(40)  # the window of 20 workers
    rig.jobs.cancel("job-1")
    (report,) = rig.finish(1)
    assert (report.state, report.message) == (JobState.CANCELLED, "cancelled on request")
    assert report.not_done > 0


def test_an_ended_job_that_is_cancelled_stays_as_it_is(rig: JobsRig, base: str) -> None:
    rig.submit(base, "job-1")
    (report,) = rig.finish(1)
    rig.jobs.cancel("job-1")
    assert rig.jobs.report("job-1") == report


def test_a_paused_job_is_paused_in_the_journal_too(rig: JobsRig, tmp_path: Path) -> None:
    job = rig.submit(fill(tmp_path, 100), "job-1")
    rig.gate.wait_until_held(40)
    rig.jobs.pause("job-1")
    journaled = rig.journal.job("job-1")
    assert journaled is not None
    assert journaled.summary.state is job.status().state is JobState.PAUSED
    rig.jobs.resume("job-1")
    (report,) = rig.finish(1)
    assert (report.state, report.done) == (JobState.FINISHED, 100)


def test_a_job_is_paused_and_that_is_said_when_the_journal_cannot_note_it(
    rig: JobsRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = rig.submit(fill(tmp_path, 100), "job-1")
    rig.gate.wait_until_held(40)
    waits: list[float] = []

    def flush(timeout_s: float = math.inf) -> None:
        waits.append(timeout_s)
        raise StateUnusable("the journal did not answer")

    with monkeypatch.context() as patched:
        patched.setattr(rig.journal, "flush", flush)
        patched.setattr(rig.journal, "problem", "disk is full")
        with pytest.raises(
            InvalidRequest,
            match="job job-1 is paused, but the journal cannot be written: disk is full; until",
        ):
            rig.jobs.pause("job-1")
    assert job.status().state is JobState.PAUSED
    assert waits == [5.0]


def test_an_ended_job_cannot_be_paused(rig: JobsRig, base: str) -> None:
    rig.submit(base, "job-1")
    rig.finish(1)
    with pytest.raises(InvalidRequest, match="job job-1 is finished; only a running job can be paused"):
        rig.jobs.pause("job-1")


def test_a_job_whose_last_images_are_at_work_cannot_be_paused_or_resumed(
    rig: JobsRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_module, "_ENDING_S", 0.0)
    rig.submit(fill(tmp_path, 100), "job-1")
    rig.gate.wait_until_held(40)
    rig.jobs.cancel("job-1")
    with pytest.raises(InvalidRequest, match="job job-1 is ending; only a running job can be paused"):
        rig.jobs.pause("job-1")
    with pytest.raises(InvalidRequest, match="the last images of job job-1 are at work; resume it when"):
        rig.jobs.resume("job-1")


def test_a_job_that_was_cancelled_is_resumed_as_soon_as_its_last_images_are_done(
    rig: JobsRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_module, "_ENDING_S", PATIENCE_S)
    rig.submit(fill(tmp_path, 100), "job-1")
    rig.gate.wait_until_held(40)
    rig.jobs.cancel("job-1")
    resuming = threading.Thread(target=rig.jobs.resume, args=("job-1",), daemon=True)
    resuming.start()
    first, second = rig.finish(2)
    resuming.join(PATIENCE_S)
    assert (first.state, second.state) == (JobState.CANCELLED, JobState.FINISHED)
    assert (second.total, second.done, second.not_done) == (100, 100, 0)


def test_a_finished_job_cannot_be_resumed_but_retried(rig: JobsRig, base: str) -> None:
    rig.submit(base, "job-1")
    rig.finish(1)
    with pytest.raises(InvalidRequest, match=r"client\.py --retry-failed job-1"):
        rig.jobs.resume("job-1")


def test_a_retry_of_a_job_that_is_not_known_is_refused(rig: JobsRig, base: str) -> None:
    with pytest.raises(
        InvalidRequest, match=r"the server knows no job 'job-7'; client\.py --jobs lists them"
    ):
        rig.submit(base, "job-1", retry_of="job-7")
    assert rig.jobs.all() == []


def test_a_retry_of_a_job_on_another_base_path_is_refused(rig: JobsRig, base: str) -> None:
    rig.submit(base, "job-1")
    with pytest.raises(InvalidRequest, match=f"job job-1 is about {base}, not about /"):
        rig.submit("/", "job-2", retry_of="job-1")


def test_a_retry_of_a_job_that_runs_is_refused(rig: JobsRig, base: str) -> None:
    rig.submit(base, "job-1")
    with pytest.raises(InvalidRequest, match="job job-1 is running; retry when it has ended"):
        rig.submit(base, "job-2", retry_of="job-1")
    assert [job.job_id for job in rig.jobs.all()] == ["job-1"]


def test_a_retry_of_a_job_that_is_paused_is_refused(rig: JobsRig, tmp_path: Path) -> None:
    base = fill(tmp_path, 100)
    rig.submit(base, "job-1")
    rig.gate.wait_until_held(40)
    rig.jobs.pause("job-1")
    hint = r"go on with client\.py --resume job-1, or cancel it first: client\.py --cancel job-1"
    with pytest.raises(InvalidRequest, match=f"job job-1 is paused; {hint}"):
        rig.submit(base, "job-2", retry_of="job-1")


def test_a_retry_is_begun_as_soon_as_the_end_of_its_job_is_told(rig: JobsRig, base: str) -> None:
    job = rig.submit(base, "job-1")
    rig.gate.open()
    assert job.control.wait(PATIENCE_S)
    assert rig.submit(base, "job-2", retry_of="job-1").control.wait(PATIENCE_S)


def test_a_new_job_lets_a_quarantined_node_be_asked_again(base: str) -> None:
    fleet = fleet_of(0.0, 0.0)
    foreign = machines(2)[0]
    fleet.foreign(foreign, "talks HTTP")
    with server(fleet=fleet) as rig:
        assert fleet.claim_pings() == []
        rig.submit(base, "job-1")
        assert fleet.claim_pings() == [foreign]
        rig.finish(1)
    assert fleet.snapshot()[0].health is NodeHealth.QUARANTINED


def test_beginnings_and_ends_of_jobs_are_traced(base: str, tmp_path: Path) -> None:
    with Trace(tmp_path / "trace") as trace, server(trace=trace) as rig:
        rig.submit(base, "job-1")
        rig.finish(1)
    lines = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    told = [(line["job"], line["state"]) for line in lines if line["event"] == "job"]
    assert told == [("job-1", "running"), ("job-1", "finished")]


def test_snapshots_of_running_jobs_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_module, "_SNAPSHOT_EVERY_S", 0.001)
    with server() as rig:
        rig.submit(fill(tmp_path, 100), "job-1")
        rig.gate.wait_until_held(40)
        wait_until(lambda: rig.journal.saved and rig.journal.saved[-1].total == 100)
        assert rig.journal.saved[-1].state is JobState.RUNNING


def test_a_job_that_the_journal_does_not_know_yet_has_no_snapshot(
    base: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running_module, "_SNAPSHOT_EVERY_S", 0.001)
    with server() as rig:
        rig.submit(base, "first")
        add_job = rig.journal.add_job

        def slowly(*entry: object) -> None:
            taken = len(rig.journal.saved)
            wait_until(lambda: len(rig.journal.saved) >= taken + 3)
            add_job(*entry)  # type: ignore[arg-type]

        monkeypatch.setattr(rig.journal, "add_job", slowly)
        rig.submit(base, "second")
        wait_until(lambda: rig.journal.saved[-1].job_id == "second")
    assert caplog.records == []


def test_snapshots_go_on_when_one_could_not_be_taken(
    base: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(running_module, "_SNAPSHOT_EVERY_S", 0.001)
    with server() as rig:
        job = rig.submit(base, "job-1")
        with monkeypatch.context() as patched:
            patched.setattr(type(job), "save", raises)
            wait_until(lambda: caplog.records)
        taken = len(rig.journal.saved)
        wait_until(lambda: len(rig.journal.saved) > taken)
    assert caplog.records[0].getMessage() == "no snapshot of job job-1"


def test_closing_gives_up_what_cannot_be_written_once_all_jobs_are_suspended(
    rig: JobsRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = rig.submit(fill(tmp_path, 100), "job-1")
    rig.gate.wait_until_held(40)
    suspended: list[bool] = []
    monkeypatch.setattr(rig.journal, "hurry", lambda: suspended.append(job.control.is_suspended))
    rig.jobs.close(0.0)
    assert suspended == [True]


def test_a_job_that_the_journal_did_not_take_before_its_end_is_refused(
    rig: JobsRig, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StateUnusable("the journal was closed while it could not be written: disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(rig.journal, "add_job", fail)
        with pytest.raises(InvalidRequest, match=r"job job-1 was not begun: .* full; submit it again when"):
            rig.submit(base, "job-1")
    assert rig.jobs.all() == []


def raises(_job: object) -> None:
    raise ZeroDivisionError("oops")


def test_closing_suspends_what_has_not_started_and_waits_for_what_runs(rig: JobsRig, tmp_path: Path) -> None:
    job = rig.submit(fill(tmp_path, 100), "job-1")
    rig.gate.wait_until_held(40)
    (closing := threading.Thread(target=rig.jobs.close, args=(PATIENCE_S,), daemon=True)).start()
    wait_until(lambda: job.control.is_suspended)
    assert closing.is_alive()
    rig.gate.open()
    closing.join(PATIENCE_S)
    assert job.control.has_ended
    assert rig.reports == []  # it has not ended: it goes on with the next server
    journaled = rig.journal.job("job-1")
    assert journaled is not None
    assert (journaled.summary.state, journaled.summary.done) == (JobState.RUNNING, 40)


def test_after_closing_nothing_is_submitted(rig: JobsRig, base: str) -> None:
    rig.jobs.close(0.0)
    with pytest.raises(InvalidRequest, match="shutting down"):
        rig.submit(base)


def test_closing_twice_is_closing_once(rig: JobsRig) -> None:
    rig.jobs.close(0.0)
    rig.jobs.close(0.0)


def test_closing_before_the_start_is_allowed() -> None:
    JobsRig().jobs.close(0.0)


def test_all_jobs_share_the_time_that_closing_may_take(rig: JobsRig, base: str) -> None:
    for _ in range(20):
        rig.submit(base)
    began_at = time.monotonic()
    rig.jobs.close(0.025)
    assert time.monotonic() - began_at < 0.5


def test_a_job_whose_thread_cannot_be_started_is_not_gone_on_with_later(
    rig: JobsRig, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread("job"))
        with pytest.raises(RuntimeError):
            rig.submit(base, "job-1")
    (status,) = rig.jobs.all()
    assert (status.state, status.code) == (JobState.GAVE_UP, "INTERNAL")
    assert "could not start a thread for it: can't start new thread" in status.message
    assert rig.journal.unfinished() == []
    rig.jobs.close(0.0)


def test_a_job_whose_journal_entry_fails_leaves_nothing_behind(
    rig: JobsRig, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InvalidRequest("the journal is closed")

    with monkeypatch.context() as patched:
        patched.setattr(rig.journal, "add_job", fail)
        with pytest.raises(InvalidRequest, match="the journal is closed"):
            rig.submit(base, "job-1")
    assert rig.jobs.all() == []
    assert rig.submit(base, "job-1").spec == JobSpec("job-1", base, BALANCED)
