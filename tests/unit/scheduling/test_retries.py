import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixfarm.scheduling.retries import RetryTokens

NOW = 1000.0
SEEDED = settings(derandomize=True, max_examples=25, database=None, deadline=None)


def taken_at_once(tokens: RetryTokens, now: float = NOW, nodes_up: int = 1) -> int:
    """How many retries may happen at one moment."""
    count = 0
    while tokens.take(now, nodes_up) == 0.0:
        count += 1
    return count


def test_ten_retries_may_happen_at_once_at_first() -> None:
    assert taken_at_once(RetryTokens(NOW)) == 10


@pytest.mark.parametrize(("successes", "retries"), [(4, 10), (6, 11), (51, 20), (449, 99), (5000, 100)])
def test_a_fifth_of_a_retry_is_earned_by_each_success_up_to_a_hundred(successes: int, retries: int) -> None:
    tokens = RetryTokens(NOW)
    for _ in range(successes):
        tokens.on_success()
    assert taken_at_once(tokens) == retries


@pytest.mark.parametrize(("seconds", "nodes_up", "retries"), [(1.0, 1, 1), (1.0, 3, 3), (1000.0, 3, 100)])
def test_every_usable_node_gives_a_retry_a_second(seconds: float, nodes_up: int, retries: int) -> None:
    tokens = RetryTokens(NOW)
    taken_at_once(tokens)
    assert taken_at_once(tokens, NOW + seconds, nodes_up) == retries


@pytest.mark.parametrize("nodes_up", [0, 1, 4])
def test_an_empty_bucket_says_how_long_to_wait(nodes_up: int) -> None:
    tokens = RetryTokens(NOW)
    taken_at_once(tokens, nodes_up=nodes_up)
    wait_s = tokens.take(NOW, nodes_up)
    assert wait_s == pytest.approx(1.0 / max(1, nodes_up))
    assert tokens.take(NOW + wait_s - 0.01, nodes_up) > 0.0
    assert tokens.take(NOW + wait_s + 1e-6, nodes_up) == 0.0


def test_a_clock_that_stands_still_gives_nothing() -> None:
    tokens = RetryTokens(NOW)
    taken_at_once(tokens)
    assert tokens.take(NOW - 60.0, 4) > 0.0


@SEEDED
@given(
    steps=st.lists(st.tuples(st.sampled_from([0.0, 0.1, 2.0, 50.0]), st.integers(0, 30)), max_size=12),
    nodes_up=st.integers(1, 5),
)
def test_retries_never_exceed_what_was_there_and_what_was_earned(
    steps: list[tuple[float, int]], nodes_up: int
) -> None:
    tokens = RetryTokens(NOW)
    now, earned, taken = NOW, 10.0, 0
    for seconds, successes in steps:
        now += seconds
        for _ in range(successes):
            tokens.on_success()
        earned += seconds * nodes_up + 0.2 * successes
        at_once = taken_at_once(tokens, now, nodes_up)
        taken += at_once
        assert at_once <= 100
        assert taken <= earned + 1e-6
