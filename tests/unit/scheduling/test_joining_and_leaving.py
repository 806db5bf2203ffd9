import random

from pixfarm.model import Machine, NodeHealth
from tests.unit.scheduling.node_states import BASE, NOW, happens, machine
from tests.unit.scheduling.rosters import all_reserved, nodes_of, roster_of


def test_a_new_line_of_machines_makes_a_node_join() -> None:
    roster = roster_of(0.0)
    roster.set_machines([machine(2), machine(1)], NOW)
    assert list(nodes_of(roster)) == ["node_2", "node_1"]
    assert nodes_of(roster)["node_2"].wants_ping(NOW)
    assert all_reserved(roster) == {"node_1": 2}
    happens(nodes_of(roster)["node_2"], "pong")
    assert "node_2" in all_reserved(roster)


def test_a_node_that_leaves_finishes_what_it_has_and_gets_nothing_more() -> None:
    roster = roster_of(0.0, 0.0)
    leaver = roster.nodes[0]
    leaver.on_sent(BASE, NOW)
    roster.set_machines([machine(2)], NOW)
    assert list(nodes_of(roster)) == ["node_2", "node_1"]
    assert all_reserved(roster) == {"node_2": 2}
    assert roster.drop_leavers() == []
    leaver.on_done(BASE, NOW, 0.1)
    assert roster.drop_leavers() == [machine(1)]
    assert list(nodes_of(roster)) == ["node_2"]


def test_an_idle_node_leaves_at_once() -> None:
    roster = roster_of(0.0, 0.0)
    roster.set_machines([machine(2)], NOW)
    assert list(nodes_of(roster)) == ["node_2"]


def test_a_node_that_comes_back_before_it_has_left_goes_on_as_it_was() -> None:
    roster = roster_of(0.0, 0.0)
    leaver = roster.nodes[0]
    leaver.on_sent(BASE, NOW)
    roster.set_machines([machine(2)], NOW)
    roster.set_machines([machine(1), machine(2)], NOW)
    assert nodes_of(roster)["node_1"] is leaver
    assert all_reserved(roster) == {"node_1": 1, "node_2": 2}


def test_a_node_at_another_address_is_another_node() -> None:
    roster = roster_of(0.0)
    old = roster.nodes[0]
    old.on_sent(BASE, NOW)
    moved = Machine("node_1", "10.0.0.2", 9091)
    roster.set_machines([moved], NOW)
    assert [(node.machine, node.leaving) for node in roster.nodes] == [(moved, False), (machine(1), True)]
    assert roster.node(moved, NOW).life.health is NodeHealth.DOWN


def test_an_answer_for_a_node_that_has_left_changes_nobody() -> None:
    roster = roster_of(0.0, 0.0)
    roster.set_machines([machine(2)], NOW)
    stranger = roster.node(machine(1), NOW)
    stranger.on_silence(NOW, random.Random(1), "no pong")
    assert list(nodes_of(roster)) == ["node_2"]
    assert all_reserved(roster) == {"node_2": 2}
