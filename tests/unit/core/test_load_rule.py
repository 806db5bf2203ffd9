import math
import random

import pytest

from pixfarm.errors import RejectReason, TaskRejected
from pixfarm.load import LoadRule, fixed

N = 20_000
SIGMAS = 5  # a fair generator leaves this band once in 1.7 million seeds


def refuses(rule: LoadRule) -> bool:
    try:
        rule.refuse_if_busy()
    except TaskRejected:
        return True
    return False


def is_about(count: int, n: int, p: float) -> bool:
    return abs(count - n * p) <= SIGMAS * math.sqrt(n * p * (1 - p))


def test_without_load_nothing_is_refused_or_delayed() -> None:
    slept: list[float] = []
    rule = LoadRule(fixed(0.0), 3.0, random.Random(1), slept.append)
    refused = [refuses(rule) for _ in range(1000)]
    for _ in range(1000):
        rule.delay_if_busy()
    assert (any(refused), slept) == (False, [])


def test_without_load_not_even_the_lowest_draw_is_busy() -> None:
    class Lowest(random.Random):
        def random(self) -> float:
            return 0.0

    assert not refuses(LoadRule(fixed(0.0), 3.0, Lowest(), lambda _s: None))


def test_with_full_load_everything_is_refused() -> None:
    rule = LoadRule(fixed(1.0), 3.0, random.Random(1), lambda _s: None)
    assert all(refuses(rule) for _ in range(1000))


def test_with_full_load_everything_that_cannot_be_refused_is_delayed() -> None:
    slept: list[float] = []
    rule = LoadRule(fixed(1.0), 2.5, random.Random(1), slept.append)
    for _ in range(1000):
        rule.delay_if_busy()
    assert slept == [2.5] * 1000


def test_a_refusal_tells_the_load_and_may_be_asked_again_at_once() -> None:
    with pytest.raises(TaskRejected) as caught:
        LoadRule(fixed(1.0), 3.0, random.Random(1), lambda _s: None).refuse_if_busy()
    assert (caught.value.reason, caught.value.load_probability, caught.value.retry_after_s) == (
        RejectReason.LOAD,
        1.0,
        0.0,
    )


@pytest.mark.parametrize("p", [0.3, 0.5, 0.9])
def test_execute_refuses_with_p_and_delays_with_p_what_it_took(p: float) -> None:
    # Both counts are binomial; each may be off by 5 standard deviations.
    slept: list[float] = []
    rule = LoadRule(fixed(p), 3.0, random.Random(20), slept.append)
    taken = 0
    for _ in range(N):
        if not refuses(rule):
            taken += 1
            rule.delay_if_busy()
    assert is_about(N - taken, N, p)
    assert is_about(len(slept), taken, p)


@pytest.mark.parametrize("p", [0.3, 0.5, 0.9])
def test_the_delay_does_not_depend_on_the_draw_for_the_refusal(p: float) -> None:
    # If independent, refused and delayed comes with p * p, refused only with p * (1 - p), and so on; each
    # count is binomial and may be off by 5 standard deviations.
    slept: list[float] = []
    rule = LoadRule(fixed(p), 3.0, random.Random(21), slept.append)
    seen = {(refused, delayed): 0 for refused in (True, False) for delayed in (True, False)}
    for _ in range(N):
        refused = refuses(rule)
        rule.delay_if_busy()
        seen[refused, bool(slept)] += 1
        slept.clear()
    chance = {True: p, False: 1 - p}
    assert all(is_about(count, N, chance[pair[0]] * chance[pair[1]]) for pair, count in seen.items())


def test_a_seed_repeats_the_draws() -> None:
    first, second = (LoadRule(fixed(0.5), 3.0, random.Random(7), lambda _s: None) for _ in range(2))
    assert [refuses(first) for _ in range(200)] == [refuses(second) for _ in range(200)]


def test_each_draw_uses_the_p_of_its_moment() -> None:
    slept: list[float] = []
    probabilities = iter([0.0, 1.0, 0.0, 1.0])
    rule = LoadRule(lambda: next(probabilities), 3.0, random.Random(1), slept.append)
    assert [refuses(rule), refuses(rule)] == [False, True]
    rule.delay_if_busy()
    assert slept == []
    rule.delay_if_busy()
    assert slept == [3.0]


def test_a_refusal_tells_the_p_that_it_was_drawn_with() -> None:
    probabilities = iter([1.0, 0.25])
    with pytest.raises(TaskRejected) as caught:
        LoadRule(lambda: next(probabilities), 3.0, random.Random(1), lambda _s: None).refuse_if_busy()
    assert caught.value.load_probability == 1.0


@pytest.mark.parametrize("p", [0.0, 0.25, 1.0])
def test_a_fixed_load_stays(p: float) -> None:
    probability = fixed(p)
    assert [probability(), probability()] == [p, p]


@pytest.mark.parametrize("p", [-0.001, 1.001, math.nan, math.inf, -math.inf])
def test_a_load_that_is_no_probability_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=r"is not in \[0, 1\]"):
        fixed(p)
