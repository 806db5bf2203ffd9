import random

import pytest

from pixfarm.model import NodeHealth, NodeStatus
from pixfarm.scheduling.life import Life
from pixfarm.scheduling.node import NodeState
from tests.unit.scheduling.node_states import BASE, NOW, happens, machine, node

PROBE, DOWN, QUARANTINED = NodeHealth.PROBE, NodeHealth.DOWN, NodeHealth.QUARANTINED


def quarantined() -> NodeState:
    """A node that has answered a call as no node would."""
    return happens(node(), "foreign")


def test_a_foreign_node_that_answers_pings_gets_nothing_for_the_whole_job() -> None:
    one = quarantined()
    for _ in range(20):
        happens(one, "pong")
        assert one.life.health is QUARANTINED
        assert not one.wants_ping(NOW + 9.999)
        assert one.wants_ping(NOW + 10.0)


def test_a_foreign_node_is_not_asked_at_once() -> None:
    assert not quarantined().wants_ping(NOW + 9.999)


def test_a_node_that_is_unreachable_later_stays_out_all_the_same() -> None:
    assert not happens(quarantined(), "unreachable", "pong").is_usable


def test_a_new_job_gives_a_foreign_node_another_chance() -> None:
    one = quarantined()
    one.life.forgive(NOW)
    assert one.wants_ping(NOW)
    assert happens(one, "pong").life.health is PROBE


def test_what_comes_back_after_silence_is_another_process() -> None:
    assert happens(quarantined(), "silence", "pong").life.health is PROBE


def test_forgiving_changes_nothing_for_other_nodes() -> None:
    one = happens(node(), "silence")
    before = one.life.ping_at
    one.life.forgive(NOW + 0.001)
    assert (one.life.health, one.life.ping_at) == (DOWN, before)


@pytest.mark.parametrize("event", ["unreachable", "silence", "draining pong", "no files"])
def test_a_node_that_just_became_unfit_is_pinged_soon(event: str) -> None:
    assert happens(node(), event).wants_ping(NOW + 0.25)


def test_a_node_that_cannot_be_reached_is_pinged_at_once() -> None:
    assert happens(node(), "unreachable").wants_ping(NOW)


def test_a_node_that_stays_silent_is_pinged_ever_more_rarely() -> None:
    one = node()
    for longest_s in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        happens(one, "silence")
        assert not one.wants_ping(NOW + longest_s / 2 - 0.001)
        assert one.wants_ping(NOW + longest_s)


def test_a_node_that_answers_pings_and_cannot_be_called_is_tried_ever_more_rarely() -> None:
    one = node(DOWN)
    for longest_s in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        happens(one, "pong", "unreachable")
        assert not one.wants_ping(NOW + longest_s - 0.001)
        assert one.wants_ping(NOW + longest_s)


@pytest.mark.parametrize(
    ("in_flight", "silent_s", "wanted"),
    [(1, 1.1, True), (1, 0.9, False), (0, 3600.0, False)],
    ids=["holds images, silent", "holds images, heard", "idle"],
)
def test_a_usable_node_is_pinged_when_it_holds_images_and_says_nothing(
    in_flight: int, silent_s: float, *, wanted: bool
) -> None:
    one = happens(node(), "pong")
    one.in_flight = in_flight
    assert one.wants_ping(NOW + silent_s) is wanted


@pytest.mark.parametrize("answer", ["done", "refused", "bad image", "crashed", "pong"])
def test_any_answer_proves_that_a_node_lives(answer: str) -> None:
    one = node()
    one.on_sent(BASE, NOW)
    happens(one, answer)
    assert not one.wants_ping(NOW + 0.9)
    assert one.wants_ping(NOW + 1.1)


@pytest.mark.parametrize("health", NodeHealth, ids=str)
def test_a_node_is_not_pinged_twice_at_once(health: NodeHealth) -> None:
    one = node(health)
    one.on_sent(BASE, NOW)
    one.life.on_ping(NOW)
    assert not one.wants_ping(NOW + 3600.0)


@pytest.mark.parametrize(
    "event", ["pong", "pong of another", "draining pong", "faulty pong", "silence", "foreign pong"]
)
def test_the_end_of_a_ping_allows_the_next(event: str) -> None:
    one = node()
    one.on_sent(BASE, NOW)
    happens(one, event)
    assert one.wants_ping(NOW + 3600.0)


def test_a_life_begins_unasked() -> None:
    life = Life()
    assert (life.is_usable, life.message) == (False, "not asked yet")
    assert life.wants_ping(NOW, holds_images=False, is_barred=False)


def test_a_node_under_another_name_is_used_and_said_so() -> None:
    one = node(DOWN)
    one.on_pong(NOW, NodeStatus(name="node_9", host="10.0.0.1", port=9091, workers=2))
    assert one.is_usable
    assert one.life.message == (
        "node_1 (10.0.0.1:9091) calls itself node_9; compare machine.txt there and here"
    )


def test_pings_of_many_silent_nodes_are_not_in_step() -> None:
    rng = random.Random(1)
    lives = [Life() for _ in range(50)]
    for life in lives:
        life.on_silence(NOW, rng, f"{machine()} does not answer", foreign=False)
    assert len({life.ping_at for life in lives}) == 50
