import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixfarm.scheduling.backoff import lag_pause_s, ping_ceiling_s, ping_pause_s, sweep_pause_s

SEEDED = settings(derandomize=True, max_examples=25, database=None, deadline=None)


class Extreme(random.Random):
    """Chance that always falls on the same side."""

    def __init__(self, side: float) -> None:
        super().__init__(1)
        self._side = side

    def random(self) -> float:
        return self._side


@SEEDED
@given(sweep=st.integers(0, 10**9), seed=st.integers(0, 2**32))
def test_a_sweep_pause_is_never_longer_than_50_ms(sweep: int, seed: int) -> None:
    assert 0.0 <= sweep_pause_s(sweep, random.Random(seed)) <= 0.05


@SEEDED
@given(failures=st.integers(0, 10**9), seed=st.integers(0, 2**32))
def test_a_ping_pause_is_never_longer_than_10_s(failures: int, seed: int) -> None:
    assert 0.125 <= ping_pause_s(failures, random.Random(seed)) <= 10.0


@pytest.mark.parametrize(
    ("sweep", "longest_s"), [(0, 0.002), (1, 0.004), (4, 0.032), (5, 0.05), (1000, 0.05)]
)
def test_a_sweep_pause_is_anything_up_to_twice_the_one_before(sweep: int, longest_s: float) -> None:
    assert sweep_pause_s(sweep, Extreme(0.0)) == 0.0
    assert sweep_pause_s(sweep, Extreme(1.0)) == pytest.approx(longest_s)


@pytest.mark.parametrize(("failures", "longest_s"), [(0, 0.25), (1, 0.5), (5, 8.0), (6, 10.0), (1000, 10.0)])
def test_a_ping_pause_is_at_least_half_of_its_longest(failures: int, longest_s: float) -> None:
    assert ping_pause_s(failures, Extreme(0.0)) == pytest.approx(longest_s / 2)
    assert ping_pause_s(failures, Extreme(1.0)) == pytest.approx(longest_s)


def test_those_who_wait_do_not_wait_in_step() -> None:
    rng = random.Random(1)
    assert len({sweep_pause_s(3, rng) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("missing", "pause_s"), [(1, 0.0), (2, 0.05), (3, 0.1), (6, 0.8), (7, 1.0), (10**9, 1.0)]
)
def test_a_file_that_was_not_found_is_looked_for_elsewhere_at_once_and_then_ever_more_rarely(
    missing: int, pause_s: float
) -> None:
    assert lag_pause_s(missing) == pytest.approx(pause_s)


@pytest.mark.parametrize(("failures", "longest_s"), [(0, 0.25), (1, 0.5), (5, 8.0), (6, 10.0), (10**9, 10.0)])
def test_the_longest_ping_pause_doubles_up_to_10_s(failures: int, longest_s: float) -> None:
    assert ping_ceiling_s(failures) == longest_s
