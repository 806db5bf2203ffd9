import pytest

from pixfarm.machine_load.formula import (
    Reading,
    are_cores_full,
    cores_wanted,
    is_outdated,
    probability,
    recent_cores_wanted,
)

CORES = 4


def reading(
    at_s: float,
    *,
    busy: float = 0.0,
    own: float = 0.0,
    runnable: float | None = None,
    own_waiting: float = 0.0,
    elsewhere: float = 0.0,
) -> Reading:
    """Sums after ``at_s`` seconds of so many tasks on the node's cores, and on others."""
    running = busy + elsewhere
    return Reading(
        at_s=at_s,
        cores=CORES,
        busy_s=busy * at_s,
        idle_s=(CORES - busy) * at_s,
        busy_everywhere_s=running * at_s,
        runnable_s=(running if runnable is None else runnable) * at_s,
        own_used_s=own * at_s,
        own_waited_s=own_waiting * at_s,
    )


@pytest.mark.parametrize(
    ("tasks", "wanted"),
    [
        ({}, 0),
        ({"busy": 1.5}, 1.5),
        ({"busy": 1.5, "own": 1.5}, 0),
        ({"busy": 3, "own": 2}, 1),
        ({"busy": 4, "runnable": 4}, 4),
        ({"busy": 4, "runnable": 9}, 9),
        ({"busy": 4, "own": 4, "runnable": 7, "own_waiting": 3}, 0),
        ({"busy": 4, "own": 3, "runnable": 8, "own_waiting": 3}, 2),
        ({"busy": 4, "own": 2, "runnable": 8, "own_waiting": 2}, 4),
        ({"busy": 3, "own": 2, "runnable": 9, "own_waiting": 1}, 1),
        ({"busy": 4, "own": 4, "runnable": 4, "own_waiting": 0.5}, 0),
        ({"busy": 1, "own": 1.1}, 0),
        ({"busy": 1, "elsewhere": 8}, 1),
        ({"busy": 4, "own": 3, "elsewhere": 8, "runnable": 14, "own_waiting": 1}, 2),
    ],
    ids=[
        "a still machine",
        "others alone",
        "the node alone",
        "both, with cores to spare",
        "others on all cores",
        "others wait for each other",
        "the node's tasks wait for each other",
        "others wait for the node's tasks",
        "half of the cores each, and as many wait",
        "what waits with cores to spare got what it wanted",
        "fewer counted than ran",
        "more used than there was, by rounding",
        "work on cores that the node may not use",
        "what waits while cores elsewhere are busy",
    ],
)
def test_others_want_what_they_use_and_wait_for(tasks: dict[str, float], wanted: float) -> None:
    assert cores_wanted(reading(0), reading(5, **tasks)) == pytest.approx(wanted)


@pytest.mark.parametrize(("busy", "are_full"), [(4.0, True), (3.7, True), (3.5, False), (0.0, False)])
def test_cores_with_a_tenth_of_idle_time_are_not_full(busy: float, are_full: bool) -> None:  # noqa: FBT001
    assert are_cores_full(reading(0), reading(5, busy=busy)) == are_full


@pytest.mark.parametrize(
    ("wanted", "available", "p"),
    [
        (0.0, 1.0, 0.0),
        (0.4, 1.0, 0.0),
        (2.2, 1.0, 0.5),
        (4.0, 1.0, 0.95),
        (40.0, 1.0, 0.95),
        (0.0, 0.2, 0.0),
        (0.0, 0.14, 0.4),
        (0.0, 0.05, 0.95),
        (0.0, 0.0, 0.95),
        (2.2, 0.14, 0.5),
        (1.3, 0.14, 0.4),
    ],
    ids=[
        "nothing wanted",
        "a tenth of the cores",
        "half of the rest",
        "all cores",
        "many times the cores",
        "a fifth of the memory left",
        "memory short",
        "memory at its end",
        "no memory at all",
        "cores shorter than memory",
        "memory shorter than cores",
    ],
)
def test_p_follows_what_is_shortest_and_never_reaches_1(wanted: float, available: float, p: float) -> None:
    assert probability(wanted, CORES, available) == pytest.approx(p)


def history(*others: float) -> list[Reading]:
    """A reading at each quarter of a second, with so many cores used by others in it."""
    readings = [reading(0)]
    for number, cores in enumerate(others, start=1):
        busy_s = readings[-1].busy_s + cores / 4
        readings.append(
            Reading(
                at_s=number / 4,
                cores=CORES,
                busy_s=busy_s,
                idle_s=CORES * number / 4 - busy_s,
                busy_everywhere_s=busy_s,
                runnable_s=busy_s,
                own_used_s=0.0,
                own_waited_s=0.0,
            )
        )
    return readings


@pytest.mark.parametrize(
    ("others", "wanted"),
    [
        ([], 0),
        ([3], 3),
        ([0] * 12 + [2] * 2, 1),
        ([0] * 12 + [2] * 4, 2),
        ([2] * 12 + [0] * 4, 2 * 8 / 12),
        ([2] * 12 + [0] * 8, 2 * 4 / 12),
        ([2] * 12 + [0] * 12, 0),
    ],
    ids=["one reading", "two", "rising", "risen after 1 s", "falling", "still falling", "fallen after 3 s"],
)
def test_what_others_want_rises_within_a_second_and_falls_within_three(
    others: list[float], wanted: float
) -> None:
    assert recent_cores_wanted(history(*others)) == pytest.approx(wanted)


def test_a_pause_of_the_whole_node_is_bridged_by_the_readings_around_it() -> None:
    before, after = reading(1, busy=2), reading(61, busy=2)
    assert recent_cores_wanted([before, after]) == pytest.approx(2)


def test_readings_are_kept_for_three_seconds_and_two_at_least() -> None:
    readings = history(*[0.0] * 40)
    while is_outdated(readings):
        readings.pop(0)
    assert [readings[0].at_s, readings[1].at_s, len(readings)] == [7.0, 7.25, 13]
    assert not is_outdated([reading(1), reading(61)])
