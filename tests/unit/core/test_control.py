import logging
import threading
import time

import pytest

from pixfarm.control import Control, Suspended
from pixfarm.errors import FailureCode, GaveUp
from pixfarm.model import JobState
from tests.unit.core.farm_parts import PATIENCE_S, start

CANCELLED = GaveUp(FailureCode.CANCELLED, "cancelled on request")
NO_NODES = GaveUp(FailureCode.NO_NODES, "nobody is there")


class Woken:
    """Counts how often it is called."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def control() -> Control:
    return Control("job-1", Woken())


def test_a_new_job_runs() -> None:
    one = control()
    one.check()
    one.wait_while_paused()
    assert (one.state, one.stopped, one.is_paused, one.has_ended) == (JobState.RUNNING, None, False, False)


def test_a_job_that_is_stopped_does_not_go_on_and_wakes_what_waits() -> None:
    woken = Woken()
    one = Control("job-1", woken)
    one.stop(NO_NODES)
    with pytest.raises(GaveUp) as caught:
        one.check()
    assert (caught.value.code, caught.value.message) == (FailureCode.NO_NODES, "nobody is there")
    assert caught.value is not NO_NODES  # each has a traceback of its own
    assert woken.count == 1


def test_the_first_reason_to_stop_counts() -> None:
    woken = Woken()
    one = Control("job-1", woken)
    one.stop(NO_NODES)
    one.stop(CANCELLED)
    one.stop(Suspended())
    assert (one.stopped, one.is_suspended, woken.count) == (NO_NODES, False, 1)


@pytest.mark.parametrize(
    ("why", "logged"), [(NO_NODES, True), (CANCELLED, False), (Suspended(), False)], ids=str
)
def test_only_a_job_that_stops_by_itself_is_an_error(
    why: GaveUp,
    logged: bool,  # noqa: FBT001
    caplog: pytest.LogCaptureFixture,
) -> None:
    control().stop(why)
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * logged


def test_a_rest_is_over_when_the_job_stops() -> None:
    one = control()
    (resting,) = start(lambda: one.rest(10 * PATIENCE_S))
    one.stop(CANCELLED)
    resting.join(PATIENCE_S)
    assert not resting.is_alive()


def test_a_paused_job_waits_until_it_is_resumed() -> None:
    one = control()
    assert one.pause()
    assert (one.state, one.is_paused) == (JobState.PAUSED, True)
    (waiting,) = start(one.wait_while_paused)
    waiting.join(0.01)
    assert waiting.is_alive()
    assert one.resume()
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive()
    assert one.state is JobState.RUNNING


@pytest.mark.parametrize("why", [CANCELLED, Suspended()], ids=["cancelled", "suspended"])
def test_a_paused_job_can_be_stopped(why: GaveUp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixfarm.control._LOOK_AGAIN_S", 0.001)
    one = control()
    one.pause()
    raised: list[type[GaveUp]] = []

    def wait() -> None:
        with pytest.raises(GaveUp) as caught:
            one.wait_while_paused()
        raised.append(caught.type)

    (waiting,) = start(wait)
    one.stop(why)
    waiting.join(PATIENCE_S)
    assert raised == [type(why)]


def test_a_job_that_was_stopped_while_paused_does_not_wait_for_each_of_its_images() -> None:
    one = control()
    one.pause()
    one.stop(CANCELLED)
    began_at = time.monotonic()
    for _ in range(100):
        with pytest.raises(GaveUp):
            one.wait_while_paused()
    assert time.monotonic() - began_at < 1.0


def test_a_job_that_was_stopped_is_neither_paused_nor_resumed() -> None:
    one = control()
    one.stop(CANCELLED)
    assert not one.pause()
    assert not one.is_paused
    one = control()
    one.pause()
    one.stop(CANCELLED)
    assert not one.resume()
    assert one.is_paused


def test_an_ended_job_is_neither_paused_nor_resumed_and_its_time_stands() -> None:
    one = control()
    one.decide(not_done=0)
    elapsed_s = one.stopwatch.elapsed_s()
    assert (one.pause(), one.resume()) == (False, False)
    assert (one.state, one.stopwatch.elapsed_s()) == (JobState.FINISHED, elapsed_s)


def test_a_pause_does_not_count_as_time_and_the_wait_for_nodes_begins_anew_after_it() -> None:
    one = Control("job-1", Woken(), elapsed_s=100.0)
    one.pause()
    paused_for = one.stopwatch.elapsed_s()
    assert one.stopwatch.elapsed_s() == paused_for >= 100.0
    since = one.waits_since
    one.resume()
    assert one.waits_since > since
    assert one.stopwatch.elapsed_s() > paused_for


@pytest.mark.parametrize(
    ("why", "not_done", "state"),
    [
        (None, 0, JobState.FINISHED),
        (CANCELLED, 3, JobState.CANCELLED),
        (CANCELLED, 0, JobState.FINISHED),
        (NO_NODES, 3, JobState.GAVE_UP),
        (Suspended(), 0, JobState.RUNNING),
        (Suspended(), 3, JobState.RUNNING),
    ],
    ids=["done", "cancelled", "cancelled too late", "gave up", "suspended at its end", "suspended"],
)
def test_how_a_job_ends(why: GaveUp | None, not_done: int, state: JobState) -> None:
    one = control()
    if why is not None:
        one.stop(why)
    one.decide(not_done)
    assert one.state is state


def test_a_cancellation_that_stopped_nothing_leaves_no_reason() -> None:
    one = control()
    one.stop(CANCELLED)
    one.decide(not_done=0)
    assert one.stopped is None


def test_a_paused_job_that_is_suspended_stays_paused_for_the_next_server() -> None:
    one = control()
    one.pause()
    one.stop(Suspended())
    one.decide(not_done=0)
    assert one.state is JobState.PAUSED


def test_what_has_ended_is_not_stopped_any_more() -> None:
    one = control()
    one.decide(not_done=0)
    one.stop(CANCELLED)
    assert (one.state, one.stopped) == (JobState.FINISHED, None)


def test_a_wait_for_the_end_is_over_in_time() -> None:
    one = control()
    assert not one.wait(0.0)
    one.end()
    assert one.wait(0.0)
    assert one.has_ended


def test_a_job_can_be_paused_resumed_and_stopped_from_many_threads() -> None:
    # Whatever the order: it is stopped once, and lets nobody wait.
    for _ in range(6):
        woken = Woken()
        one = Control("job-1", woken)
        all_there = threading.Barrier(9)

        def act(one: Control = one, barrier: threading.Barrier = all_there) -> None:
            barrier.wait(PATIENCE_S)
            what = threading.current_thread().name
            if what == "stop":
                one.stop(CANCELLED)
            else:
                (one.pause if what == "pause" else one.resume)()

        for thread in start(act, ["pause", "resume", "stop"] * 3):
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        with pytest.raises(GaveUp):
            one.check()
        assert (one.stopped, woken.count, one.resume()) == (CANCELLED, 1, False)
