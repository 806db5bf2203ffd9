import math

import pytest

from pixfarm.errors import RejectReason
from pixfarm.model import NodeHealth
from tests.unit.scheduling.node_states import BASE, ENDS, NOW, PINGS, happens, node, pong, rejected, unheard


def test_a_node_that_was_not_asked_yet_gets_nothing() -> None:
    one = unheard()
    assert (one.is_usable, one.window, one.has_room(NOW)) == (False, 0, False)


@pytest.mark.parametrize("health", NodeHealth, ids=str)
def test_a_node_holds_two_images_per_worker_once_it_has_shown_that_it_works(health: NodeHealth) -> None:
    window = {NodeHealth.UP: 6, NodeHealth.PROBE: 1}.get(health, 0)
    assert node(health, workers=3).window == window


def test_a_node_that_leaves_gets_nothing() -> None:
    one = node()
    one.leaving = True
    assert (one.is_usable, one.window, one.has_room(NOW)) == (False, 0, False)


@pytest.mark.parametrize(("in_flight", "idle"), [(0, True), (2, True), (3, False), (6, False)])
def test_a_node_is_idle_while_a_worker_has_nothing_to_do(in_flight: int, *, idle: bool) -> None:
    one = node(workers=3)
    one.in_flight = in_flight
    assert one.is_idle(BASE, NOW) is idle


def test_a_node_in_doubt_is_not_idle() -> None:
    assert not happens(node(), "broken").is_idle(BASE, NOW)


def test_a_full_node_has_no_room_until_an_answer() -> None:
    one = node(workers=1)
    one.on_sent(BASE, NOW)
    assert one.has_room(NOW)
    one.on_sent(BASE, NOW)
    assert not one.has_room(NOW)
    ENDS["done"](one)
    assert one.has_room(NOW)


@pytest.mark.parametrize("event", [*ENDS, *PINGS])
def test_every_end_of_a_call_gives_its_place_back_and_a_ping_does_not(event: str) -> None:
    one = node()
    one.on_sent(BASE, NOW)
    happens(one, event)  # gets another one, if the event is the end of one
    assert one.in_flight == 1


@pytest.mark.parametrize("event", ENDS)
def test_every_end_of_a_call_is_counted_once(event: str) -> None:
    one = happens(node(), event)
    expected = {"done": (1, 0, 0), "refused": (0, 1, 0)}.get(event, (0, 0, 1))
    assert (one.done, one.refused, one.failed) == expected


def test_service_time_jumps_up_to_a_slow_image_at_once() -> None:
    one = happens(node(), "done")
    one.on_sent(BASE, NOW)
    one.on_done(BASE, NOW + 0.1, 7.0)
    assert one.service_s == 7.0


def test_service_time_comes_down_with_a_time_constant_of_10_s() -> None:
    one = node()
    one.on_sent(BASE, NOW)
    one.on_done(BASE, NOW, 7.0)
    one.on_sent(BASE, NOW)
    one.on_done(BASE, NOW + 4.0, 1.0)
    assert one.service_s == pytest.approx(1.0 + 6.0 * math.exp(-0.4))


def test_the_first_service_time_is_30_ms() -> None:
    assert node().service_s == 0.03


@pytest.mark.parametrize("event", [event for event in [*ENDS, *PINGS] if event != "done"])
def test_only_images_that_were_done_count_for_the_service_time(event: str) -> None:
    one = node()
    one.service_s = 0.5
    assert happens(one, event).service_s == 0.5


def test_the_accept_rate_forgets_a_fiftieth_with_each_answer() -> None:
    one = happens(node(), "refused", "refused", "done")
    assert one.accept_rate == pytest.approx(1 - (1 - 0.98**2) * 0.98)


@pytest.mark.parametrize("event", [event for event in ENDS if event != "refused"])
def test_only_a_refusal_is_one(event: str) -> None:
    assert happens(node(), event).accept_rate == 1.0


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
    one.on_sent(BASE, NOW)
    one.on_refused(NOW, rejected(reason, retry_after_s=asked_s))
    assert one.has_room(NOW + granted_s)
    if granted_s:
        assert not one.has_room(NOW + granted_s - 0.01)


def test_a_refusal_for_load_leaves_the_node_open_to_other_images() -> None:
    one = node()
    one.on_sent(BASE, NOW)
    one.on_refused(NOW, rejected(retry_after_s=1.0))
    assert one.has_room(NOW)


@pytest.mark.parametrize("event", ["refused", "pong"])
def test_the_load_is_what_the_node_said_last(event: str) -> None:
    one = node()
    one.load_probability = 1.0
    happens(one, event)
    assert one.load_probability == {"refused": 0.5, "pong": 0.0}[event]


def test_a_node_that_refuses_because_it_drains_is_asked_until_it_says_so_to_a_ping() -> None:
    one = node()
    one.on_sent(BASE, NOW)
    one.on_refused(NOW, rejected(RejectReason.DRAINING, retry_after_s=1.0))
    assert one.snapshot().draining
    assert one.is_usable
    assert one.wants_ping(NOW)
    happens(one, "draining pong")
    assert one.snapshot().draining
    assert not one.is_usable
    happens(one, "pong of another")
    assert not one.snapshot().draining
    assert not one.wants_ping(NOW)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("unreachable", "refused the connection"),
        ("foreign", "unknown method"),
        ("silence", "no pong"),
        ("no files", "node_1 (10.0.0.1:9091) is parked: no luck"),
        ("draining pong", "node_1 (10.0.0.1:9091) is draining: it finishes what runs"),
    ],
)
def test_a_snapshot_says_why_a_node_is_not_usable(event: str, message: str) -> None:
    assert happens(node(), event).snapshot().message == message


@pytest.mark.parametrize("event", ["unreachable", "silence", "no files", "draining pong", "pong of another"])
def test_a_snapshot_of_a_node_that_came_back_has_no_complaint(event: str) -> None:
    assert happens(node(), event, "pong").snapshot().message == ""


def test_a_snapshot_tells_what_the_node_told_and_what_came_of_its_images() -> None:
    one = happens(node(), "done", "done", "refused", "crashed")
    one.on_pong(NOW, pong(p=0.25, workers=7))
    one.on_sent(BASE, NOW)
    seen = one.snapshot()
    assert (seen.name, seen.host, seen.port) == ("node_1", "10.0.0.1", 9091)
    assert (seen.load_probability, seen.workers, seen.version, seen.delay_s) == (0.25, 7, "1.2.3", 3.0)
    assert (seen.in_flight, seen.done, seen.refused, seen.failed) == (1, 2, 1, 1)
