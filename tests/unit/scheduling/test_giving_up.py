"""When a sweep is over, and when nobody can or will take an image."""

import random

import pytest

from pixfarm.errors import FailureCode, GaveUp, RejectReason
from pixfarm.model import NodeStatus, Strategy
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.roster import Roster, SweepOver
from tests.unit.scheduling.node_states import BASE, NOW, happens, machine, pong, rejected
from tests.unit.scheduling.rosters import BALANCED, RANDOM, reserve, roster_of


def refused_by(*numbers: int) -> Attempts:
    return Attempts(refused_by={f"node_{i}" for i in numbers})


def code_of_giving_up(
    roster: Roster, attempts: Attempts, *, strategy: Strategy = BALANCED, now: float = NOW, since: float = NOW
) -> FailureCode:
    with pytest.raises(GaveUp) as caught:
        roster.reserve(strategy, attempts, since, now)
    return caught.value.code


@pytest.mark.parametrize("strategy", Strategy)
def test_a_sweep_is_over_when_every_node_with_room_has_refused(strategy: Strategy) -> None:
    roster = roster_of(0.5, 0.5, 0.5)
    roster.nodes[2].in_flight = roster.nodes[2].window
    with pytest.raises(SweepOver):
        reserve(roster, refused_by(1, 2), strategy)


def test_a_sweep_is_not_over_while_those_who_refused_want_to_be_left_alone() -> None:
    roster = roster_of(0.5)
    roster.nodes[0].on_sent(BASE, NOW)
    roster.nodes[0].on_refused(NOW, rejected(RejectReason.BUSY, retry_after_s=0.5))
    assert reserve(roster, refused_by(1), now=NOW + 0.4) is None
    with pytest.raises(SweepOver):
        reserve(roster, refused_by(1), now=NOW + 0.5)


def test_nobody_is_asked_twice_in_a_sweep() -> None:
    assert reserve(roster_of(0.5, 0.5), refused_by(1)) == "node_2"


def test_a_job_gives_up_when_all_refuse_everything() -> None:
    roster = roster_of(1.0, 1.0)
    with pytest.raises(GaveUp) as caught:
        reserve(roster, refused_by(1, 2))
    assert caught.value.code is FailureCode.ALL_NODES_REJECT
    assert "node_1 has p = 1, node_2 has p = 1;" in caught.value.message


def test_one_that_may_take_it_is_enough_to_go_on() -> None:
    with pytest.raises(SweepOver):
        reserve(roster_of(1.0, 0.999), refused_by(1, 2))


def test_by_the_random_strategy_a_full_load_is_no_reason_to_give_up() -> None:
    with pytest.raises(SweepOver):
        reserve(roster_of(1.0, 1.0), refused_by(1, 2), RANDOM)


@pytest.mark.parametrize("event", ["silence", "unreachable", "no files", "draining pong"])
def test_a_node_just_lost_that_would_accept_is_waited_for(event: str) -> None:
    roster = roster_of(1.0, 0.0)
    happens(roster.nodes[1], event)
    with pytest.raises(SweepOver):
        reserve(roster, refused_by(1), now=NOW + 29.9)
    assert code_of_giving_up(roster, refused_by(1), now=NOW + 30.0) is FailureCode.ALL_NODES_REJECT


@pytest.mark.parametrize(
    "answer", [pong(fault="no space left"), pong(draining=True)], ids=["parked", "drains"]
)
def test_a_node_that_answers_pings_and_is_not_usable_is_not_waited_for_for_ever(answer: NodeStatus) -> None:
    roster = roster_of(1.0, 0.0)
    for second in range(30):
        roster.nodes[1].on_pong(NOW + second, answer)
    assert code_of_giving_up(roster, refused_by(1), now=NOW + 30.0) is FailureCode.ALL_NODES_REJECT


def test_a_node_in_quarantine_is_not_waited_for() -> None:
    roster = roster_of(1.0, 0.0)
    happens(roster.nodes[1], "foreign", "pong")
    assert code_of_giving_up(roster, refused_by(1)) is FailureCode.ALL_NODES_REJECT


def test_a_node_that_was_lost_and_would_refuse_is_not_waited_for() -> None:
    roster = roster_of(1.0, 1.0)
    happens(roster.nodes[1], "silence")
    assert code_of_giving_up(roster, refused_by(1)) is FailureCode.ALL_NODES_REJECT


def test_a_node_that_leaves_is_not_waited_for() -> None:
    roster = roster_of(1.0, 0.0)
    roster.nodes[1].on_sent(BASE, NOW)
    roster.set_machines([machine(1)], NOW)
    assert code_of_giving_up(roster, refused_by(1)) is FailureCode.ALL_NODES_REJECT


def test_a_node_is_waited_for_while_its_first_ping_is_under_way() -> None:
    roster = roster_of(1.0)
    roster.set_machines([machine(1), machine(2)], NOW)
    roster.nodes[1].life.on_ping(NOW)
    with pytest.raises(SweepOver):
        reserve(roster, refused_by(1))
    happens(roster.nodes[1], "silence")
    assert code_of_giving_up(roster, refused_by(1)) is FailureCode.ALL_NODES_REJECT


@pytest.mark.parametrize("event", ["silence", "unreachable", "foreign", "no files", "draining pong"])
@pytest.mark.parametrize("strategy", Strategy)
def test_a_job_gives_up_after_30_s_without_a_usable_node(strategy: Strategy, event: str) -> None:
    roster = roster_of(0.0)
    happens(roster.node(machine(1), NOW + 5.0), event)
    assert reserve(roster, strategy=strategy, now=NOW + 34.9) is None
    assert roster.waits_for_nodes_s(BASE, NOW, NOW + 34.9) == pytest.approx(29.9)
    code = code_of_giving_up(roster, Attempts(), strategy=strategy, now=NOW + 35.0)
    assert code is FailureCode.NO_NODES


def test_the_reason_names_what_is_the_matter_with_each_node() -> None:
    roster = roster_of(0.0, 0.0)
    happens(roster.nodes[0], "silence")
    happens(roster.nodes[1], "no files")
    with pytest.raises(GaveUp, match=r"no pong; node_2 \(10.0.0.1:9092\) is parked: no luck"):
        reserve(roster, now=NOW + 30.0)


def test_the_wait_for_a_usable_node_begins_with_the_job() -> None:
    roster = roster_of(0.0)
    happens(roster.nodes[0], "silence")
    assert roster.reserve(BALANCED, Attempts(), NOW + 100.0, NOW + 129.9) is None
    assert code_of_giving_up(roster, Attempts(), since=NOW + 100.0, now=NOW + 130.0) is FailureCode.NO_NODES


def test_another_list_of_machines_begins_the_wait_anew() -> None:
    roster = roster_of(0.0)
    happens(roster.nodes[0], "silence")
    roster.set_machines([machine(2)], NOW + 29.0)
    assert reserve(roster, now=NOW + 58.9) is None
    assert code_of_giving_up(roster, Attempts(), now=NOW + 59.0) is FailureCode.NO_NODES


def test_a_node_on_trial_is_a_usable_one() -> None:
    roster = roster_of(0.0)
    happens(roster.nodes[0], "silence", "pong")
    roster.nodes[0].in_flight = 1
    assert reserve(roster, now=NOW + 100.0) is None
    assert roster.waits_for_nodes_s(BASE, NOW, NOW + 100.0) == 0.0


FAILED_TRIAL = ("pong", "crashed")


def on_trial_again(trials: int) -> Roster:
    """A node that has failed so many trials in a row, the last one now, and answers pings."""
    roster = roster_of(0.0)
    happens(roster.nodes[0], "silence", *FAILED_TRIAL * trials, "pong")
    return roster


def test_a_node_may_fail_one_trial_for_which_the_image_is_to_blame() -> None:
    roster = on_trial_again(1)
    roster.nodes[0].in_flight = 1
    assert roster.waits_for_nodes_s(BASE, NOW, NOW + 100.0) == 0.0


def test_a_node_that_fails_one_trial_after_the_other_is_not_waited_for() -> None:
    roster = on_trial_again(2)
    roster.nodes[0].life.rests_until = NOW + 60.0
    assert reserve(roster, now=NOW + 29.9) is None
    assert code_of_giving_up(roster, Attempts(), now=NOW + 30.0) is FailureCode.NO_NODES


def test_nobody_gives_up_while_a_trial_is_under_way() -> None:
    roster = on_trial_again(2)
    assert reserve(roster, now=NOW + 100.0) == "node_1"
    assert reserve(roster, now=NOW + 100.0) is None
    happens(roster.nodes[0], "done")
    assert reserve(roster, now=NOW + 200.0) == "node_1"


@pytest.mark.parametrize("events", [("done",), ("silence", "pong"), ("pong of another",)])
def test_failed_trials_are_forgotten_with_a_good_one_or_a_new_process(
    events: tuple[str, ...],
) -> None:
    roster = on_trial_again(5)
    assert not roster.nodes[0].is_worth_waiting_for
    happens(roster.nodes[0], *events)
    assert roster.nodes[0].is_worth_waiting_for


def test_nodes_that_were_never_heard_of_are_waited_for_as_long() -> None:
    roster = Roster([machine(1)], random.Random(1), 30.0, NOW)
    assert reserve(roster, now=NOW + 29.9) is None
    assert code_of_giving_up(roster, Attempts(), now=NOW + 30.0) is FailureCode.NO_NODES
