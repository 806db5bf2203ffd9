import math
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from pixfarm.model import Strategy
from pixfarm.scheduling.node import NodeState
from pixfarm.scheduling.placement import CHOOSE, choose_cheapest, choose_random
from tests.unit.scheduling.node_states import node

SIGMAS = 5  # a fair generator leaves this band once in 1.7 million seeds


def nodes_of_services(*services_s: float) -> list[NodeState]:
    nodes = [node(number=i) for i in range(len(services_s))]
    for one, service_s in zip(nodes, services_s, strict=True):
        one.service_s = service_s
    return nodes


def is_about(count: int, n: int, p: float) -> bool:
    return abs(count - n * p) <= SIGMAS * math.sqrt(n * p * (1 - p))


def chosen_cheapest(nodes: Sequence[NodeState], n: int) -> Counter[str]:
    rng = random.Random(4)
    return Counter(choose_cheapest(nodes, rng).machine.name for _ in range(n))


def test_random_gives_each_node_the_same_chance_whatever_it_costs() -> None:
    # Each count is binomial and may be off by 5 standard deviations.
    nodes = nodes_of_services(0.001, 0.03, 1.0, 60.0, 0.03)
    rng = random.Random(3)
    n = 5000
    seen = Counter(choose_random(nodes, rng).machine.name for _ in range(n))
    assert len(seen) == 5
    assert all(is_about(count, n, 1 / 5) for count in seen.values())


def test_load_balancing_takes_the_cheapest_node() -> None:
    assert chosen_cheapest(nodes_of_services(0.03, 0.02, 0.05), 50) == {"node_1": 50}


def test_a_fast_node_with_a_queue_may_cost_more_than_a_slow_one_without() -> None:
    fast, slow = nodes_of_services(0.01, 0.03)
    fast.in_flight = 3
    assert choose_cheapest([fast, slow], random.Random(1)) is slow


def test_a_node_that_often_refuses_costs_more() -> None:
    eager, picky = nodes_of_services(0.03, 0.03)
    picky.accept_rate = 0.1
    assert choose_cheapest([picky, eager], random.Random(1)) is eager


def test_nodes_that_cost_the_same_are_told_apart_by_chance() -> None:
    # Each count is binomial and may be off by 5 standard deviations.
    n = 3000
    seen = chosen_cheapest(nodes_of_services(0.03, 0.5, 0.03, 0.03), n)
    assert seen.keys() == {"node_0", "node_2", "node_3"}
    assert all(is_about(count, n, 1 / 3) for count in seen.values())


def test_up_to_16_nodes_are_all_compared() -> None:
    assert chosen_cheapest(nodes_of_services(*range(16, 0, -1)), 50) == {"node_15": 50}


def test_of_more_than_16_nodes_the_better_of_two_is_taken() -> None:
    # Of two different ones of 20, the best is among them in 2/20 of the draws, the worst is never better.
    n = 4000
    seen = chosen_cheapest(nodes_of_services(*range(1, 21)), n)
    assert is_about(seen["node_0"], n, 2 / 20)
    assert len(seen) == 19
    assert "node_19" not in seen


@pytest.mark.parametrize("count", [1, 2, 17])
@pytest.mark.parametrize("strategy", Strategy)
def test_every_strategy_chooses_one_of_the_nodes_it_is_given(strategy: Strategy, count: int) -> None:
    nodes = nodes_of_services(*[0.03] * count)
    assert CHOOSE[strategy](nodes, random.Random(1)) in nodes


@pytest.mark.parametrize("strategy", Strategy)
def test_a_seed_repeats_the_choices(strategy: Strategy) -> None:
    nodes = nodes_of_services(*[0.03] * 20)
    first, second = (
        [CHOOSE[strategy](nodes, rng).machine.name for _ in range(50)]
        for rng in (random.Random(9), random.Random(9))
    )
    assert first == second
