"""The plan of faults: repeatable, complete, and no two faults at once against the same part."""

import collections
import itertools

from tests.chaos.fault_plan import TRAITS, Kind, Target, plan

NODES = ["node_1", "node_2", "node_3", "node_4"]


def test_a_seed_gives_one_plan() -> None:
    assert plan(7, 200, NODES, 4.0) == plan(7, 200, NODES, 4.0)
    assert plan(7, 200, NODES, 4.0) != plan(8, 200, NODES, 4.0)


def test_a_plan_of_two_hundred_has_every_kind_and_every_node() -> None:
    faults = plan(1, 200, NODES, 4.0)
    assert len(faults) == 200
    assert {fault.kind for fault in faults} == set(Kind)
    assert {fault.target for fault in faults} >= {*NODES, "server", "client", "source"}


def test_only_the_wanted_kinds_are_drawn() -> None:
    faults = plan(1, 50, NODES, 4.0, {Kind.NODE_RESTART})
    assert {fault.kind for fault in faults} == {Kind.NODE_RESTART}


def test_a_part_has_one_fault_at_a_time() -> None:
    faults = plan(3, 500, NODES, 10.0)
    ends: dict[str, float] = collections.defaultdict(float)
    for fault in faults:
        if TRAITS[fault.kind].target is not Target.SOURCE:
            assert fault.at_s >= ends[fault.target]
            ends[fault.target] = fault.at_s + fault.seconds


def test_faults_that_cost_a_node_ten_seconds_do_not_come_to_all_nodes_at_once() -> None:
    faults = plan(3, 500, NODES, 10.0)
    moments = [fault.at_s for fault in faults if TRAITS[fault.kind].is_foreign]
    assert len(moments) > 5
    assert min(late - early for early, late in itertools.pairwise(moments)) >= 9.99
