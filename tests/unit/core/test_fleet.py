import logging
import random
import re

import pytest

from pixfarm.errors import FailureCode, GaveUp, RejectReason, TaskFailed
from pixfarm.fleet import Fleet
from pixfarm.model import NodeHealth, Strategy
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.node import Place
from tests.unit.core.farm_parts import (
    BASE,
    PATIENCE_S,
    Clock,
    Looks,
    Stopped,
    fleet_of,
    machines,
    never,
    pong,
    rejected,
    start,
    unheard_fleet,
)

NODE_1, NODE_2, NODE_3 = machines(3)
BALANCED = Strategy.LOAD_BALANCING


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that nothing ends looks again at once: the tests move the clock, not time."""
    monkeypatch.setattr("pixfarm.fleet._LOOK_AGAIN_S", 0.001)


def reserve(fleet: Fleet, attempts: Attempts | None = None, strategy: Strategy = BALANCED) -> Place:
    place = fleet.reserve(strategy, attempts or Attempts(), 0.0, never)
    assert place is not None
    return place


def sweep(fleet: Fleet, attempts: Attempts, p: float = 0.5, strategy: Strategy = BALANCED) -> list[str]:
    """The nodes that were asked, one after the other, and refused, until the sweep was over."""
    asked = []
    while (place := fleet.reserve(strategy, attempts, 0.0, never)) is not None:
        asked.append(place.machine.name)
        fleet.refused(place.machine, rejected(p))
        attempts.on_refused(place.machine.name, RejectReason.LOAD)
    return asked


def refused_by(*names: str) -> Attempts:
    return Attempts(refused_by=set(names))


def avoiding(*names: str) -> Attempts:
    return Attempts(avoid=set(names))


def has_no_place(fleet: Fleet, attempts: Attempts | None = None) -> bool:
    with pytest.raises(Stopped):
        fleet.reserve(BALANCED, attempts or Attempts(), 0.0, Looks(3))
    return True


def test_a_place_names_its_node_and_how_long_that_may_sleep() -> None:
    assert reserve(fleet_of(0.5)) == Place(NODE_1, delay_s=3.0)


def test_a_full_fleet_has_no_place_until_one_is_given_back() -> None:
    fleet = fleet_of(0.0, workers=1)
    reserve(fleet)
    reserve(fleet)
    assert has_no_place(fleet)
    fleet.done(NODE_1, 0.1, BASE)
    assert reserve(fleet).machine == NODE_1


def test_who_waits_gets_the_place_that_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixfarm.fleet._LOOK_AGAIN_S", 10 * PATIENCE_S)
    fleet = fleet_of(0.0, workers=1)
    reserve(fleet)
    reserve(fleet)
    places: list[Place] = []
    (waiting,) = start(lambda: places.append(reserve(fleet)))
    fleet.failed(NODE_1, TaskFailed(FailureCode.UNREADABLE, "no image"), BASE)
    waiting.join(PATIENCE_S)
    assert [place.machine for place in places] == [NODE_1]


@pytest.mark.parametrize("strategy", Strategy)
def test_a_sweep_asks_each_node_once(strategy: Strategy) -> None:
    assert sorted(sweep(fleet_of(0.5, 0.5, 0.5), Attempts(), strategy=strategy)) == [
        "node_1",
        "node_2",
        "node_3",
    ]


def test_the_next_sweep_asks_all_again() -> None:
    fleet = fleet_of(0.5, 0.5)
    attempts = Attempts()
    sweep(fleet, attempts)
    attempts.on_sweep_end()
    assert sorted(sweep(fleet, attempts)) == ["node_1", "node_2"]


def test_a_sweep_does_not_wait_for_a_full_node() -> None:
    fleet = fleet_of(0.5, 0.5, workers=1)
    for _ in range(2):
        reserve(fleet, refused_by("node_1"))
    assert fleet.reserve(BALANCED, refused_by("node_1"), 0.0, never) is None


def test_a_sweep_waits_while_those_who_refused_want_to_be_left_alone() -> None:
    clock = Clock()
    fleet = fleet_of(0.5, clock=clock)
    reserve(fleet)
    fleet.refused(NODE_1, rejected(0.5, RejectReason.BUSY, retry_after_s=0.5))
    assert has_no_place(fleet, refused_by("node_1"))
    clock.now += 0.5
    assert fleet.reserve(BALANCED, refused_by("node_1"), 0.0, never) is None


def test_all_nodes_refuse_for_ever_when_each_has_said_so() -> None:
    fleet = fleet_of(1.0, 1.0)
    with pytest.raises(GaveUp) as caught:
        sweep(fleet, Attempts(), p=1.0)
    assert caught.value.code is FailureCode.ALL_NODES_REJECT
    assert "node_1 has p = 1, node_2 has p = 1;" in caught.value.message
    assert "load probability below 1" in caught.value.message


def test_a_node_that_may_take_an_image_keeps_hope_alive() -> None:
    assert fleet_of(1.0, 0.999).reserve(BALANCED, refused_by("node_1", "node_2"), 0.0, never) is None


def test_by_the_random_strategy_a_full_load_delays_and_is_no_reason_to_give_up() -> None:
    fleet = fleet_of(1.0, 1.0)
    assert sorted(sweep(fleet, Attempts(), p=1.0, strategy=Strategy.RANDOM)) == ["node_1", "node_2"]


def test_a_full_load_is_no_proof_before_the_first_refusal() -> None:
    fleet = fleet_of(1.0, workers=1)
    for _ in range(2):
        reserve(fleet)
    assert has_no_place(fleet)


def test_a_node_that_has_not_answered_its_first_ping_may_still_take_an_image() -> None:
    fleet = unheard_fleet(2)
    fleet.claim_pings()
    fleet.pong(NODE_1, pong(NODE_1, p=1.0))
    assert sweep(fleet, Attempts(), p=1.0) == ["node_1"]


def test_a_node_that_is_not_there_gives_no_hope() -> None:
    fleet = unheard_fleet(2)
    fleet.claim_pings()
    fleet.pong(NODE_1, pong(NODE_1, p=1.0))
    fleet.silent(NODE_2, "no answer")
    with pytest.raises(GaveUp, match="every node refuses all work: node_1 has p = 1;"):
        sweep(fleet, Attempts(), p=1.0)


def test_a_node_that_was_restarted_with_less_load_takes_images_again() -> None:
    fleet = fleet_of(1.0)
    fleet.pong(NODE_1, pong(NODE_1, p=0.5))
    assert fleet.reserve(BALANCED, refused_by("node_1"), 0.0, never) is None


def test_a_job_gives_up_when_no_node_was_usable_for_the_timeout() -> None:
    clock = Clock()
    fleet = unheard_fleet(2, clock)
    fleet.silent(NODE_1, "node_1 refuses connections")
    clock.now += 30.0
    with pytest.raises(GaveUp) as caught:
        fleet.reserve(BALANCED, Attempts(), 0.0, never)
    assert caught.value.code is FailureCode.NO_NODES
    assert "no node was usable for 30 s: node_1 refuses connections; not asked yet;" in caught.value.message
    assert "start computenode.py" in caught.value.message


def test_a_job_does_not_give_up_before_the_timeout() -> None:
    clock = Clock()
    fleet = unheard_fleet(1, clock)
    clock.now += 29.9
    assert has_no_place(fleet)


def test_a_job_waits_the_timeout_from_its_own_start() -> None:
    clock = Clock()
    fleet = unheard_fleet(1, clock)
    clock.now += 3600.0
    with pytest.raises(Stopped):
        fleet.reserve(BALANCED, Attempts(), clock.now, Looks(3))
    submitted_at = clock.now
    clock.now += 30.0
    with pytest.raises(GaveUp):
        fleet.reserve(BALANCED, Attempts(), submitted_at, never)


@pytest.mark.parametrize("how", ["unreachable", "foreign", "silent", "draining", "parked", "leaving"])
def test_a_job_waits_the_timeout_from_when_the_last_node_went(how: str) -> None:
    # Nobody has looked while the node had an image for a minute.
    clock = Clock()
    fleet = fleet_of(0.0, clock=clock)
    reserve(fleet)
    clock.now += 60.0
    if how == "unreachable":
        fleet.unreachable(NODE_1, "connection refused")
    elif how == "parked":
        fleet.failed(NODE_1, TaskFailed(FailureCode.NO_RESOURCES, "too many open files"), BASE)
    elif how == "leaving":
        fleet.set_machines([])
    elif how == "foreign":
        fleet.foreign(NODE_1, "talks HTTP")
    elif how == "silent":
        fleet.silent(NODE_1, "no pong")
    else:
        fleet.pong(NODE_1, pong(NODE_1, draining=True))
    clock.now += 29.9
    assert has_no_place(fleet)
    assert fleet.waits_for_nodes_s(BASE, 0.0) == pytest.approx(29.9)


def test_a_usable_node_without_room_is_waited_for_without_end() -> None:
    clock = Clock()
    fleet = fleet_of(0.0, workers=1, clock=clock)
    for _ in range(2):
        reserve(fleet)
    clock.now += 3600.0
    assert has_no_place(fleet)


def test_while_a_node_is_usable_nobody_waits_for_one() -> None:
    clock = Clock()
    fleet = fleet_of(0.0, clock=clock)
    clock.now += 5.0
    assert fleet.waits_for_nodes_s(BASE, 0.0) == 0.0


def test_the_wait_for_nodes_counts_from_the_start_of_the_job() -> None:
    clock = Clock()
    fleet = unheard_fleet(1, clock)
    clock.now += 60.0
    submitted_at = clock.now
    clock.now += 5.0
    assert fleet.waits_for_nodes_s(BASE, submitted_at) == 5.0


def test_an_image_prefers_a_node_that_has_not_failed_it() -> None:
    assert [reserve(fleet_of(0.0, 0.0), avoiding("node_1")).machine for _ in range(10)] == [NODE_2] * 10


def test_an_image_waits_for_a_node_that_has_not_failed_it() -> None:
    fleet = fleet_of(0.0, 0.0, workers=1)
    for _ in range(2):
        reserve(fleet, avoiding("node_1"))
    assert has_no_place(fleet, avoiding("node_1"))


def test_an_image_goes_again_to_the_node_that_failed_it_when_there_is_no_other() -> None:
    fleet = fleet_of(0.0, 0.0)
    reserve(fleet, avoiding("node_1"))
    fleet.unreachable(NODE_2, "no answer")
    assert reserve(fleet, avoiding("node_1")).machine == NODE_1


def test_the_bound_is_what_the_nodes_hold_and_a_few_that_wait() -> None:
    fleet = unheard_fleet(2)
    bounds = [fleet.bound()]
    for machine, workers in ((NODE_1, 3), (NODE_2, 1)):
        fleet.pong(machine, pong(machine, workers=workers))
        bounds.append(fleet.bound())
    reserve(fleet, avoiding("node_2"))
    fleet.unreachable(NODE_1, "no answer")
    bounds.append(fleet.bound())
    assert bounds == [4, 10, 12, 6]


def test_a_lost_node_gets_nothing_until_it_has_answered_and_then_one_image() -> None:
    fleet = fleet_of(0.0, workers=4)
    reserve(fleet)
    fleet.unreachable(NODE_1, "no answer")
    assert has_no_place(fleet)
    fleet.pong(NODE_1, pong(NODE_1, workers=4))
    reserve(fleet)
    assert has_no_place(fleet)
    fleet.done(NODE_1, 0.1, BASE)
    for _ in range(8):
        reserve(fleet)


def test_a_foreign_node_gets_nothing() -> None:
    fleet = fleet_of(0.0, 0.0)
    reserve(fleet, avoiding("node_2"))
    fleet.foreign(NODE_1, "talks HTTP")
    assert {reserve(fleet).machine for _ in range(2)} == {NODE_2}
    assert fleet.snapshot()[0].health is NodeHealth.QUARANTINED


def test_the_snapshot_keeps_the_order_of_machine_txt() -> None:
    fleet = fleet_of(0.1, 0.2, 0.3)
    reserve(fleet, avoiding("node_1", "node_3"))
    assert [(node.name, node.load_probability, node.in_flight) for node in fleet.snapshot()] == [
        ("node_1", 0.1, 0),
        ("node_2", 0.2, 1),
        ("node_3", 0.3, 0),
    ]


def test_at_the_start_every_node_is_pinged_once() -> None:
    fleet = unheard_fleet(3)
    assert fleet.claim_pings() == [NODE_1, NODE_2, NODE_3]
    assert fleet.claim_pings() == []


def test_everyone_is_pinged_on_demand_but_nobody_twice_at_once() -> None:
    fleet = fleet_of(0.0, 0.0)
    assert fleet.claim_pings() == []
    assert fleet.claim_pings(everyone=True) == [NODE_1, NODE_2]
    assert fleet.claim_pings(everyone=True) == []
    fleet.pong(NODE_1, pong(NODE_1))
    assert fleet.claim_pings(everyone=True) == [NODE_1]


def test_the_loss_of_a_node_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "pixfarm.fleet")
    fleet = fleet_of(0.0)
    reserve(fleet)
    reserve(fleet)
    fleet.unreachable(NODE_1, "node_1 refuses")
    fleet.unreachable(NODE_1, "node_1 refuses")
    fleet.silent(NODE_1, "node_1 refuses")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "node lost: node_1 refuses")
    ]


def test_a_foreign_node_is_logged_once_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    fleet = fleet_of(0.0)
    reserve(fleet)
    reserve(fleet)
    fleet.foreign(NODE_1, "node_1 talks HTTP")
    fleet.foreign(NODE_1, "node_1 talks HTTP")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "node quarantined: node_1 talks HTTP")
    ]


def test_a_node_that_comes_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pixfarm.fleet")
    fleet_of(0.25)
    assert [record.getMessage() for record in caplog.records] == [
        "node node_1 (10.0.0.1:9091) is there, p = 0.25, workers: 1"
    ]


@pytest.mark.parametrize("strategy", Strategy)
def test_a_stopped_job_gets_no_place_even_when_there_is_one(strategy: Strategy) -> None:
    fleet = fleet_of(0.0)
    with pytest.raises(Stopped):
        fleet.reserve(strategy, Attempts(), 0.0, Looks(1))
    assert fleet.snapshot()[0].in_flight == 0


def test_a_stopped_job_leaves_its_wait_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixfarm.fleet._LOOK_AGAIN_S", 10 * PATIENCE_S)
    fleet = unheard_fleet(1)
    looks = Looks(2)

    def wait() -> None:
        with pytest.raises(Stopped):
            fleet.reserve(BALANCED, Attempts(), 0.0, looks)

    (waiting,) = start(wait)
    while waiting.is_alive():
        fleet.wake()
        waiting.join(0.001)
    assert looks.count == 2


def test_the_timeout_for_nodes_can_be_chosen() -> None:
    clock = Clock()
    fleet = Fleet([NODE_1], random.Random(1), no_node_timeout_s=2.5, clock=clock)
    clock.now += 2.5
    with pytest.raises(GaveUp, match=re.escape("no node was usable for 2.5 s: not asked yet;")):
        fleet.reserve(BALANCED, Attempts(), 0.0, never)


def test_a_node_just_lost_that_would_accept_is_waited_for_before_giving_up() -> None:
    clock = Clock()
    fleet = fleet_of(1.0, 0.0, clock=clock)
    fleet.silent(NODE_2, "no pong")
    attempts = Attempts()
    assert sweep(fleet, attempts, p=1.0) == ["node_1"]
    clock.now += fleet.no_node_timeout_s + 1
    with pytest.raises(GaveUp) as caught:
        sweep(fleet, Attempts(), p=1.0)
    assert caught.value.code is FailureCode.ALL_NODES_REJECT
