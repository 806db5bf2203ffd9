"""How the fleet follows machine.txt, and how it finds out whose fault something was."""

import logging

import pytest

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.fleet import Fleet
from pixfarm.model import Machine, NodeHealth, NodeStatus, Strategy
from pixfarm.scheduling import policy
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
    start,
)

NODE_1, NODE_2, NODE_3 = machines(3)
NO_FILES = TaskFailed(FailureCode.NO_RESOURCES, "too many open files")


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that nothing ends looks again at once."""
    monkeypatch.setattr("pixfarm.fleet._LOOK_AGAIN_S", 0.001)


def reserve(fleet: Fleet, attempts: Attempts | None = None) -> Machine:
    place = fleet.reserve(Strategy.LOAD_BALANCING, attempts or Attempts(), 0.0, never)
    assert place is not None
    return place.machine


def has_no_place(fleet: Fleet) -> bool:
    with pytest.raises(Stopped):
        fleet.reserve(Strategy.LOAD_BALANCING, Attempts(), 0.0, Looks(3))
    return True


def node(fleet: Fleet, name: str = "node_1") -> NodeStatus:
    (found,) = [node for node in fleet.snapshot() if node.name == name]
    return found


def names(fleet: Fleet) -> list[str]:
    return [node.name for node in fleet.snapshot()]


def test_a_node_that_joins_gets_images_as_soon_as_it_has_answered() -> None:
    fleet = fleet_of(0.0)
    fleet.set_machines([NODE_1, NODE_2])
    assert fleet.claim_pings() == [NODE_2]
    assert (names(fleet), fleet.bound()) == (["node_1", "node_2"], 6)
    fleet.pong(NODE_2, pong(NODE_2))
    assert {reserve(fleet) for _ in range(4)} == {NODE_1, NODE_2}


def test_who_waits_gets_the_node_that_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixfarm.fleet._LOOK_AGAIN_S", 10 * PATIENCE_S)
    fleet = fleet_of()
    got: list[Machine] = []
    (waiting,) = start(lambda: got.append(reserve(fleet)))
    fleet.set_machines([NODE_1])
    fleet.pong(NODE_1, pong(NODE_1))
    waiting.join(PATIENCE_S)
    assert got == [NODE_1]


def test_a_node_that_leaves_gets_no_more_images_and_finishes_what_it_has() -> None:
    fleet = fleet_of(0.0, 0.0, workers=2)
    reserve(fleet, Attempts(avoid={"node_2"}))
    fleet.set_machines([NODE_2])
    assert (names(fleet), fleet.bound()) == (["node_2", "node_1"], 8)
    assert {reserve(fleet) for _ in range(4)} == {NODE_2}
    fleet.done(NODE_1, 0.1, BASE)
    assert names(fleet) == ["node_2"]


def test_a_node_without_images_leaves_at_once() -> None:
    fleet = fleet_of(0.0, 0.0)
    fleet.set_machines([NODE_2])
    assert names(fleet) == ["node_2"]


def test_a_node_that_comes_back_while_it_has_images_goes_on_as_before() -> None:
    fleet = fleet_of(0.0)
    reserve(fleet)
    fleet.set_machines([])
    assert has_no_place(fleet)
    fleet.set_machines([NODE_1])
    assert (node(fleet).health, node(fleet).in_flight) == (NodeHealth.UP, 1)
    assert reserve(fleet) == NODE_1
    fleet.done(NODE_1, 0.1, BASE)
    fleet.done(NODE_1, 0.1, BASE)
    assert (node(fleet).done, node(fleet).in_flight) == (2, 0)


def test_a_node_that_comes_back_after_it_had_gone_is_asked_first() -> None:
    fleet = fleet_of(0.0)
    fleet.set_machines([])
    fleet.set_machines([NODE_1])
    assert has_no_place(fleet)
    assert fleet.claim_pings() == [NODE_1]
    fleet.pong(NODE_1, pong(NODE_1))
    assert reserve(fleet) == NODE_1


def test_an_answer_of_a_node_that_is_gone_harms_no_other() -> None:
    fleet = fleet_of(0.0)
    ticket = fleet.broken(NODE_3)
    fleet.pong(NODE_3, pong(NODE_3))
    fleet.silent(NODE_3, "no pong")
    assert fleet.verdict(NODE_3, ticket) is False
    assert names(fleet) == ["node_1"]
    assert node(fleet).health is NodeHealth.UP


def test_a_node_that_moves_to_another_port_is_another_node() -> None:
    moved = Machine("node_1", NODE_1.host, NODE_1.port + 100)
    fleet = fleet_of(0.0)
    reserve(fleet)
    fleet.set_machines([moved])
    assert [(node.port, node.in_flight) for node in fleet.snapshot()] == [(moved.port, 0), (NODE_1.port, 1)]
    fleet.done(NODE_1, 0.1, BASE)
    assert [node.port for node in fleet.snapshot()] == [moved.port]


def test_machine_txt_may_change_at_any_moment() -> None:
    # Eight threads take places and give them back while nodes come and go; the last look counts them all.
    fleet = fleet_of(0.0, 0.0, 0.0, workers=2)

    def work() -> None:
        for _ in range(150):
            fleet.done(reserve(fleet), 0.01, BASE)

    workers = start(work, map(str, range(8)))
    known = machines(3)
    while any(worker.is_alive() for worker in workers):
        for gone in known:
            fleet.set_machines([machine for machine in known if machine != gone])
            for machine in known:
                fleet.pong(machine, pong(machine, workers=2))
    fleet.set_machines(known)
    assert [node.in_flight for node in fleet.snapshot()] == [0, 0, 0]


def test_a_broken_call_leaves_a_node_in_doubt_that_gets_no_images_meanwhile() -> None:
    fleet = fleet_of(0.0)
    reserve(fleet)
    ticket = fleet.broken(NODE_1)
    assert fleet.verdict(NODE_1, ticket) is None
    assert has_no_place(fleet)
    assert node(fleet).health is NodeHealth.UP


def test_a_node_that_answers_a_later_ping_lives() -> None:
    fleet = fleet_of(0.0)
    reserve(fleet)
    ticket = fleet.broken(NODE_1)
    assert fleet.claim_ping(NODE_1)
    fleet.pong(NODE_1, pong(NODE_1))
    assert fleet.verdict(NODE_1, ticket) is True
    assert reserve(fleet) == NODE_1


def test_a_node_that_does_not_answer_a_later_ping_is_dead() -> None:
    fleet = fleet_of(0.0)
    reserve(fleet)
    ticket = fleet.broken(NODE_1)
    fleet.silent(NODE_1, "no pong")
    assert fleet.verdict(NODE_1, ticket) is False


def test_an_answer_to_an_earlier_ping_proves_nothing() -> None:
    clock = Clock()
    fleet = fleet_of(0.0, clock=clock)
    reserve(fleet)
    fleet.claim_pings(everyone=True)
    clock.advance(0.1)
    ticket = fleet.broken(NODE_1)
    assert not fleet.claim_ping(NODE_1)  # one is under way
    fleet.pong(NODE_1, pong(NODE_1))
    assert fleet.verdict(NODE_1, ticket) is None
    assert fleet.claim_ping(NODE_1)
    fleet.pong(NODE_1, pong(NODE_1))
    assert fleet.verdict(NODE_1, ticket) is True


def test_a_node_that_was_started_anew_had_died_with_the_call() -> None:
    fleet = fleet_of(0.0)
    fleet.pong(NODE_1, pong(NODE_1, started_at=100.0))
    fleet.done(reserve(fleet), 0.1, BASE)
    reserve(fleet)
    ticket = fleet.broken(NODE_1)
    fleet.claim_ping(NODE_1)
    fleet.pong(NODE_1, pong(NODE_1, started_at=200.0))
    assert fleet.verdict(NODE_1, ticket) is False
    assert node(fleet).health is NodeHealth.PROBE


@pytest.mark.parametrize("meanwhile", ["gone", "back"])
def test_a_call_that_breaks_when_its_node_was_found_dead_is_not_held_against_the_image(
    meanwhile: str,
) -> None:
    # What finds a node dead ends its calls: they break a moment later.
    fleet = fleet_of(0.0)
    reserve(fleet)
    fleet.silent(NODE_1, "no pong")
    ticket = fleet.broken(NODE_1)
    if meanwhile == "back":
        fleet.pong(NODE_1, pong(NODE_1))
    assert fleet.verdict(NODE_1, ticket) is False


def test_a_node_whose_own_fault_it_is_is_parked_until_its_check_passes() -> None:
    clock = Clock()
    fleet = fleet_of(0.0, clock=clock)
    fleet.failed(reserve(fleet), NO_FILES, BASE)
    assert (node(fleet).health, has_no_place(fleet)) == (NodeHealth.PARKED, True)
    assert "too many open files" in node(fleet).message
    for _ in range(3):
        clock.advance(policy.PARKED_PING_S)
        assert fleet.claim_pings() == [NODE_1]
        fleet.pong(NODE_1, pong(NODE_1, fault="no space left"))
        assert (node(fleet).health, has_no_place(fleet)) == (NodeHealth.PARKED, True)
    clock.advance(policy.PARKED_PING_S)
    fleet.claim_pings()
    fleet.pong(NODE_1, pong(NODE_1))
    assert node(fleet).health is NodeHealth.PROBE
    fleet.done(reserve(fleet), 0.1, BASE)
    assert node(fleet).health is NodeHealth.UP


def test_a_node_that_others_disprove_three_times_in_a_row_is_parked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "pixfarm.fleet")
    fleet = fleet_of(0.0, 0.0)
    healths = []
    for _ in range(3):
        fleet.disproved({"node_1"})
        healths.append(node(fleet).health)
    assert healths == [NodeHealth.UP, NodeHealth.UP, NodeHealth.PARKED]
    assert node(fleet, "node_2").health is NodeHealth.UP
    assert "it failed on 3 images in a row that other nodes did" in caplog.text


def test_a_node_that_does_an_image_in_between_is_not_disproved() -> None:
    fleet = fleet_of(0.0)
    for _ in range(5):
        fleet.disproved({"node_1"})
        fleet.disproved({"node_1"})
        fleet.done(reserve(fleet), 0.1, BASE)
    assert node(fleet).health is NodeHealth.UP


def test_nobody_is_disproved_when_nobody_had_failed() -> None:
    fleet = fleet_of(0.0)
    for _ in range(9):
        fleet.disproved(set())
    assert node(fleet).health is NodeHealth.UP


def test_a_copy_goes_to_an_idle_node_other_than_the_one_that_is_late() -> None:
    fleet = fleet_of(0.0, 0.0, workers=2)
    assert fleet.reserve_idle(Attempts(), NODE_1) == Place(NODE_2, delay_s=3.0)


@pytest.mark.parametrize("how", ["busy", "avoided", "refused", "lost", "in doubt"])
def test_there_is_no_copy_without_an_idle_node(how: str) -> None:
    fleet = fleet_of(0.0, 0.0, workers=1)
    attempts = Attempts()
    if how == "busy":  # it has room for one more image, which would wait for the first
        reserve(fleet, Attempts(avoid={"node_1"}))
    elif how == "avoided":
        attempts.avoid.add("node_2")
    elif how == "refused":
        attempts.refused_by.add("node_2")
    elif how == "lost":
        fleet.silent(NODE_2, "no pong")
    else:
        reserve(fleet, Attempts(avoid={"node_1"}))
        fleet.broken(NODE_2)
    assert fleet.reserve_idle(attempts, NODE_1) is None


def test_calls_that_broke_off_are_repeated_ten_times_and_then_as_fast_as_nodes_give_tokens() -> None:
    clock = Clock()
    fleet = fleet_of(0.0, 0.0, clock=clock)
    assert [fleet.take_retry() for _ in range(11)] == [0.0] * 10 + [0.5]
    clock.advance(0.5)
    assert fleet.take_retry() == 0.0


def test_a_success_gives_a_fifth_of_a_retry() -> None:
    fleet = fleet_of(0.0)
    for _ in range(10):
        fleet.take_retry()
    for _ in range(5):
        fleet.done(reserve(fleet), 0.1, BASE)
    assert fleet.take_retry() == pytest.approx(0.0, abs=1e-9)


def test_a_quarantined_node_is_asked_again_for_a_new_job() -> None:
    fleet = fleet_of(0.0)
    fleet.foreign(reserve(fleet), "talks HTTP")
    fleet.claim_pings(everyone=True)
    fleet.pong(NODE_1, pong(NODE_1))
    assert (node(fleet).health, has_no_place(fleet)) == (NodeHealth.QUARANTINED, True)
    fleet.forgive()
    assert fleet.claim_pings() == [NODE_1]
    fleet.pong(NODE_1, pong(NODE_1))
    assert reserve(fleet) == NODE_1


def test_a_wait_for_a_change_is_over_in_time() -> None:
    fleet_of(0.0).wait_for_change(0.0)


def test_a_fleet_tells_its_own_time() -> None:
    clock = Clock()
    fleet = fleet_of(0.0, clock=clock)
    clock.advance(2.5)
    assert fleet.now() == clock.now
