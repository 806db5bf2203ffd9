import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm import jobs as jobs_module
from pixfarm.errors import InvalidRequest, UnknownJob
from pixfarm.jobs import Jobs
from pixfarm.model import JobReport, JobState, Strategy, Task
from tests.unit.core.farm_parts import PATIENCE_S, FakeNodes, farm_of, fill, fleet_of

BALANCED = Strategy.LOAD_BALANCING


class Rig:
    """The jobs of a server; images are done when ``go_on`` is set."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.reports: list[JobReport] = []
        self._one_ended = threading.Condition()
        nodes = FakeNodes(otherwise=self._wait)
        self.jobs = Jobs(farm_of(nodes, fleet_of(0.0, workers=20)), self._on_end)

    def _wait(self, _task: Task) -> None:
        assert self.go_on.wait(PATIENCE_S)

    def _on_end(self, report: JobReport) -> None:
        with self._one_ended:
            self.reports.append(report)
            self._one_ended.notify_all()

    def finish(self, count: int) -> list[JobReport]:
        """The reports, once there are that many."""
        self.go_on.set()
        with self._one_ended:
            assert self._one_ended.wait_for(lambda: len(self.reports) >= count, PATIENCE_S)
        return self.reports


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.go_on.set()
    rig.jobs.close(PATIENCE_S)


@pytest.fixture
def base(tmp_path: Path) -> str:
    return str(fill(tmp_path, 2))


def test_a_submitted_job_runs_to_its_end(rig: Rig, base: str) -> None:
    job = rig.jobs.submit(base, BALANCED, "job-1")
    rig.go_on.set()
    assert job.wait(PATIENCE_S)
    assert (job.report().state, job.report().done) == (JobState.FINISHED, 2)


def test_the_end_of_a_job_is_told_once_with_its_report(rig: Rig, base: str) -> None:
    job = rig.jobs.submit(base, BALANCED)
    assert rig.finish(1) == [job.report()]


def test_a_job_without_an_id_gets_its_own(rig: Rig, base: str) -> None:
    first, second = rig.jobs.submit(base, BALANCED), rig.jobs.submit(base, BALANCED)
    assert first.spec.job_id != second.spec.job_id
    assert rig.jobs.get(first.spec.job_id) is first


def test_a_known_id_attaches_to_the_running_job(rig: Rig, base: str) -> None:
    assert rig.jobs.submit(base, BALANCED, "job-1") is rig.jobs.submit(base, BALANCED, "job-1")


def test_a_known_id_attaches_to_the_ended_job(rig: Rig, base: str) -> None:
    job = rig.jobs.submit(base, BALANCED, "job-1")
    rig.finish(1)
    assert rig.jobs.submit(base, BALANCED, "job-1") is job


@pytest.mark.parametrize("what", ["base path", "strategy"])
def test_a_known_id_with_another_request_is_refused(rig: Rig, base: str, what: str) -> None:
    rig.jobs.submit(base, BALANCED, "job-1")
    with pytest.raises(InvalidRequest, match=f"job job-1 is {base} by load-balancing; choose another id"):
        rig.jobs.submit(
            "/" if what == "base path" else base,
            Strategy.RANDOM if what == "strategy" else BALANCED,
            "job-1",
        )


def test_a_request_that_cannot_be_carried_out_leaves_no_job(rig: Rig) -> None:
    with pytest.raises(InvalidRequest, match="does not exist"):
        rig.jobs.submit("/no/such/place", BALANCED, "job-1")
    assert rig.jobs.all() == []


def test_an_unknown_id_is_no_job(rig: Rig) -> None:
    with pytest.raises(UnknownJob) as caught:
        rig.jobs.get("job-7")
    assert caught.value.job_id == "job-7"


def test_jobs_are_told_oldest_first(rig: Rig, base: str) -> None:
    submitted = [rig.jobs.submit(base, BALANCED, name) for name in ("c", "a", "b")]
    assert rig.jobs.all() == submitted


def test_a_server_runs_only_so_many_jobs_at_once(
    rig: Rig, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "MAX_RUNNING", 2)
    rig.jobs.submit(base, BALANCED, "a")
    rig.jobs.submit(base, BALANCED, "b")
    with pytest.raises(InvalidRequest, match="runs 2 jobs already; submit again when one has ended"):
        rig.jobs.submit(base, BALANCED, "c")
    assert rig.jobs.submit(base, BALANCED, "a").spec.job_id == "a"


def test_an_ended_job_makes_room_for_another(rig: Rig, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "MAX_RUNNING", 1)
    rig.jobs.submit(base, BALANCED, "a")
    rig.finish(1)
    rig.jobs.submit(base, BALANCED, "b")
    assert len(rig.finish(2)) == 2


def test_only_the_last_that_ended_are_remembered(
    rig: Rig, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "MAX_ENDED", 3)
    for i in range(5):
        rig.jobs.submit(base, BALANCED, f"job-{i}")
        rig.finish(i + 1)
    assert [job.spec.job_id for job in rig.jobs.all()] == ["job-2", "job-3", "job-4"]


def test_a_running_job_is_never_forgotten(rig: Rig, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "MAX_ENDED", 1)
    running = rig.jobs.submit(base, BALANCED, "running")
    for i in range(3):
        (empty := Path(base) / f"empty_{i}").mkdir()
        rig.jobs.submit(str(empty), BALANCED, f"job-{i}").wait(PATIENCE_S)
    assert rig.jobs.get("running") is running


def test_the_limits_are_those_of_the_contract() -> None:
    assert (jobs_module.MAX_RUNNING, jobs_module.MAX_ENDED) == (64, 200)


def test_closing_cancels_what_has_not_started_and_waits_for_what_runs(rig: Rig, tmp_path: Path) -> None:
    job = rig.jobs.submit(str(fill(tmp_path, 50)), BALANCED)
    rig.go_on.set()
    rig.jobs.close(PATIENCE_S)
    report = job.report()
    assert job.has_ended
    assert report.total == report.done + report.not_done == 50


def test_after_closing_nothing_is_submitted(rig: Rig, base: str) -> None:
    rig.jobs.close(0.0)
    with pytest.raises(InvalidRequest, match="shutting down"):
        rig.jobs.submit(base, BALANCED)


def test_closing_twice_is_closing_once(rig: Rig) -> None:
    rig.jobs.close(0.0)
    rig.jobs.close(0.0)


def test_all_jobs_share_the_time_that_closing_may_take(rig: Rig, base: str) -> None:
    for _ in range(20):
        rig.jobs.submit(base, BALANCED)
    began_at = time.monotonic()
    rig.jobs.close(0.025)
    assert time.monotonic() - began_at < 0.3


def test_a_job_whose_thread_cannot_be_started_leaves_nothing_behind(
    rig: Rig, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError):
            rig.jobs.submit(base, BALANCED, "job-1")
    assert rig.jobs.all() == []
    rig.jobs.close(0.0)
