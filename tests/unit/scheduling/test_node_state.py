import math
import random
from collections.abc import Callable

import pytest

from pixfarm.errors import RejectReason, TaskRejected
from pixfarm.model import Machine, NodeHealth, NodeStatus
from pixfarm.scheduling.node import NodeState
from tests.unit.scheduling.node_states import node, pong, rejected

UP, PROBE, DOWN, QUARANTINED = (
    NodeHealth.UP,
    NodeHealth.PROBE,
    NodeHealth.DOWN,
    NodeHealth.QUARANTINED,
)
NOW = 1000.0
EVENTS: dict[str, Callable[[NodeState], None]] = {
    "done": lambda node: node.on_done(NOW, 0.03),
    "refused": lambda node: node.on_refused(NOW, rejected()),
    "failed": lambda node: node.on_failed(NOW),
    "lost": lambda node: node.on_lost(NOW, "no answer"),
    "foreign": lambda node: node.on_foreign(NOW, "talks HTTP"),
    "pong": lambda node: node.on_pong(NOW, pong()),
    "draining pong": lambda node: node.on_pong(NOW, pong(draining=True)),
    "silence": lambda node: node.on_silence(NOW, random.Random(1), "no pong"),
    "foreign pong": lambda node: node.on_silence(NOW, random.Random(1), "talks HTTP", foreign=True),
}
TRANSITIONS = {
    # event: health after it, for a node that was UP, PROBE, DOWN, QUARANTINED
    "done": (UP, UP, DOWN, QUARANTINED),
    "refused": (UP, UP, DOWN, QUARANTINED),
    "failed": (UP, UP, DOWN, QUARANTINED),
    "lost": (DOWN, DOWN, DOWN, DOWN),
    "foreign": (QUARANTINED, QUARANTINED, QUARANTINED, QUARANTINED),
    "pong": (UP, PROBE, PROBE, PROBE),
    "draining pong": (DOWN, DOWN, DOWN, DOWN),
    "silence": (DOWN, DOWN, DOWN, DOWN),
    "foreign pong": (QUARANTINED, QUARANTINED, QUARANTINED, QUARANTINED),
}


def after_lone_answers(*events: str) -> NodeState:
    """A node that got an image and answered, over and over."""
    one = node()
    for event in events:
        one.on_sent()
        EVENTS[event](one)
    return one


@pytest.mark.parametrize(
    ("event", "before", "after"),
    [
        pytest.param(event, before, after, id=f"{event} while {before.name}")
        for event, healths in TRANSITIONS.items()
        for before, after in zip((UP, PROBE, DOWN, QUARANTINED), healths, strict=True)
    ],
)
def test_health_follows_from_what_a_node_does(event: str, before: NodeHealth, after: NodeHealth) -> None:
    one = node(before)
    one.on_sent()
    EVENTS[event](one)
    assert one.health is after


@pytest.mark.parametrize("first", ["silence", "foreign pong"])
def test_a_node_that_lost_nothing_needs_no_probe(first: str) -> None:
    one = NodeState(Machine("node_1", "10.0.0.1", 9091))
    EVENTS[first](one)
    EVENTS["pong"](one)
    assert one.health is UP


def test_a_node_that_was_not_asked_yet_gets_nothing() -> None:
    one = NodeState(Machine("node_1", "10.0.0.1", 9091))
    assert (one.is_usable, one.window, one.has_room(NOW)) == (False, 0, False)


@pytest.mark.parametrize(("health", "window"), [(UP, 6), (PROBE, 1), (DOWN, 0), (QUARANTINED, 0)], ids=str)
def test_a_node_holds_two_images_per_worker_once_it_has_shown_that_it_works(
    health: NodeHealth, window: int
) -> None:
    assert node(health, workers=3).window == window


def test_a_full_node_has_no_room_until_an_answer() -> None:
    one = node(workers=1)
    one.on_sent()
    assert one.has_room(NOW)
    one.on_sent()
    assert not one.has_room(NOW)
    EVENTS["done"](one)
    assert one.has_room(NOW)


@pytest.mark.parametrize("event", ["done", "refused", "failed", "lost", "foreign"])
def test_every_end_of_a_call_gives_its_place_back(event: str) -> None:
    one = node()
    one.on_sent()
    one.on_sent()
    EVENTS[event](one)
    assert one.in_flight == 1


@pytest.mark.parametrize("event", ["pong", "draining pong", "silence", "foreign pong"])
def test_a_ping_gives_no_place_back(event: str) -> None:
    one = node()
    one.on_sent()
    EVENTS[event](one)
    assert one.in_flight == 1


def test_service_time_jumps_up_to_a_slow_image_at_once() -> None:
    one = after_lone_answers("done")
    one.on_sent()
    one.on_done(NOW + 0.1, 7.0)
    assert one.service_s == 7.0


def test_service_time_comes_down_with_a_time_constant_of_10_s() -> None:
    one = node()
    one.on_sent()
    one.on_done(NOW, 7.0)
    one.on_sent()
    one.on_done(NOW + 4.0, 1.0)
    assert one.service_s == pytest.approx(1.0 + 6.0 * math.exp(-0.4))


def test_the_first_service_time_is_30_ms() -> None:
    assert node().service_s == 0.03


@pytest.mark.parametrize("event", ["refused", "failed", "lost", "foreign"])
def test_only_images_that_were_done_count_for_the_service_time(event: str) -> None:
    one = node()
    one.service_s = 0.5
    one.on_sent()
    EVENTS[event](one)
    assert one.service_s == 0.5


def test_the_accept_rate_forgets_a_fiftieth_with_each_answer() -> None:
    one = after_lone_answers("refused", "refused", "done")
    assert one.accept_rate == pytest.approx(1 - (1 - 0.98**2) * 0.98)


def test_a_failed_image_was_accepted() -> None:
    assert after_lone_answers("failed").accept_rate == 1.0


def test_the_cost_is_the_queue_and_what_refusals_take() -> None:
    one = node()
    one.in_flight, one.service_s, one.accept_rate = 2, 0.1, 0.25
    assert one.cost_s == pytest.approx(3 * 0.1 + 0.0002 * 0.75 / 0.25)


def test_the_cost_of_a_node_that_always_refuses_is_bounded() -> None:
    one = node()
    one.service_s, one.accept_rate = 0.03, 0.0
    assert one.cost_s == pytest.approx(0.03 + 0.0002 * 0.98 / 0.02)


@pytest.mark.parametrize(
    ("asked_s", "granted_s"),
    [(0.05, 0.05), (1.0, 1.0), (3600.0, 1.0), (math.inf, 1.0), (-5.0, 0.0), (math.nan, 1.0)],
)
@pytest.mark.parametrize("reason", [RejectReason.BUSY, RejectReason.DRAINING])
def test_a_node_is_left_alone_as_long_as_it_asks_but_not_over_a_second(
    reason: RejectReason, asked_s: float, granted_s: float
) -> None:
    one = node()
    one.on_sent()
    one.on_refused(NOW, rejected(reason, retry_after_s=asked_s))
    assert one.has_room(NOW + granted_s)
    if granted_s:
        assert not one.has_room(NOW + granted_s - 0.01)


def test_a_refusal_for_load_leaves_the_node_open_to_other_images() -> None:
    one = node()
    one.on_sent()
    one.on_refused(NOW, rejected(retry_after_s=1.0))
    assert one.has_room(NOW)


@pytest.mark.parametrize("event", ["refused", "pong"])
def test_the_load_is_what_the_node_said_last(event: str) -> None:
    one = node()
    one.load_probability = 1.0
    one.on_sent()
    EVENTS[event](one)
    assert one.load_probability == {"refused": 0.5, "pong": 0.0}[event]


@pytest.mark.parametrize("event", ["lost", "silence", "draining pong"])
def test_a_node_that_went_down_is_pinged_soon(event: str) -> None:
    one = after_lone_answers(event)
    assert one.wants_ping(NOW + 0.25)


def test_a_lost_node_is_pinged_at_once() -> None:
    assert after_lone_answers("lost").wants_ping(NOW)


def test_a_node_that_stays_silent_is_pinged_ever_more_rarely() -> None:
    one = node()
    for longest_s in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        EVENTS["silence"](one)
        assert not one.wants_ping(NOW + longest_s / 2 - 0.001)
        assert one.wants_ping(NOW + longest_s)


def test_an_image_done_makes_the_next_silence_count_as_the_first() -> None:
    one = node()
    for _ in range(10):
        EVENTS["silence"](one)
    EVENTS["pong"](one)
    one.on_sent()
    EVENTS["done"](one)
    EVENTS["silence"](one)
    assert one.wants_ping(NOW + 0.25)


def test_a_node_that_answers_pings_and_nothing_else_is_tried_ever_more_rarely() -> None:
    one = node(DOWN)
    one.ever_heard = True
    for longest_s in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        EVENTS["pong"](one)
        one.on_sent()
        EVENTS["lost"](one)
        assert not one.wants_ping(NOW + longest_s - 0.001)
        assert one.wants_ping(NOW + longest_s)


def test_a_node_under_another_name_is_used_and_said_so() -> None:
    one = node(DOWN)
    one.on_pong(NOW, NodeStatus(name="node_9", host="10.0.0.1", port=9091, workers=2))
    assert one.is_usable
    assert one.snapshot().message == (
        "node_1 (10.0.0.1:9091) calls itself node_9; compare machine.txt there and here"
    )


@pytest.mark.parametrize("event", ["draining pong", "draining refusal"])
def test_a_draining_node_is_shown_as_such(event: str) -> None:
    one = node()
    if event == "draining pong":
        EVENTS["draining pong"](one)
    else:
        one.on_sent()
        one.on_refused(NOW, TaskRejected(RejectReason.DRAINING, 0.5, 1.0))
    assert one.snapshot().draining


def test_a_foreign_node_that_answers_pings_does_not_cost_image_after_image() -> None:
    one = after_lone_answers("foreign")
    assert not one.wants_ping(NOW + 1.0)


@pytest.mark.parametrize(
    ("in_flight", "silent_s", "wanted"),
    [(1, 1.1, True), (1, 0.9, False), (0, 3600.0, False)],
    ids=["holds images, silent", "holds images, heard", "idle"],
)
def test_a_usable_node_is_pinged_when_it_holds_images_and_says_nothing(
    in_flight: int, silent_s: float, *, wanted: bool
) -> None:
    one = node()
    EVENTS["pong"](one)
    one.in_flight = in_flight
    assert one.wants_ping(NOW + silent_s) is wanted


def test_an_answer_proves_that_a_node_lives() -> None:
    one = node()
    one.on_sent()
    one.on_sent()
    one.on_done(NOW + 5.0, 5.0)
    assert not one.wants_ping(NOW + 5.9)
    assert one.wants_ping(NOW + 6.1)


@pytest.mark.parametrize("health", NodeHealth)
def test_a_node_is_not_pinged_twice_at_once(health: NodeHealth) -> None:
    one = node(health)
    one.on_sent()
    one.pinging = True
    assert not one.wants_ping(NOW + 3600.0)


@pytest.mark.parametrize("event", ["pong", "draining pong", "silence", "foreign pong"])
def test_the_end_of_a_ping_allows_the_next(event: str) -> None:
    one = node()
    one.on_sent()
    one.pinging = True
    EVENTS[event](one)
    assert one.wants_ping(NOW + 3600.0)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("lost", "no answer"),
        ("foreign", "talks HTTP"),
        ("silence", "no pong"),
        ("draining pong", "node_1 (10.0.0.1:9091) is draining: it finishes what runs"),
    ],
)
def test_a_snapshot_says_why_a_node_is_not_usable(event: str, message: str) -> None:
    assert after_lone_answers(event).snapshot().message == message


def test_a_snapshot_of_a_node_that_came_back_has_no_complaint() -> None:
    one = after_lone_answers("lost")
    EVENTS["pong"](one)
    assert one.snapshot().message == ""


def test_a_snapshot_tells_what_the_node_told_and_what_came_of_its_images() -> None:
    one = after_lone_answers("done", "done", "refused", "failed")
    one.on_pong(NOW, pong(p=0.25, workers=7))
    one.on_sent()
    seen = one.snapshot()
    assert (seen.name, seen.host, seen.port) == ("node_1", "10.0.0.1", 9091)
    assert (seen.load_probability, seen.workers, seen.version, seen.delay_s) == (0.25, 7, "1.2.3", 3.0)
    assert (seen.in_flight, seen.done, seen.refused, seen.failed) == (1, 2, 1, 1)
