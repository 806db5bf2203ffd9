import pytest

from pixfarm.model import NodeHealth
from pixfarm.scheduling.node import NodeState
from tests.unit.scheduling.node_states import NOW, happens, node, pong, unheard

UP, PROBE, DOWN, QUARANTINED, PARKED = (
    NodeHealth.UP,
    NodeHealth.PROBE,
    NodeHealth.DOWN,
    NodeHealth.QUARANTINED,
    NodeHealth.PARKED,
)
NO_USE = (DOWN, QUARANTINED, PARKED)
TRANSITIONS = {
    # event: health after it, for a node that was UP, PROBE, DOWN, QUARANTINED, PARKED
    "done": (UP, UP, *NO_USE),
    "bad image": (UP, UP, *NO_USE),
    "refused": (UP, PROBE, *NO_USE),
    "crashed": (UP, PARKED, *NO_USE),
    "not found": (UP, PARKED, *NO_USE),
    "no files": (PARKED, PARKED, *NO_USE),
    "unreachable": (DOWN, DOWN, DOWN, DOWN, DOWN),
    "broken": (UP, PROBE, *NO_USE),
    "foreign": (QUARANTINED,) * 5,
    "pong": (UP, PROBE, PROBE, PROBE, PROBE),
    "pong of another": (PROBE,) * 5,
    "draining pong": (DOWN,) * 5,
    "faulty pong": (PARKED,) * 5,
    "silence": (DOWN,) * 5,
    "foreign pong": (QUARANTINED,) * 5,
}


def disproved(one: NodeState, times: int) -> NodeState:
    for _ in range(times):
        one.life.on_disproved(one.machine, NOW)
    return one


@pytest.mark.parametrize(
    ("event", "before", "after"),
    [
        pytest.param(event, before, after, id=f"{event} while {before.name}")
        for event, healths in TRANSITIONS.items()
        for before, after in zip((UP, PROBE, *NO_USE), healths, strict=True)
    ],
)
def test_health_follows_from_what_a_node_does(event: str, before: NodeHealth, after: NodeHealth) -> None:
    assert happens(node(before), event).life.health is after


@pytest.mark.parametrize(
    ("event", "after"), [("pong", UP), ("draining pong", DOWN), ("faulty pong", PARKED), ("silence", DOWN)]
)
def test_a_first_contact_needs_no_trial(event: str, after: NodeHealth) -> None:
    assert happens(unheard(), event).life.health is after


@pytest.mark.parametrize("first", ["silence", "foreign pong"])
def test_a_node_that_lost_nothing_needs_no_trial(first: str) -> None:
    assert happens(unheard(), first, "pong").life.health is UP


@pytest.mark.parametrize("first", ["draining pong", "faulty pong"])
def test_a_node_that_was_found_unfit_needs_a_trial(first: str) -> None:
    assert happens(unheard(), first, "pong").life.health is PROBE


def test_a_broken_call_puts_a_node_in_doubt_until_it_has_answered_a_ping() -> None:
    one = happens(node(), "broken")
    assert not one.has_room(NOW)
    assert one.wants_ping(NOW)
    happens(one, "pong")
    assert one.has_room(NOW)
    assert not one.wants_ping(NOW)


def test_a_ping_from_before_the_call_broke_off_proves_nothing() -> None:
    one = node()
    one.life.on_ping(NOW - 0.001)
    happens(one, "broken")
    one.on_pong(NOW, pong())
    assert not one.has_room(NOW)
    assert one.wants_ping(NOW)


@pytest.mark.parametrize("health", NO_USE, ids=str)
def test_a_node_that_is_lost_anyway_is_not_doubted(health: NodeHealth) -> None:
    assert happens(node(health), "broken").life.doubted_at is None


def test_a_lost_node_is_not_in_doubt_any_more() -> None:
    assert happens(node(), "broken", "silence").life.doubted_at is None


def test_three_broken_calls_in_a_row_put_a_living_node_on_trial() -> None:
    one = happens(node(), *["broken", "pong"] * 2)
    assert one.life.health is UP
    assert happens(one, "broken", "pong").life.health is PROBE
    assert one.has_room(NOW)


@pytest.mark.parametrize("answer", ["done", "refused", "bad image", "crashed", "not found"])
def test_any_answer_ends_the_row_of_broken_calls(answer: str) -> None:
    one = happens(node(), *["broken", "pong"] * 2, answer, *["broken", "pong"] * 2)
    assert one.life.health is UP


def test_a_node_that_answers_pings_and_breaks_calls_off_is_tried_ever_more_rarely() -> None:
    one = happens(node(), *["broken", "pong"] * 3)
    for rest_s in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        happens(one, "broken", "pong")
        assert one.is_usable
        assert not one.has_room(NOW + rest_s - 0.001)
        assert one.has_room(NOW + rest_s)


@pytest.mark.parametrize("loss", ["silence", "pong of another"])
def test_another_process_does_not_rest_from_the_trials_of_the_one_before(loss: str) -> None:
    one = happens(node(), *["broken", "pong"] * 9)
    assert not one.has_room(NOW)
    happens(one, loss, "pong")
    assert one.has_room(NOW)


@pytest.mark.parametrize(
    ("event", "losses"),
    [
        *((event, 1) for event in ("silence", "unreachable", "foreign", "no files", "draining pong")),
        *((event, 0) for event in ("pong", "done", "refused", "crashed", "broken")),
        ("pong of another", 1),
    ],
)
def test_a_loss_is_counted_when_a_node_stops_being_usable_or_is_another_process(
    event: str, losses: int
) -> None:
    assert happens(node(), event).life.losses == losses


@pytest.mark.parametrize("event", ["silence", "unreachable", "pong of another"])
def test_who_is_lost_already_is_not_lost_again(event: str) -> None:
    assert happens(node(DOWN), event).life.losses == 0


@pytest.mark.parametrize("event", ["crashed", "not found"])
def test_a_failed_trial_is_repeated_ever_more_rarely(event: str) -> None:
    one = node(PROBE)
    for longest_s in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        happens(one, event)
        assert one.life.message == "node_1 (10.0.0.1:9091) is parked: it failed its trial: " + (
            "CRASHED: no luck" if event == "crashed" else "NOT_FOUND: no luck"
        )
        assert not one.wants_ping(NOW + longest_s - 0.001)
        assert one.wants_ping(NOW + longest_s)
        happens(one, "pong")


def test_refusals_between_trials_do_not_make_them_more_frequent() -> None:
    one = node(PROBE)
    for _ in range(8):
        happens(one, "refused", "crashed")
        assert one.life.health is PARKED
        happens(one, "pong")
    assert one.life.ping_failures == 8


def test_a_trial_that_succeeds_makes_the_next_loss_count_as_the_first() -> None:
    one = happens(node(PROBE), *["crashed", "pong"] * 6, "done", "silence")
    assert one.wants_ping(NOW + 0.25)


def test_a_parked_node_is_asked_once_a_second_until_its_own_check_passes() -> None:
    one = happens(node(), "no files", "faulty pong")
    assert one.life.message == "node_1 (10.0.0.1:9091) is parked: no space left"
    assert not one.wants_ping(NOW + 0.999)
    assert one.wants_ping(NOW + 1.0)
    assert happens(one, "pong").life.health is PROBE


def test_three_images_in_a_row_that_others_did_park_a_node() -> None:
    one = disproved(happens(node(), "crashed", "crashed", "crashed"), 2)
    assert one.life.health is UP
    disproved(one, 1)
    assert one.life.health is PARKED
    assert one.life.message.endswith("it failed on 3 images in a row that other nodes did")


def test_an_image_done_ends_the_row_of_disproofs() -> None:
    one = disproved(happens(disproved(node(), 2), "done"), 2)
    assert one.life.health is UP


@pytest.mark.parametrize("answer", ["refused", "bad image"])
def test_only_an_image_done_ends_the_row_of_disproofs(answer: str) -> None:
    one = disproved(happens(disproved(node(), 2), answer), 1)
    assert one.life.health is PARKED


def test_who_is_lost_starts_a_new_row_of_disproofs() -> None:
    assert disproved(happens(disproved(node(), 2), "silence", "pong"), 2).life.health is PROBE
