import itertools

import pytest

from pixfarm.control import Brakes
from pixfarm.errors import AnswerLost, FailureCode, GaveUp, RejectReason, TaskRejected, Unreachable
from pixfarm.model import Failure, ImageRecord, ImageState, NodeHealth, Strategy
from pixfarm.scheduling import policy
from tests.unit.core.delivery_rig import TOKEN, Rig
from tests.unit.core.fake_journal import FakeJournal
from tests.unit.core.fake_nodes import failing, raising, refusing
from tests.unit.core.farm_parts import (
    PATIENCE_S,
    Clock,
    Looks,
    Stopped,
    fleet_of,
    machines,
    never,
    pong,
    start,
)


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that nothing ends looks again at once."""
    monkeypatch.setattr("pixfarm.fleet._LOOK_AGAIN_S", 0.001)


def test_an_image_that_a_node_does_is_done() -> None:
    rig = Rig(nodes=1)
    flight = rig.deliver()
    assert (rig.counts, rig.tally.failures(), rig.places_taken) == ({"done": 1}, (), 0)
    assert rig.record.state is ImageState.DONE
    assert (flight.is_over, rig.ended) == (True, [flight])


def test_an_image_counts_as_done_only_when_the_journal_has_it() -> None:
    rig = Rig(journal=FakeJournal(holds_back=True))
    rig.deliver()
    assert rig.counts == {}
    rig.journal.flush()
    assert rig.counts == {"done": 1}


def test_an_image_counts_as_failed_only_when_the_journal_has_it() -> None:
    rig = Rig(failing(FailureCode.UNREADABLE), journal=FakeJournal(holds_back=True))
    rig.deliver()
    assert (rig.counts, rig.tally.failures()) == ({}, ())
    rig.journal.flush()
    assert rig.counts == {"failed": 1}


def test_an_image_does_not_wait_for_the_journal() -> None:
    rig = Rig(journal=FakeJournal(holds_back=True))
    rig.deliver("a.jpg")
    rig.deliver("b.jpg")
    assert rig.places_taken == 0
    assert len(rig.ended) == 2


def test_a_done_image_is_noted_with_where_it_comes_from() -> None:
    rig = Rig(refusing(), failing(FailureCode.CRASHED))
    rig.deliver("b/a.jpg")
    (row,) = rig.journal.recorded
    assert row.record == ImageRecord(
        filename="b/a.jpg",
        state=ImageState.DONE,
        node=rig.asked[-1],
        attempts=2,
        refusals=1,
        seconds=row.record.seconds,
        bytes_written=100,
        width_px=4,
        height_px=3,
    )
    assert row.origin is not None
    origin = row.origin
    assert (origin.source_bytes, origin.source_mtime_ns) == (70, 7)
    assert (origin.result_bytes, origin.result_mtime_ns) == (100, 9)


def test_a_node_is_told_the_image_and_may_answer_late_by_its_delay() -> None:
    rig = Rig(nodes=1)
    rig.deliver("b/c.jpg")
    (task,) = rig.nodes.tasks
    assert (task.base_path, task.filename) == ("/base", "b/c.jpg")
    assert task.patience_s == 2 * (task.timeout_s + 1.0) + 3.0


def test_every_attempt_has_its_own_id_of_at_most_64_characters() -> None:
    rig = Rig(refusing(), failing(FailureCode.CRASHED), refusing(), job_id="j" * 64)
    rig.deliver()
    ids = [task.attempt_id for task in rig.nodes.tasks]
    assert ids == [f"{TOKEN}-{number}" for number in (1, 2, 3, 4)]
    assert all(len(one) <= 64 for one in ids)


def test_a_refused_image_goes_to_another_node() -> None:
    rig = Rig(refusing())
    rig.deliver()
    assert sorted(rig.asked) == ["node_1", "node_2"]
    assert rig.counts == {"done": 1, "rejections": 1}


def test_a_lone_node_that_refuses_is_asked_until_it_takes_the_image() -> None:
    rig = Rig(*[refusing(0.9)] * 200, nodes=1)
    rig.deliver()
    assert rig.counts == {"done": 1, "rejections": 200}
    assert (rig.record.attempts, rig.record.refusals) == (1, 200)


def test_an_image_is_given_up_after_too_many_refusals_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "MAX_REFUSALS_IN_A_ROW", 100)
    rig = Rig(*[refusing(0.9)] * 150, nodes=1)
    rig.deliver()
    assert rig.counts == {"failed": 1, "rejections": 100}
    assert (rig.failure.code, rig.failure.node) == (FailureCode.REFUSED, "node_1")
    assert (rig.record.attempts, rig.record.refusals) == (0, 100)


def test_between_two_sweeps_there_is_a_pause_of_at_most_50_ms() -> None:
    rig = Rig(*[refusing()] * 20)
    rig.deliver()
    assert len(rig.pauses) == 10
    assert all(0 <= pause <= 0.05 for pause in rig.pauses)


def test_when_all_nodes_refuse_for_ever_the_job_is_told() -> None:
    rig = Rig(*[refusing(1.0)] * 9)
    with pytest.raises(GaveUp, match="node_1 has p = 1, node_2 has p = 1"):
        rig.deliver()
    assert (rig.counts, rig.places_taken, rig.journal.recorded) == ({"rejections": 2}, 0, [])


def test_the_attempts_at_an_image_are_counted_for_the_nodes() -> None:
    rig = Rig(
        refusing(),
        failing(FailureCode.IO),
        refusing(),
        raising(TaskRejected, RejectReason.BUSY, 0.5),
        nodes=1,
    )
    rig.deliver()
    (node,) = rig.tally.nodes()
    assert (node.name, node.done, node.refused, node.failed) == ("node_1", 1, 3, 1)


def test_a_call_that_was_never_sent_counts_for_nobody() -> None:
    rig = Rig(raising(Unreachable, "connection refused"))
    rig.deliver()
    assert [(node.name, node.failed) for node in rig.tally.nodes()] == [(rig.asked[1], 0)]


def test_a_node_that_wants_to_be_left_alone_is_left_alone() -> None:
    rig = Rig(raising(TaskRejected, RejectReason.DRAINING, 0.0, 1.0))
    for _ in range(5):
        rig.deliver()
    left_alone = rig.asked[0]
    assert rig.asked.count(left_alone) == 1


def test_a_node_may_be_left_alone_for_no_longer_than_a_second() -> None:
    rig = Rig(raising(TaskRejected, RejectReason.BUSY, 0.0, 3600.0), nodes=1)
    rig.deliver(check=lambda: rig.clock.advance(0.5))
    assert rig.asked == ["node_1", "node_1"]
    assert rig.clock.now < 1000.0 + 2.5


def test_a_name_that_is_not_utf_8_is_a_failure_that_asks_no_node() -> None:
    rig = Rig()
    rig.deliver("b/\udcff.jpg")
    assert rig.asked == []
    assert rig.failure == Failure(
        "./b/\\xff.jpg", FailureCode.BAD_NAME, "the file name is not UTF-8; rename the file"
    )


def test_a_stopped_job_sends_no_image_and_notes_nothing() -> None:
    rig = Rig()
    with pytest.raises(Stopped):
        rig.deliver(check=Looks(1))
    assert (rig.asked, rig.counts, rig.places_taken, rig.ended) == ([], {}, 0, [])


def test_a_stopped_job_does_not_try_a_failed_image_again() -> None:
    rig = Rig(failing(FailureCode.IO))
    with pytest.raises(Stopped):
        rig.deliver(check=Looks(2))
    assert len(rig.asked) == 1
    assert rig.journal.recorded == []


def test_a_stopped_job_does_not_wait_for_a_retry() -> None:
    rig = Rig(raising(AnswerLost, "reset"), nodes=1, ping=pong)
    while not rig.fleet.take_retry():
        pass
    stop = Looks(2)
    with pytest.raises(Stopped):
        rig.deliver(check=stop)
    assert (stop.count, rig.pauses) == (2, [])


def test_a_bug_is_not_swallowed_and_costs_the_node_no_place() -> None:
    rig = Rig(raising(ZeroDivisionError), nodes=1)
    flight = rig.flight()
    with pytest.raises(ZeroDivisionError):
        rig.delivery.deliver(flight, rig.brakes())
    assert (rig.places_taken, flight.calls()) == (0, ())


@pytest.mark.parametrize("strategy", Strategy)
def test_nodes_are_asked_by_the_strategy_of_the_job(strategy: Strategy) -> None:
    rig = Rig(strategy=strategy)
    rig.deliver()
    assert rig.nodes.strategies == {strategy}


def test_a_job_waits_for_a_usable_node_from_its_own_start() -> None:
    rig = Rig(nodes=0)
    rig.clock.advance(3600.0)
    with pytest.raises(Stopped):
        rig.delivery.deliver(rig.flight(), Brakes(Looks(2), rig.pauses.append, since=rig.clock.now))
    with pytest.raises(GaveUp, match="no node was usable for 30 s"):
        rig.delivery.deliver(rig.flight(), Brakes(never, rig.pauses.append, since=rig.clock.now - 30.0))


def test_images_of_one_job_are_delivered_from_many_threads() -> None:
    clock = Clock()
    rig = Rig(
        *[refusing(), failing(FailureCode.IO)] * 20,
        fleet=fleet_of(0.5, 0.5, workers=2, clock=clock),
        clock=clock,
    )
    numbers = itertools.count()
    for thread in start(lambda: rig.deliver(f"{next(numbers)}.jpg"), map(str, range(40))):
        thread.join(PATIENCE_S)
    assert rig.tally.counts()["done"] + rig.tally.counts()["failed"] == 40
    assert (len(rig.journal.recorded), len(rig.ended), rig.places_taken) == (40, 40, 0)


def test_a_flight_that_is_over_is_not_sent_again() -> None:
    rig = Rig()
    flight = rig.flight()
    with flight.end():
        pass
    rig.delivery.deliver(flight, rig.brakes())
    assert (rig.asked, rig.journal.recorded, rig.ended) == ([], [], [flight])


def test_a_node_is_probed_with_one_image_after_it_was_lost() -> None:
    rig = Rig(raising(Unreachable, "connection refused"), nodes=1)
    (machine,) = machines(1)

    def comes_back() -> None:
        if rig.healths == [NodeHealth.DOWN]:
            rig.fleet.pong(machine, pong(machine, workers=4))

    rig.deliver(check=comes_back)
    assert rig.asked == ["node_1", "node_1"]
    assert rig.healths == [NodeHealth.UP]
