import random
import threading
from pathlib import Path

import pytest

from pixfarm.delivery import Brakes, Delivery
from pixfarm.errors import (
    AnswerLost,
    FailureCode,
    ForeignPeer,
    GaveUp,
    InvalidRequest,
    PeerError,
    RejectReason,
    TaskFailed,
    TaskRejected,
    Unreachable,
)
from pixfarm.fleet import Fleet
from pixfarm.model import Failure, NodeHealth, Strategy
from pixfarm.tally import Tally
from tests.unit.core.farm_parts import (
    Answer,
    FakeNodes,
    Looks,
    Stopped,
    brakes,
    fleet_of,
    in_turn,
    machines,
    never,
    pong,
    raising,
    refusing,
    spec,
)

BASE = Path("/base")


class Rig:
    """One image, delivered to nodes that give a script of answers, whichever is asked."""

    def __init__(
        self,
        fleet: Fleet,
        *answers: Answer,
        strategy: Strategy = Strategy.LOAD_BALANCING,
        job_id: str = "job-1",
    ) -> None:
        self.fleet = fleet
        self.nodes = FakeNodes(otherwise=in_turn(*answers))
        self.tally = Tally()
        rng = random.Random(1)
        self.delivery = Delivery(spec(BASE, strategy, job_id), fleet, self.nodes, self.tally, rng)

    def deliver(self, filename: str = "a.jpg") -> None:
        self.delivery.deliver(filename, brakes())

    @property
    def asked(self) -> list[str]:
        return [name for name, _ in self.nodes.asked]

    @property
    def counts(self) -> dict[str, int]:
        """What was counted, without zeros."""
        return {name: count for name, count in self.tally.counts().items() if count}

    @property
    def failure(self) -> Failure:
        (failure,) = self.tally.failures()
        return failure

    @property
    def places_taken(self) -> int:
        return sum(node.in_flight for node in self.fleet.snapshot())


def task_fails(code: FailureCode) -> Answer:
    return raising(TaskFailed, code, "no luck")


def test_an_image_that_a_node_does_is_done() -> None:
    rig = Rig(fleet_of(0.0))
    rig.deliver()
    assert (rig.counts, rig.tally.failures(), rig.places_taken) == ({"done": 1}, (), 0)


def test_a_node_is_told_the_image_and_may_answer_late_by_its_delay() -> None:
    rig = Rig(fleet_of(0.0))
    rig.deliver("b/c.jpg")
    (task,) = rig.nodes.tasks
    assert (task.base_path, task.filename) == ("/base", "b/c.jpg")
    assert task.patience_s > 2 * task.timeout_s + 3.0


def test_every_attempt_has_its_own_id_of_at_most_64_characters() -> None:
    rig = Rig(fleet_of(0.5, 0.5), refusing(), refusing(), refusing(), job_id="j" * 64)
    rig.deliver()
    ids = [task.attempt_id for task in rig.nodes.tasks]
    assert len(set(ids)) == 4
    assert all(len(one) <= 64 for one in ids)


def test_a_refused_image_goes_to_another_node() -> None:
    rig = Rig(fleet_of(0.5, 0.5), refusing())
    rig.deliver()
    assert sorted(rig.asked) == ["node_1", "node_2"]
    assert rig.counts == {"done": 1, "rejections": 1}


def test_a_lone_node_that_refuses_is_asked_until_it_takes_the_image() -> None:
    rig = Rig(fleet_of(0.9), *[refusing(0.9)] * 200)
    rig.deliver()
    assert rig.counts == {"done": 1, "rejections": 200}


def test_an_image_is_given_up_after_2000_refusals_in_a_row() -> None:
    rig = Rig(fleet_of(0.9), *[refusing(0.9)] * 2500)
    rig.deliver()
    assert rig.counts == {"failed": 1, "rejections": 2000}
    assert (rig.failure.code, rig.failure.node) == (FailureCode.REFUSED, "node_1")


def test_between_two_sweeps_there_is_a_pause_of_at_most_50_ms() -> None:
    rig = Rig(fleet_of(0.5, 0.5), *[refusing()] * 20)
    pauses: list[float] = []
    rig.delivery.deliver("a.jpg", Brakes(never, pauses.append, since=0.0))
    assert len(pauses) == 10
    assert all(0 <= pause <= 0.05 for pause in pauses)


def test_when_all_nodes_refuse_for_ever_the_job_is_told() -> None:
    rig = Rig(fleet_of(0.0, 0.0), *[refusing(1.0)] * 9)
    with pytest.raises(GaveUp, match="node_1 has p = 1, node_2 has p = 1"):
        rig.deliver()
    assert (rig.counts, rig.places_taken) == ({"rejections": 2}, 0)


@pytest.mark.parametrize("code", [FailureCode.UNREADABLE, FailureCode.TOO_LARGE, FailureCode.FORBIDDEN])
def test_an_image_that_no_node_can_do_fails_at_once_and_is_named(code: FailureCode) -> None:
    rig = Rig(fleet_of(0.0, 0.0), task_fails(code))
    rig.deliver("b/a.jpg")
    assert rig.counts == {"failed": 1}
    assert rig.failure == Failure("b/a.jpg", code, "no luck", *rig.asked)


def test_an_image_that_crashes_two_workers_fails_after_two_different_nodes() -> None:
    rig = Rig(fleet_of(0.0, 0.0, 0.0), *[task_fails(FailureCode.CRASHED)] * 2)
    rig.deliver()
    assert len(set(rig.asked)) == 2
    assert rig.counts == {"failed": 1, "retries": 1}
    assert rig.failure.code is FailureCode.CRASHED


def test_an_image_that_one_node_cannot_do_is_done_by_another() -> None:
    rig = Rig(fleet_of(0.0, 0.0), task_fails(FailureCode.NO_SPACE))
    rig.deliver()
    assert sorted(rig.asked) == ["node_1", "node_2"]
    assert rig.counts == {"done": 1, "retries": 1}


def test_a_failed_image_does_not_cost_the_node_its_health() -> None:
    rig = Rig(fleet_of(0.0), task_fails(FailureCode.UNREADABLE))
    rig.deliver()
    assert [node.health for node in rig.fleet.snapshot()] == [NodeHealth.UP]


def test_an_image_that_one_node_does_not_see_is_done_by_another() -> None:
    rig = Rig(fleet_of(0.0, 0.0), raising(InvalidRequest, "base path '/base' does not exist"))
    rig.deliver()
    assert sorted(rig.asked) == ["node_1", "node_2"]
    assert rig.counts == {"done": 1, "retries": 1}


def test_an_image_that_two_nodes_do_not_see_is_not_found() -> None:
    rig = Rig(fleet_of(0.0, 0.0), *[raising(InvalidRequest, "base path '/base' does not exist")] * 2)
    rig.deliver()
    assert rig.failure.code is FailureCode.NOT_FOUND
    assert rig.failure.message == "the node says: base path '/base' does not exist"


@pytest.mark.parametrize(
    ("error", "health", "counts"),
    [
        (Unreachable, NodeHealth.DOWN, {"done": 1}),
        (AnswerLost, NodeHealth.DOWN, {"done": 1, "retries": 1}),
        (ForeignPeer, NodeHealth.QUARANTINED, {"done": 1, "retries": 1}),
    ],
)
def test_a_node_that_is_lost_loses_no_image(
    error: type[PeerError], health: NodeHealth, counts: dict[str, int]
) -> None:
    rig = Rig(fleet_of(0.0, 0.0), raising(error, "it went wrong"))
    rig.deliver()
    first, second = rig.asked
    assert first != second
    assert rig.counts == counts
    assert {node.name: node.health for node in rig.fleet.snapshot()} == {first: health, second: NodeHealth.UP}


def test_an_image_is_given_up_after_16_nodes_were_lost_with_it() -> None:
    rig = Rig(fleet_of(*[0.0] * 20), *[raising(AnswerLost, "fell silent")] * 20)
    rig.deliver()
    assert len(set(rig.asked)) == 16
    assert rig.counts == {"failed": 1, "retries": 15}
    assert rig.failure.code is FailureCode.NODE_LOST


def test_unreachable_nodes_are_no_reason_to_give_up_an_image() -> None:
    rig = Rig(fleet_of(*[0.0] * 20), *[raising(Unreachable, "connection refused")] * 19)
    rig.deliver()
    assert rig.counts == {"done": 1}


def test_the_attempts_at_an_image_are_counted_for_the_nodes() -> None:
    rig = Rig(
        fleet_of(0.5),
        refusing(),
        task_fails(FailureCode.IO),
        refusing(),
        raising(TaskRejected, RejectReason.BUSY, 0.5),
    )
    rig.deliver()
    (node,) = rig.tally.nodes()
    assert (node.name, node.done, node.refused, node.failed) == ("node_1", 1, 3, 1)


def test_a_node_that_wants_to_be_left_alone_is_left_alone() -> None:
    rig = Rig(fleet_of(0.0, 0.0), raising(TaskRejected, RejectReason.DRAINING, 0.0, 1.0))
    for _ in range(5):
        rig.deliver()
    left_alone = rig.asked[0]
    assert rig.asked.count(left_alone) == 1


def test_a_name_that_is_not_utf_8_is_a_failure_that_asks_no_node() -> None:
    rig = Rig(fleet_of(0.0))
    rig.deliver("b/\udcff.jpg")
    assert rig.asked == []
    assert rig.failure == Failure(
        "b/\\udcff.jpg", FailureCode.BAD_NAME, "the file name is not UTF-8; rename the file"
    )


def test_a_stopped_job_sends_no_image() -> None:
    rig = Rig(fleet_of(0.0))
    with pytest.raises(Stopped):
        rig.delivery.deliver("a.jpg", brakes(Looks(1)))
    assert (rig.asked, rig.counts, rig.places_taken) == ([], {}, 0)


def test_a_stopped_job_does_not_try_a_failed_image_again() -> None:
    rig = Rig(fleet_of(0.0, 0.0), task_fails(FailureCode.IO))
    with pytest.raises(Stopped):
        rig.delivery.deliver("a.jpg", brakes(Looks(2)))
    assert len(rig.asked) == 1


def test_a_bug_is_not_swallowed_and_costs_the_node_no_place() -> None:
    rig = Rig(fleet_of(0.0), raising(ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        rig.deliver()
    assert rig.places_taken == 0


def test_a_node_is_probed_with_one_image_after_it_was_lost() -> None:
    fleet = fleet_of(0.0, workers=4)
    rig = Rig(fleet, raising(AnswerLost, "fell silent"))
    (machine,) = machines(1)

    def comes_back() -> None:
        if fleet.snapshot()[0].health is NodeHealth.DOWN:
            fleet.pong(machine, pong(machine))

    rig.delivery.deliver("a.jpg", brakes(comes_back))
    assert rig.asked == ["node_1", "node_1"]
    assert fleet.snapshot()[0].health is NodeHealth.UP


@pytest.mark.parametrize("strategy", Strategy)
def test_the_strategy_reaches_the_call(strategy: Strategy) -> None:
    rig = Rig(fleet_of(0.0), strategy=strategy)
    rig.deliver()
    assert rig.nodes.strategies == {strategy}


def test_images_of_one_job_are_delivered_from_many_threads() -> None:
    rig = Rig(fleet_of(0.5, 0.5, workers=2), *[refusing(), task_fails(FailureCode.IO)] * 20)
    threads = [threading.Thread(target=rig.deliver, args=(f"{i}.jpg",)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rig.tally.counts()["done"] + rig.tally.counts()["failed"] == 40
    assert rig.places_taken == 0


def test_a_node_that_does_not_see_the_files_is_named_once_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(fleet_of(0.0), *[task_fails(FailureCode.NOT_FOUND)] * 4)
    rig.deliver("a.jpg")
    rig.deliver("b.jpg")
    assert [line for line in caplog.messages if "does it see" in line] == [
        "job job-1: node_1 (10.0.0.1:9091) does not find 'a.jpg'; does it see the same files under /base?"
    ]


def test_jobs_with_the_same_id_share_no_attempt_id() -> None:
    first, second = Rig(fleet_of(0.0)), Rig(fleet_of(0.0))
    first.deliver()
    second.deliver()
    assert first.nodes.tasks[0].attempt_id != second.nodes.tasks[0].attempt_id
