"""How a job is paused, goes on, is cancelled, and is suspended with its server."""

import itertools
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm.errors import FailureCode
from pixfarm.model import ImageState, JobState, Task
from pixfarm.scheduling import policy
from tests.unit.core.fake_nodes import failing, refusing
from tests.unit.core.farm_parts import PATIENCE_S, fill, fleet_of, machines, pong, unheard_fleet
from tests.unit.core.job_rig import Gate, JobRig, counts, wait_until

# With one node of 2 workers and 4 spare threads, 4 images are with the node and 4 wait for it.
HELD = 4


@pytest.fixture
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A paused job sees at once that it has stopped."""
    monkeypatch.setattr("pixfarm.control._LOOK_AGAIN_S", 0.001)


def held_up(base: Path, images: int = 50) -> tuple[JobRig, Gate]:
    """A job whose images stay with their node until the gate opens."""
    gate = Gate()
    return JobRig(fill(base, images), gate, fleet=fleet_of(0.0, workers=2)), gate


def test_a_cancelled_job_starts_no_further_image_and_finishes_what_runs(tmp_path: Path) -> None:
    rig, gate = held_up(tmp_path, 300)
    with rig.running():
        gate.wait_until_held(HELD)
        rig.job.cancel("no longer wanted")
        gate.open()
    report = rig.job.report()
    assert (report.state, counts(report)) == (JobState.CANCELLED, (300, HELD, 0, 300 - HELD))
    assert (report.code, report.message) == ("CANCELLED", "no longer wanted")
    assert len(rig.nodes.asked) == HELD
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

    rig = JobRig(fill(tmp_path, 1), fleet=unheard_fleet(1, clock))
    with rig.running():
        assert looked.wait(PATIENCE_S)
        rig.job.cancel("no longer wanted")
    assert (rig.job.report().state, counts(rig.job.report())) == (JobState.CANCELLED, (1, 0, 0, 1))


def test_a_job_that_pauses_between_sweeps_is_cancelled_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixfarm.scheduling.backoff.sweep_pause_s", lambda _sweep, _rng: 10 * PATIENCE_S)
    rig = JobRig(fill(tmp_path, 1), refusing(), fleet=fleet_of(0.5))
    with rig.running():
        wait_until(lambda: rig.job.status().rejections)
        rig.job.cancel("no longer wanted")
    assert (rig.job.report().state, counts(rig.job.report())) == (JobState.CANCELLED, (1, 0, 0, 1))


def test_a_job_that_waits_for_files_to_be_seen_is_cancelled_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixfarm.scheduling.backoff.lag_pause_s", lambda _missing: 10 * PATIENCE_S)
    rig = JobRig(fill(tmp_path, 1), failing(FailureCode.NOT_FOUND))
    with rig.running():
        wait_until(lambda: rig.job.status().retries)
        rig.job.cancel("no longer wanted")
    assert rig.job.report().state is JobState.CANCELLED


def test_a_cancellation_that_stops_nothing_leaves_a_finished_job(tmp_path: Path) -> None:
    rig, gate = held_up(tmp_path, 1)
    with rig.running():
        gate.wait_until_held(1)
        rig.job.cancel("no longer wanted")
        gate.open()
    report = rig.job.report()
    assert (report.state, counts(report)) == (JobState.FINISHED, (1, 1, 0, 0))
    assert (report.code, report.message) == ("", "")


def test_a_job_that_has_ended_cannot_be_cancelled(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 1))
    before = rig.run()
    rig.job.cancel("too late")
    assert rig.job.report() == before


def test_the_first_reason_to_stop_is_the_one_that_is_told(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 3))
    rig.job.cancel("first")
    rig.job.cancel("second")
    assert rig.run().message == "first"


def test_a_paused_job_starts_no_further_image_until_it_is_resumed(tmp_path: Path) -> None:
    rig, gate = held_up(tmp_path)
    with rig.running():
        gate.wait_until_held(HELD)
        rig.job.control.pause()
        gate.open()
        wait_until(lambda: not rig.slots.held("job-1"))  # those that had a thread already are done
        done = rig.job.status().done
        assert rig.job.status().state is JobState.PAUSED
        assert done == len(rig.nodes.asked) < 10
        rig.job.control.resume()
    assert (rig.job.report().state, counts(rig.job.report())) == (JobState.FINISHED, (50, 50, 0, 0))


def test_a_job_that_begins_paused_starts_nothing(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 5))
    rig.job.control.pause()
    with rig.running():
        wait_until(lambda: rig.job.status().listing_complete)
        assert (rig.nodes.asked, rig.job.status().state) == ([], JobState.PAUSED)
        rig.job.control.resume()
    assert counts(rig.job.report()) == (5, 5, 0, 0)


def test_a_job_that_is_paused_while_it_waits_for_a_slot_takes_none(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 1))
    for _ in range(rig.fleet.bound()):
        rig.slots.acquire("other", 1, lambda: None)  # more urgent
    with rig.running():
        wait_until(lambda: "job-1" in rig.slots._waiting)
        rig.job.control.pause()
        for _ in range(rig.fleet.bound()):
            rig.slots.release("other")
        wait_until(lambda: "job-1" not in rig.slots._waiting)
        wait_until(lambda: not rig.slots.held("job-1"))
        assert rig.nodes.asked == []
        rig.job.control.resume()
    assert counts(rig.job.report()) == (1, 1, 0, 0)


@pytest.mark.usefixtures("short_looks")
@pytest.mark.parametrize("then", ["resumed", "cancelled", "suspended"])
def test_a_paused_job_does_not_give_up_because_its_nodes_are_switched_off(tmp_path: Path, then: str) -> None:
    hours_later = threading.Event()
    late_looks: list[str] = []

    def clock() -> float:
        if not hours_later.is_set():
            return time.monotonic()
        if threading.current_thread().name.startswith("image"):
            late_looks.append("no node is there")
        return time.monotonic() + 7200.0

    rig = JobRig(fill(tmp_path, 3), fleet=unheard_fleet(1, clock))
    with rig.running():
        wait_until(lambda: rig.slots.held("job-1") == 3)
        rig.job.control.pause()
        hours_later.set()
        rig.fleet.wake()
        wait_until(lambda: len(late_looks) >= 3)
        assert (rig.job.status().state, rig.job.control.stopped) == (JobState.PAUSED, None)
        if then == "resumed":
            (node,) = machines(1)
            rig.fleet.pong(node, pong(node))
            rig.job.control.resume()
        elif then == "cancelled":
            rig.job.cancel("no longer wanted")
        else:
            rig.job.suspend()
    report = rig.job.report()
    if then == "resumed":
        assert (report.state, counts(report)) == (JobState.FINISHED, (3, 3, 0, 0))
    elif then == "cancelled":
        assert (report.state, counts(report)) == (JobState.CANCELLED, (3, 0, 0, 3))
    else:
        assert (report.state, rig.journal.recorded) == (JobState.PAUSED, [])


def test_a_paused_job_is_cancelled_without_a_pause_for_each_of_its_images(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 100))
    rig.job.control.pause()
    began_at = time.monotonic()
    with rig.running():
        rig.job.cancel("no longer wanted")
    assert time.monotonic() - began_at < 5.0
    assert (rig.job.report().state, counts(rig.job.report())) == (JobState.CANCELLED, (100, 0, 0, 100))


def test_a_suspended_job_finishes_what_runs_and_notes_nothing_of_the_rest(tmp_path: Path) -> None:
    rig, gate = held_up(tmp_path)
    with rig.running():
        gate.wait_until_held(HELD)
        wait_until(lambda: rig.slots.held("job-1") == HELD + policy.SPARE_THREADS)
        rig.job.suspend()
        gate.open()
    assert rig.job.control.is_suspended
    assert list(rig.journal.states().values()) == [ImageState.DONE] * HELD
    journaled = rig.journal.job("job-1")
    assert journaled is not None
    assert (journaled.summary.state, journaled.summary.done) == (JobState.RUNNING, HELD)
    assert rig.slots.held("job-1") == 0


def test_a_suspended_job_remembers_how_large_it_is(tmp_path: Path) -> None:
    rig, gate = held_up(tmp_path)
    with rig.running():
        gate.wait_until_held(HELD)
        wait_until(lambda: rig.job.status().listing_complete)
        rig.job.suspend()
        gate.open()
    assert rig.job.status().total == 50


@pytest.mark.usefixtures("short_looks")
def test_a_paused_job_that_is_suspended_stays_paused(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 5))
    rig.job.control.pause()
    with rig.running():
        rig.job.suspend()
    journaled = rig.journal.job("job-1")
    assert journaled is not None
    assert (journaled.summary.state, rig.journal.recorded) == (JobState.PAUSED, [])


def test_a_job_that_passes_over_all_its_images_is_suspended_as_soon_as_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Names without end, all of which have ended: nothing is ever started.
    rig = JobRig(tmp_path)

    def names(_tree: object, _on_error: object) -> Iterator[str]:
        return (f"{i}.jpg" for i in itertools.count())

    monkeypatch.setattr("pixfarm.choice.eligible_files", names)
    monkeypatch.setattr(rig.job.worklist, "_is_resumed", True)
    monkeypatch.setattr(rig.job.worklist, "_not_ended", lambda _names: [])
    with rig.running():
        wait_until(lambda: rig.job.status().total > 100)
        rig.job.suspend()
    assert rig.job.control.has_ended


def test_a_job_that_is_cancelled_and_then_suspended_is_cancelled(tmp_path: Path) -> None:
    rig, gate = held_up(tmp_path)
    with rig.running():
        gate.wait_until_held(HELD)
        rig.job.cancel("no longer wanted")
        rig.job.suspend()
        gate.open()
    assert (rig.job.report().state, counts(rig.job.report())) == (JobState.CANCELLED, (50, HELD, 0, 46))


@pytest.mark.parametrize("seed", range(5))
def test_however_a_job_is_paused_and_resumed_every_image_is_done_once(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    acts = iter([rng.choice(["pause", "resume"]) for _ in range(200)])

    def meddle(_task: Task | None = None) -> bool:
        act = next(acts, None)
        if act is not None:
            getattr(rig.job.control, act)()
        return act is not None

    def resume_until_it_ends() -> bool:
        rig.job.control.resume()
        return rig.job.control.has_ended

    rig = JobRig(fill(tmp_path, 40), meddle)
    with rig.running():
        while meddle():
            threading.Event().wait(0.0001)
        wait_until(resume_until_it_ends)
    assert (rig.job.report().state, counts(rig.job.report())) == (JobState.FINISHED, (40, 40, 0, 0))
    assert set(rig.times_noted().values()) == {1}


@pytest.mark.parametrize("seed", range(5))
def test_whenever_a_job_is_stopped_every_image_ends_at_most_once_and_no_place_is_lost(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    stop_at, how = rng.randrange(30), rng.choice(["cancel", "suspend"])
    answered = itertools.count()

    def answer(_task: Task) -> None:
        if next(answered) == stop_at:
            rig.job.cancel("no longer wanted") if how == "cancel" else rig.job.suspend()

    rig = JobRig(fill(tmp_path, 40), answer)
    report = rig.run()
    assert set(rig.times_noted().values()) == {1}
    assert (rig.places_taken, rig.slots.held("job-1")) == (0, 0)
    if how == "cancel":
        assert counts(report)[0] == 40 == len(rig.journal.states())
    else:
        assert set(rig.journal.states().values()) == {ImageState.DONE}
