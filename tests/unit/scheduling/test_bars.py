"""Base paths that a node cannot write."""

import random

import pytest

from pixfarm.errors import FailureCode, GaveUp
from pixfarm.model import NodeHealth, Strategy
from pixfarm.scheduling import policy
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.bars import Bars
from pixfarm.scheduling.roster import Roster
from tests.unit.scheduling.node_states import NOW, failed, happens, machine, node, pong
from tests.unit.scheduling.rosters import reserve, roster_of

FULL, ROOMY = "/full", "/roomy"


def barred() -> Bars:
    bars = Bars()
    bars.on_unwritable(FULL, "no space left")
    return bars


def tried_in_vain(times: int) -> Bars:
    """The check passes and the next image fails, so many times."""
    bars = barred()
    for _ in range(times):
        bars.on_pong((), NOW)
        bars.on_sent(FULL, NOW)
        bars.on_unwritable(FULL, "no space left")
    return bars


def test_only_what_could_not_be_written_is_barred() -> None:
    bars = barred()
    assert (bars.lets_pass(FULL, NOW + 3600.0), bars.lets_pass(ROOMY, NOW)) == (False, True)
    assert bars.message == "no space left (/full)"


def test_a_bar_stays_until_the_nodes_own_check_passes() -> None:
    bars = barred()
    bars.on_pong((FULL,), NOW)
    assert (bars.lets_pass(FULL, NOW), bars.are_shut) == (False, True)
    bars.on_pong((ROOMY,), NOW)
    assert (bars.lets_pass(FULL, NOW), bars.are_shut) == (True, False)


def test_after_that_images_are_tried_one_by_one_until_one_is_done() -> None:
    bars = barred()
    bars.on_pong((), NOW)
    bars.on_sent(FULL, NOW)
    assert (bars.lets_pass(FULL, NOW), bars.lets_pass(FULL, NOW + policy.PING_PAUSE_START_S)) == (False, True)
    bars.on_done(FULL)
    bars.on_sent(FULL, NOW)
    assert (bars.lets_pass(FULL, NOW), bars.message) == (True, "")


def test_each_try_in_vain_doubles_the_wait_up_to_10_s() -> None:
    waits = []
    for times in range(1, 9):
        bars = tried_in_vain(times)
        bars.on_pong((), NOW)
        waits.append(next(t / 4 for t in range(50) if bars.lets_pass(FULL, NOW + t / 4)))
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]


def test_there_is_hope_while_the_check_has_passed_and_not_failed_images_twice() -> None:
    for times, hopeless in ((0, False), (1, False), (2, True)):
        bars = tried_in_vain(times)
        assert bars.are_hopeless(FULL)
        bars.on_pong((), NOW)
        assert bars.are_hopeless(FULL) is hopeless, times


def test_a_bar_that_nobody_meets_any_more_is_forgotten() -> None:
    bars = barred()
    bars.on_pong((), NOW)
    bars.on_pong((), NOW + policy.FORGET_BAR_S + 1.0)
    assert bars.message == ""


def test_a_barred_node_is_asked_once_a_second_whether_it_can_write_again() -> None:
    one = node()
    one.on_sent(FULL, NOW)
    one.on_failed(FULL, NOW, failed(FailureCode.NO_SPACE))
    assert one.wants_ping(NOW)
    one.life.on_ping(NOW)
    one.on_pong(NOW, pong(unwritable=(FULL,)))
    assert (one.wants_ping(NOW + 0.99), one.wants_ping(NOW + 1.0)) == (False, True)
    assert one.life.health is NodeHealth.UP


@pytest.mark.parametrize("strategy", Strategy)
def test_images_of_a_full_disk_go_to_other_nodes_and_those_of_another_disk_do_not(strategy: Strategy) -> None:
    roster = roster_of(0.0, 0.0, workers=4)
    roster.nodes[0].bars.on_unwritable(FULL, "no space left")
    assert {reserve(roster, Attempts(FULL), strategy) for _ in range(8)} == {"node_2"}
    assert {reserve(roster, Attempts(ROOMY), strategy) for _ in range(8)} == {"node_1"}


def test_a_copy_does_not_go_where_it_cannot_be_written() -> None:
    roster = roster_of(0.0, 0.0)
    roster.nodes[1].bars.on_unwritable(FULL, "no space left")
    holder = roster.nodes[0].machine
    assert roster.reserve_idle(Attempts(FULL), holder, NOW) is None
    assert roster.reserve_idle(Attempts(ROOMY), holder, NOW) is roster.nodes[1]


def full_one_after_the_other() -> Roster:
    """Two nodes; the second could not write any more 10 s after the first, and somebody waits since."""
    roster = roster_of(0.0, 0.0)
    for one, at in zip(roster.nodes, (NOW, NOW + 10.0), strict=True):
        roster.node(one.machine, at).bars.on_unwritable(FULL, "no space left for output_dir")
        roster.waits_for_nodes_s(FULL, NOW, at)
    return roster


def test_only_the_job_that_nobody_can_write_gives_up_after_30_s() -> None:
    roster = full_one_after_the_other()
    assert roster.waits_for_nodes_s(FULL, NOW, NOW + 39.9) == pytest.approx(29.9)
    assert reserve(roster, Attempts(FULL), now=NOW + 39.9) is None
    with pytest.raises(GaveUp) as caught:
        reserve(roster, Attempts(FULL), now=NOW + 40.0)
    assert caught.value.code is FailureCode.NO_NODES
    assert caught.value.message == (
        "no node was usable for 30 s: "
        "node_1 (10.0.0.1:9091) cannot write all results: no space left for output_dir (/full); "
        "node_2 (10.0.0.1:9092) cannot write all results: no space left for output_dir (/full)"
    )
    assert roster.waits_for_nodes_s(ROOMY, NOW, NOW + 40.0) == 0.0
    assert reserve(roster, Attempts(ROOMY), now=NOW + 40.0) is not None


def test_hope_that_fails_begins_the_wait_anew() -> None:
    roster = full_one_after_the_other()
    roster.node(machine(1), NOW + 20.0).on_pong(NOW + 20.0, pong())
    assert reserve(roster, Attempts(FULL), now=NOW + 35.0) == "node_1"
    roster.node(machine(1), NOW + 36.0).on_failed(FULL, NOW + 36.0, failed(FailureCode.NO_SPACE))
    assert roster.waits_for_nodes_s(FULL, NOW, NOW + 40.0) == pytest.approx(4.0)


def test_a_node_that_could_write_and_goes_away_was_worth_waiting_for() -> None:
    roster = roster_of(0.0, 0.0)
    roster.nodes[0].bars.on_unwritable(FULL, "no space left for output_dir")
    assert roster.waits_for_nodes_s(FULL, NOW, NOW + 1.0) == 0.0
    happens(roster.node(machine(2), NOW + 20.0), "silence")
    assert roster.waits_for_nodes_s(FULL, NOW, NOW + 30.0) == pytest.approx(10.0)


def test_when_it_can_be_written_again_nothing_is_kept() -> None:
    roster = full_one_after_the_other()
    for one in roster.nodes:
        one.bars.on_done(FULL)
    assert roster.waits_for_nodes_s(FULL, NOW, NOW + 60.0) == 0.0
    roster.nodes[0].bars.on_unwritable(FULL, "no space left for output_dir")
    happens(roster.node(machine(2), NOW + 70.0), "silence")
    assert roster.waits_for_nodes_s(FULL, NOW, NOW + 71.0) == 0.0


def test_any_order_of_events_leaves_no_base_path_barred_for_ever() -> None:
    rng = random.Random(1)
    for _ in range(200):
        bars = Bars()
        now = NOW
        for _ in range(rng.randrange(30)):
            now += rng.choice([0.0, 0.3, 5.0])
            event = rng.randrange(4)
            if event == 0:
                bars.on_unwritable(FULL, "no space left")
            elif event == 1:
                bars.on_pong(rng.choice([(), (FULL,)]), now)
            elif event == 2:
                bars.on_done(FULL)
            elif bars.lets_pass(FULL, now):
                bars.on_sent(FULL, now)
        bars.on_pong((), now)
        assert bars.lets_pass(FULL, now + policy.PING_PAUSE_MAX_S)
