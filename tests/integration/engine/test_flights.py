"""Copies of late images at the end of a job."""

import threading
from pathlib import Path

import pytest

from pixfarm.errors import (
    AnswerLost,
    FailureCode,
    ForeignPeer,
    PeerError,
    TaskFailed,
    Unreachable,
)
from pixfarm.model import ImageState, JobState, Strategy, Task
from pixfarm.scheduling import policy
from tests.unit.core.fake_nodes import Answer, doing, failing, in_turn, raising, refusing
from tests.unit.core.farm_parts import PATIENCE_S, fill, fleet_of, machines, pong
from tests.unit.core.job_rig import Gate, JobRig, counts, wait_until


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of a job each call is late at once, and late ones are looked for all the time."""
    monkeypatch.setattr("pixfarm.flights._LOOK_AGAIN_S", 0.001)
    monkeypatch.setattr("pixfarm.delivery._COPY_PAUSE_S", 0.001)
    monkeypatch.setattr(policy, "TAIL_AGE_MIN_S", 0.0)
    monkeypatch.setattr(policy, "TAIL_AGE_FACTOR", 0.0)


class FirstIsSlow:
    """The answer of nodes that do all images but one, whose calls get ``first``, and then ``second``."""

    def __init__(self, first: Answer, second: Answer = doing) -> None:
        self._first = first
        self._second = second
        self._lock = threading.Lock()
        self.calls: list[str] = []
        self.attempt_ids: list[str] = []

    def __call__(self, task: Task) -> None:
        if task.filename != "img_0000.jpg":
            return
        with self._lock:
            self.calls.append(task.filename)
            self.attempt_ids.append(task.attempt_id)
            is_first = len(self.calls) == 1
        (self._first if is_first else self._second)(task)


def idle_node_joins(rig: JobRig, workers: int = 2) -> None:
    """A second node is there from now on."""
    both = machines(2)
    rig.fleet.set_machines(both)
    rig.fleet.pong(both[1], pong(both[1], workers=workers))


def test_a_late_image_is_sent_to_a_second_node_whose_result_counts(tmp_path: Path) -> None:
    gate = Gate()
    slow = FirstIsSlow(gate)
    rig = JobRig(fill(tmp_path, 10), slow)
    report = rig.run()  # it ends although the first node has not answered
    assert (report.state, counts(report)) == (JobState.FINISHED, (10, 10, 0, 0))
    assert (report.copies, report.retries) == (1, 0)
    first, second = rig.nodes.nodes_asked("img_0000.jpg")
    assert first != second
    (row,) = [row for row in rig.journal.recorded if row.record.filename == "img_0000.jpg"]
    assert row.record.node == second
    gate.open()
    rig.wait_until_idle()
    assert set(rig.times_noted().values()) == {1}
    assert (rig.job.report().done, rig.job.report().failed) == (10, 0)


def test_the_first_node_may_win_after_all(tmp_path: Path) -> None:
    first, second = Gate(), Gate()
    slow = FirstIsSlow(first, second)
    rig = JobRig(fill(tmp_path, 10), slow)
    with rig.running():
        second.wait_until_held(1)
        first.open()
    assert rig.job.report().copies == 1
    (row,) = [row for row in rig.journal.recorded if row.record.filename == "img_0000.jpg"]
    assert row.record.node == rig.nodes.nodes_asked("img_0000.jpg")[0]
    second.open()
    rig.wait_until_idle()
    assert set(rig.times_noted().values()) == {1}


@pytest.mark.parametrize(("late_ns", "noted"), [(20, [10, 20]), (5, [10])])
def test_a_result_that_took_the_place_of_the_first_is_the_one_to_be_found_later(
    tmp_path: Path, late_ns: int, noted: list[int]
) -> None:
    first = Gate()
    rig = JobRig(fill(tmp_path, 1), by_node={"node_1": first}, fleet=fleet_of(0.0))
    rig.nodes.mtimes_ns = iter([10, late_ns])
    with rig.running():
        first.wait_until_held(1)
        idle_node_joins(rig)
    assert rig.job.report().copies == 1
    first.open()
    rig.wait_until_idle()
    wait_until(lambda: len(rig.journal.recorded) == len(noted))
    assert [row.record.node for row in rig.journal.recorded] == ["node_2"] * len(noted)
    assert [row.origin.result_mtime_ns for row in rig.journal.recorded if row.origin] == noted
    assert counts(rig.job.report()) == (1, 1, 0, 0)


def test_of_two_results_at_the_same_moment_one_is_noted(tmp_path: Path) -> None:
    for number in range(10):
        both = threading.Barrier(2)
        (base := tmp_path / str(number)).mkdir()

        def answer(_task: Task, both: threading.Barrier = both) -> None:
            both.wait(PATIENCE_S)

        rig = JobRig(fill(base, 1), answer)
        assert counts(rig.run()) == (1, 1, 0, 0)
        rig.wait_until_idle()
        assert rig.times_noted() == {"img_0000.jpg": 1}
        assert rig.slots.held("job-1") == 0


def test_an_image_is_copied_once(tmp_path: Path) -> None:
    gate = Gate(lambda task: task.filename == "img_0000.jpg")
    rig = JobRig(fill(tmp_path, 100), gate, fleet=fleet_of(*[0.0] * 5, workers=2))
    with rig.running():
        gate.wait_until_held(2)
        rig.slots.wait_for_looks()
        assert gate.held == ["img_0000.jpg"] * 2
        gate.open()
    assert rig.job.report().copies == 1


@pytest.mark.parametrize(("images", "copies"), [(6, 1), (39, 1), (40, 2), (100, 5)])
def test_at_most_one_in_twenty_images_is_copied_and_at_least_one_may_be(
    tmp_path: Path, images: int, copies: int
) -> None:
    gate = Gate()
    rig = JobRig(fill(tmp_path, images), by_node={"node_1": gate}, fleet=fleet_of(0.0, workers=3))
    with rig.running():
        gate.wait_until_held(6)
        idle_node_joins(rig, workers=6)
        wait_until(lambda: rig.job.status().copies == copies)
        rig.slots.wait_for_looks()
        gate.open()
    report = rig.job.report()
    assert (report.copies, counts(report)) == (copies, (images, images, 0, 0))


def test_the_oldest_call_is_copied_first(tmp_path: Path) -> None:
    gate = Gate()
    by_node: dict[str, Answer] = {"node_1": gate}
    rig = JobRig(fill(tmp_path, 4), by_node=by_node, fleet=fleet_of(0.0, workers=2))
    with rig.running():
        gate.wait_until_held(4)
        oldest = min(rig.job._flights._under_way, key=lambda flight: flight.calls()[0].sent_at)
        idle_node_joins(rig)
        wait_until(lambda: any(node == "node_2" for node, _ in rig.nodes.asked))
        gate.open()
    assert [name for node, name in rig.nodes.asked if node == "node_2"] == [oldest.filename]


def test_under_the_random_strategy_nothing_is_copied(tmp_path: Path) -> None:
    gate = Gate()
    rig = JobRig(fill(tmp_path, 10), FirstIsSlow(gate), strategy=Strategy.RANDOM)
    with rig.running():
        gate.wait_until_held(1)
        wait_until(lambda: rig.job.status().done == 9)
        rig.slots.wait_for_looks()
        gate.open()
    assert (rig.job.report().copies, rig.job.report().done) == (0, 10)


def test_a_job_that_is_stopped_copies_nothing(tmp_path: Path) -> None:
    gate = Gate()
    fleet = fleet_of(0.0, workers=2)
    rig = JobRig(fill(tmp_path, 10), gate, fleet=fleet)
    with rig.running():
        gate.wait_until_held(4)
        rig.job.cancel("no longer wanted")
        idle_node_joins(rig)
        rig.slots.wait_for_looks()
        gate.open()
    assert (rig.job.report().copies, counts(rig.job.report())) == (0, (10, 4, 0, 6))


def test_a_job_that_is_paused_copies_nothing(tmp_path: Path) -> None:
    gate = Gate()
    rig = JobRig(fill(tmp_path, 4), gate, fleet=fleet_of(0.0, workers=2))
    with rig.running():
        gate.wait_until_held(4)
        rig.job.control.pause()
        idle_node_joins(rig)
        rig.slots.wait_for_looks()
        assert rig.job.status().copies == 0
        rig.job.control.resume()
        wait_until(lambda: rig.job.status().copies == 1)
        gate.open()
    assert counts(rig.job.report()) == (4, 4, 0, 0)


def test_without_an_idle_node_nothing_is_copied(tmp_path: Path) -> None:
    gate = Gate()
    rig = JobRig(fill(tmp_path, 4), gate, fleet=fleet_of(0.0, 0.0, workers=1))
    with rig.running():
        gate.wait_until_held(4)
        rig.slots.wait_for_looks()
        assert rig.job.status().copies == 0
        gate.open()  # from now on one node may well be idle before the other
    assert counts(rig.job.report()) == (4, 4, 0, 0)


def test_an_image_that_is_not_late_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "TAIL_AGE_MIN_S", 10 * PATIENCE_S)
    gate = Gate()
    rig = JobRig(fill(tmp_path, 10), FirstIsSlow(gate))
    with rig.running():
        gate.wait_until_held(1)
        rig.slots.wait_for_looks()
        gate.open()
    assert rig.job.report().copies == 0


@pytest.mark.parametrize(
    "second",
    [
        failing(FailureCode.UNREADABLE),
        failing(FailureCode.CRASHED),
        failing(FailureCode.NO_SPACE),
        failing(FailureCode.NOT_FOUND),
        raising(AnswerLost, "reset"),
        raising(Unreachable, "connection refused"),
        raising(ForeignPeer, "talks HTTP"),
    ],
    ids=["UNREADABLE", "CRASHED", "NO_SPACE", "NOT_FOUND", "broken", "unreachable", "foreign"],
)
def test_a_copy_that_comes_to_nothing_does_no_harm_to_the_image(tmp_path: Path, second: Answer) -> None:
    gate = Gate()
    slow = FirstIsSlow(gate, second)
    rig = JobRig(fill(tmp_path, 10), slow)
    with rig.running():
        wait_until(lambda: len(slow.calls) >= 2)
        rig.slots.wait_for_looks()
        gate.open()
    report = rig.job.report()
    assert (report.state, counts(report)) == (JobState.FINISHED, (10, 10, 0, 0))
    assert (report.copies, report.retries, len(slow.calls)) == (1, 0, 2)
    assert rig.places_taken == 0


def test_a_copy_that_every_idle_node_refuses_is_offered_again_after_a_pause(tmp_path: Path) -> None:
    gate = Gate()
    slow = FirstIsSlow(gate, in_turn(*[refusing()] * 5))
    rig = JobRig(fill(tmp_path, 10), slow)
    report = rig.run()
    assert (report.copies, report.rejections, counts(report)) == (1, 5, (10, 10, 0, 0))
    gate.open()
    rig.wait_until_idle()


@pytest.mark.parametrize("error", [Unreachable, ForeignPeer])
def test_a_copy_that_no_node_of_ours_took_goes_to_another_node(
    tmp_path: Path, error: type[PeerError]
) -> None:
    gate = Gate()
    slow = FirstIsSlow(gate, in_turn(raising(error, "it went wrong")))
    rig = JobRig(fill(tmp_path, 10), slow, fleet=fleet_of(0.0, 0.0, 0.0))
    report = rig.run()
    assert (report.copies, report.retries, counts(report)) == (1, 0, (10, 10, 0, 0))
    assert len(set(rig.nodes.nodes_asked("img_0000.jpg"))) == 3
    gate.open()
    rig.wait_until_idle()


def test_a_copy_is_offered_no_more_when_its_image_is_done(tmp_path: Path) -> None:
    gate = Gate()
    slow = FirstIsSlow(gate, refusing())
    rig = JobRig(fill(tmp_path, 10), slow)
    with rig.running():
        wait_until(lambda: len(slow.calls) >= 3)
        gate.open()
    wait_until(lambda: not any(thread.name.startswith("copy") for thread in threading.enumerate()))
    assert (rig.job.report().copies, rig.job.report().done, rig.places_taken) == (1, 10, 0)


def test_a_copy_is_offered_no_more_when_its_job_is_stopped(tmp_path: Path) -> None:
    gate = Gate()
    slow = FirstIsSlow(gate, refusing())
    rig = JobRig(fill(tmp_path, 10), slow)
    with rig.running():
        wait_until(lambda: len(slow.calls) >= 3)
        rig.job.cancel("no longer wanted")
        wait_until(lambda: not any(thread.name.startswith("copy") for thread in threading.enumerate()))
        gate.open()
    report = rig.job.report()
    assert (report.state, counts(report)) == (JobState.FINISHED, (10, 10, 0, 0))  # it came too late


def test_a_copy_that_is_refused_goes_to_another_node(tmp_path: Path) -> None:
    gate = Gate()
    slow = FirstIsSlow(gate, in_turn(refusing()))
    rig = JobRig(fill(tmp_path, 10), slow, fleet=fleet_of(0.0, 0.0, 0.0))
    report = rig.run()
    assert (report.copies, report.rejections, counts(report)) == (1, 1, (10, 10, 0, 0))
    assert len(set(rig.nodes.nodes_asked("img_0000.jpg"))) == 3
    gate.open()
    rig.wait_until_idle()


def test_a_first_node_that_fails_after_the_copy_has_won_fails_nothing(tmp_path: Path) -> None:
    gate = Gate()

    def fails_late(task: Task) -> None:
        gate(task)
        raise TaskFailed(FailureCode.UNREADABLE, "no image")

    rig = JobRig(fill(tmp_path, 10), FirstIsSlow(fails_late))
    assert counts(rig.run()) == (10, 10, 0, 0)
    gate.open()
    rig.wait_until_idle()
    assert set(rig.journal.states().values()) == {ImageState.DONE}
    assert set(rig.times_noted().values()) == {1}


def test_the_attempt_that_lost_leaves_no_temporary_file_behind(tmp_path: Path) -> None:
    gate = Gate()
    (tmp_path / "output_dir").mkdir()
    left: list[Path] = []

    def writes(task: Task) -> None:
        left.append(tmp_path / "output_dir" / f".{task.filename}.{task.attempt_id}.part")
        left[-1].touch()
        gate(task)

    slow = FirstIsSlow(writes)
    rig = JobRig(fill(tmp_path, 10), slow)
    report = rig.run()
    assert (report.copies, report.done) == (1, 10)
    assert rig.job._delivery.doubtful == [("img_0000.jpg", slow.attempt_ids[0])]
    (part,) = left
    assert not part.exists()
    gate.open()
    rig.wait_until_idle()


def test_a_bug_in_a_copy_ends_the_job_and_not_silently(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    slow = FirstIsSlow(gate, raising(ZeroDivisionError, "oops"))
    rig = JobRig(fill(tmp_path, 10), slow)
    with rig.running():
        wait_until(lambda: rig.job.control.stopped)
        gate.open()
    assert "oops" in rig.job.report().message
    assert (rig.job.report().state, rig.places_taken) == (JobState.GAVE_UP, 0)
    assert any(record.exc_info for record in caplog.records)


def test_a_copy_that_gets_no_thread_is_made_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_thread = threading.Thread.start

    def start_some(thread: threading.Thread) -> None:
        if thread.name.startswith("copy"):
            raise RuntimeError("can't start new thread")
        start_thread(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    gate = Gate()
    rig = JobRig(fill(tmp_path, 10), FirstIsSlow(gate))
    report = rig.run()
    assert (report.copies, counts(report)) == (1, (10, 10, 0, 0))
    gate.open()
    rig.wait_until_idle()
