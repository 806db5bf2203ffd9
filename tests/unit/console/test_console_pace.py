import dataclasses

import pytest

from pixfarm.console.pace import Pace, Rate
from pixfarm.model import JobState
from tests.unit.console.samples import NODES, status


def rate_after(*steps: tuple[int, float]) -> Rate:
    rate = Rate()
    for count, at_s in steps:
        rate.update(count, at_s)
    return rate


def pace_at(per_s: float, until_s: int) -> Pace:
    pace = Pace()
    for second in range(1, until_s + 1):
        pace.update(status(done=int(per_s * second), elapsed_s=float(second)))
    return pace


def test_no_rate_is_told_in_the_first_moment() -> None:
    assert rate_after((5, 0.2)).per_s is None


def test_a_steady_rate_is_exact_from_the_start() -> None:
    assert rate_after((10, 1.0)).per_s == pytest.approx(10)
    assert rate_after(*((10 * i, float(i)) for i in range(1, 30))).per_s == pytest.approx(10)


def test_a_changed_rate_is_followed_within_seconds() -> None:
    steps = [(10 * i, float(i)) for i in range(1, 21)]
    steps += [(200 + 50 * i, 20.0 + i) for i in range(1, 16)]
    assert rate_after(*steps).per_s == pytest.approx(50, rel=0.05)


def test_a_rate_falls_while_nothing_happens() -> None:
    assert (rate_after((100, 1.0), (100, 31.0)).per_s or 0) < 1


def test_two_counts_of_one_moment_lose_no_event() -> None:
    assert rate_after((10, 1.0), (20, 1.0), (20, 2.0)).per_s == pytest.approx(10, rel=0.1)


def test_a_clock_that_steps_back_gives_no_negative_rate() -> None:
    assert (rate_after((100, 10.0), (3, 1.0), (13, 2.0)).per_s or -1) > 0


def test_the_eta_is_what_remains_over_the_rate() -> None:
    pace = pace_at(10, 6)
    assert pace.eta_s(status(done=60, elapsed_s=6.0)) == pytest.approx(24)
    assert pace.images_per_s == pytest.approx(10)


def test_failed_images_bring_the_end_nearer_too() -> None:
    pace = Pace()
    now = status(done=10, failed=90, elapsed_s=10.0)
    pace.update(now)
    assert pace.eta_s(now) == pytest.approx(20)
    assert pace.images_per_s == pytest.approx(1)


@pytest.mark.parametrize(
    "changes",
    [
        {"listing_complete": False},
        {"message": "no node answers"},
        {"state": JobState.PAUSED},
        {"state": JobState.FINISHED},
    ],
    ids=["still listing", "waiting", "paused", "ended"],
)
def test_there_is_no_eta_while_it_would_be_a_guess(changes: dict[str, object]) -> None:
    assert pace_at(10, 6).eta_s(status(done=60, elapsed_s=6.0, **changes)) is None


def test_images_passed_over_bring_the_end_nearer_too() -> None:
    pace = Pace()
    now = status(done=10, skipped=90, elapsed_s=10.0)
    pace.update(now)
    assert pace.eta_s(now) == pytest.approx(20)


def test_there_is_no_eta_while_no_image_ends() -> None:
    pace = pace_at(10, 6)
    for second in range(7, 20):
        now = status(done=60, elapsed_s=float(second))
        pace.update(now)
        assert pace.is_stalled == (second > 11)
        assert (pace.eta_s(now) is None) == (second > 11)
    now = status(done=61, elapsed_s=20.0)
    pace.update(now)
    assert pace.eta_s(now) is not None


def test_the_eta_of_slow_images_neither_leaps_nor_vanishes_from_one_to_the_next() -> None:
    pace = Pace()
    for step in range(1, 4000):  # 20 s for each image, asked for five times a second
        now = status(done=step // 100, elapsed_s=step / 5)
        pace.update(now)
        if now.done >= 5:
            eta_s = pace.eta_s(now)
            assert eta_s is not None
            assert 0.75 <= eta_s / (20 * (300 - now.done)) <= 1.25


def test_there_is_no_eta_before_the_first_image() -> None:
    pace = Pace()
    pace.update(status(elapsed_s=3.0))
    assert pace.eta_s(status(elapsed_s=3.0)) is None


def test_there_is_no_eta_beyond_days() -> None:
    pace = Pace()
    pace.update(status(done=1, total=10**9, elapsed_s=3.0))
    assert pace.eta_s(status(done=1, total=10**9, elapsed_s=3.0)) is None


def test_each_node_has_its_own_rate() -> None:
    pace = Pace()
    pace.update(status(nodes=(dataclasses.replace(NODES[0], done=30), NODES[1]), elapsed_s=10.0))
    assert pace.node_images_per_s("node_1") == pytest.approx(3)
    assert pace.node_images_per_s("node_2") == pytest.approx(10)
    assert pace.node_images_per_s("node_9") is None
