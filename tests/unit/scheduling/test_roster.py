from collections import Counter

import pytest

from pixfarm.errors import FailureCode, RejectReason
from pixfarm.model import Strategy
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.roster import SweepOver
from tests.unit.scheduling.node_states import BASE, NOW, failed, happens, machine, rejected
from tests.unit.scheduling.rosters import RANDOM, all_reserved, nodes_of, reserve, roster_of

CHI_SQUARE_3_OF_1_IN_10_000 = 21.1  # critical value for 3 degrees of freedom


def test_a_place_is_taken_until_it_is_given_back() -> None:
    roster = roster_of(0.0)
    assert all_reserved(roster) == {"node_1": 2}
    assert roster.nodes[0].in_flight == 2
    roster.nodes[0].on_done(BASE, NOW, 0.1)
    assert all_reserved(roster) == {"node_1": 1}


@pytest.mark.parametrize(
    "event", ["silence", "unreachable", "foreign", "no files", "broken", "draining pong"]
)
def test_nobody_gets_an_image_who_is_not_fit_for_it(event: str) -> None:
    roster = roster_of(0.0, 0.0)
    happens(roster.nodes[0], event)
    assert all_reserved(roster) == {"node_2": 2}


def test_who_asked_to_be_left_alone_gets_nothing_until_then() -> None:
    roster = roster_of(0.0)
    roster.nodes[0].on_sent(BASE, NOW)
    roster.nodes[0].on_refused(NOW, rejected(RejectReason.BUSY, retry_after_s=0.5))
    assert reserve(roster, now=NOW + 0.49) is None
    assert reserve(roster, now=NOW + 0.5) == "node_1"


def test_a_node_on_trial_gets_one_image() -> None:
    roster = roster_of(0.0, 0.0, workers=4)
    happens(roster.nodes[0], "silence", "pong")
    assert all_reserved(roster) == {"node_1": 1, "node_2": 8}


def test_random_gives_each_of_the_nodes_with_room_the_same_chance() -> None:
    # Chi-square of 4 nodes: beyond the critical value once in 10,000 seeds.
    roster = roster_of(0.0, 0.9, 1.0, 0.5, 0.0, 0.0, workers=4)
    full, lost = roster.nodes[4:]
    full.in_flight = full.window
    happens(lost, "silence")
    n = 4000
    chosen: Counter[str] = Counter()
    for i in range(n):
        node = roster.reserve(RANDOM, Attempts(), NOW, NOW)
        assert node is not None
        chosen[node.name] += 1
        node.in_flight -= 1
        node.service_s = 0.001 * (i % 7 + 1)  # what it costs must not matter
    expected = n / 4
    assert chosen.keys() == {"node_1", "node_2", "node_3", "node_4"}
    chi_square = sum((count - expected) ** 2 / expected for count in chosen.values())
    assert chi_square < CHI_SQUARE_3_OF_1_IN_10_000


@pytest.mark.parametrize("strategy", Strategy)
def test_an_image_goes_to_who_has_not_failed_it(strategy: Strategy) -> None:
    attempts = Attempts(avoid={"node_1", "node_3"})
    for _ in range(20):
        assert reserve(roster_of(0.0, 0.0, 0.0), attempts, strategy) == "node_2"


@pytest.mark.parametrize("why", ["full", "in doubt", "left alone"])
def test_an_image_waits_for_who_has_not_failed_it(why: str) -> None:
    roster = roster_of(0.0, 0.0)
    fresh = roster.nodes[1]
    if why == "full":
        fresh.in_flight = fresh.window
    elif why == "in doubt":
        happens(fresh, "broken")
    else:
        fresh.paused_until = NOW + 1.0
    assert reserve(roster, Attempts(avoid={"node_1"}, struck_by={"node_1"})) is None


@pytest.mark.parametrize("strategy", Strategy)
def test_a_refusal_does_not_send_an_image_back_to_who_failed_it(strategy: Strategy) -> None:
    attempts = Attempts(avoid={"node_1"}, struck_by={"node_1"}, strikes=1, refused_by={"node_2"})
    with pytest.raises(SweepOver):
        reserve(roster_of(0.0, 0.9), attempts, strategy)


@pytest.mark.parametrize("event", ["silence", "no files", "foreign", "draining pong"])
def test_who_failed_an_image_gets_it_again_when_there_is_nobody_else(event: str) -> None:
    roster = roster_of(0.0, 0.0)
    happens(roster.nodes[1], event)
    assert reserve(roster, Attempts(avoid={"node_1"}, struck_by={"node_1"})) == "node_1"


def test_who_refuses_everything_is_nobody_to_wait_for() -> None:
    attempts = Attempts(avoid={"node_1"}, struck_by={"node_1"}, refused_by={"node_2"})
    assert reserve(roster_of(0.0, 1.0), attempts) == "node_1"


def test_by_the_random_strategy_a_full_load_is_no_refusal() -> None:
    attempts = Attempts(avoid={"node_1"}, struck_by={"node_1"})
    assert reserve(roster_of(0.0, 1.0), attempts, RANDOM) == "node_2"


def test_who_drains_is_nobody_to_wait_for() -> None:
    roster = roster_of(0.0, 0.0)
    roster.nodes[1].on_sent(BASE, NOW)
    roster.nodes[1].on_refused(NOW, rejected(RejectReason.DRAINING, p=0.0, retry_after_s=1.0))
    attempts = Attempts(avoid={"node_1"}, struck_by={"node_1"}, refused_by={"node_2"})
    assert reserve(roster, attempts) == "node_1"


def test_when_all_have_failed_an_image_those_go_first_that_gave_it_no_strike() -> None:
    attempts = Attempts(avoid={"node_1", "node_2", "node_3"}, struck_by={"node_1", "node_3"})
    for _ in range(20):
        assert reserve(roster_of(0.0, 0.0, 0.0), attempts) == "node_2"


def test_nodes_that_did_not_find_a_file_look_again_in_turn() -> None:
    attempts = Attempts()
    roster = roster_of(0.0, 0.0, 0.0)
    looked = []
    for i in range(9):
        name = reserve(roster, attempts, RANDOM, now=NOW + i)
        assert name is not None
        looked.append(name)
        attempts.on_failed(name, failed(FailureCode.NOT_FOUND), NOW + i)
        nodes_of(roster)[name].in_flight -= 1
    assert len(set(looked[:3])) == 3
    assert looked == looked[:3] * 3


def test_a_copy_goes_to_an_idle_node_that_has_nothing_to_do_with_the_image() -> None:
    roster = roster_of(0.0, 0.0, 0.0, 0.0, 0.0)
    roster.nodes[4].on_sent(BASE, NOW)  # its only worker is at work
    attempts = Attempts(avoid={"node_2"}, refused_by={"node_3"})
    copy = roster.reserve_idle(attempts, machine(1), NOW)
    assert copy is not None
    assert (copy.name, copy.in_flight) == ("node_4", 1)
    assert roster.reserve_idle(attempts, machine(1), NOW) is None


def test_a_copy_goes_to_the_idle_node_that_is_likely_to_be_done_first() -> None:
    roster = roster_of(0.0, 0.0, 0.0)
    roster.nodes[1].service_s = 9.0
    copy = roster.reserve_idle(Attempts(), machine(1), NOW)
    assert copy is roster.nodes[2]


def test_every_usable_node_pays_for_retries() -> None:
    roster = roster_of(0.0, 0.0, 0.0)
    happens(roster.nodes[0], "silence")
    while roster.take_retry(NOW) == 0.0:
        pass
    assert roster.take_retry(NOW) == pytest.approx(0.5)


def test_as_many_images_may_have_a_thread_as_nodes_can_hold_and_four() -> None:
    roster = roster_of(0.0, 0.0, 0.0, workers=3)
    happens(roster.nodes[0], "silence")
    happens(roster.nodes[1], "silence", "pong")
    assert roster.bound() == 4 + 0 + 1 + 6


def test_a_snapshot_has_every_node_in_its_order() -> None:
    assert [seen.name for seen in roster_of(0.0, 0.5, 1.0).snapshot()] == ["node_1", "node_2", "node_3"]


def test_a_node_much_slower_than_the_fastest_gets_no_image_that_would_wait_there() -> None:
    roster = roster_of(0.0, 0.0, workers=1)
    fast, slow = roster.nodes
    for node, seconds in ((fast, 0.1), (slow, 0.4)):
        node.on_sent(BASE, NOW)
        node.on_done(BASE, NOW, seconds)
    assert [reserve(roster) for _ in range(3)] == ["node_1", "node_1", "node_2"]
    assert reserve(roster) is None
    assert [reserve(roster, strategy=RANDOM) for _ in range(2)] == ["node_2", None]


def test_a_node_that_is_only_somewhat_slower_gets_its_whole_window() -> None:
    roster = roster_of(0.0, 0.0, workers=1)
    for node, seconds in zip(roster.nodes, (0.1, 0.399), strict=True):
        node.on_sent(BASE, NOW)
        node.on_done(BASE, NOW, seconds)
    assert sorted(str(reserve(roster)) for _ in range(5)) == ["None", "node_1", "node_1", "node_2", "node_2"]


def test_short_times_make_no_node_slow() -> None:
    roster = roster_of(0.0, 0.0, workers=1)
    for node, seconds in zip(roster.nodes, (0.001, 0.099), strict=True):
        node.on_sent(BASE, NOW)
        node.on_done(BASE, NOW, seconds)
    assert sorted(str(reserve(roster)) for _ in range(5)) == ["None", "node_1", "node_1", "node_2", "node_2"]
