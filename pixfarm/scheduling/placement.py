"""The two strategies: which of the nodes that have room gets an image."""

import random
from collections.abc import Callable, Sequence

from pixfarm.model import Strategy
from pixfarm.scheduling import policy
from pixfarm.scheduling.node import NodeState


def choose_random(nodes: Sequence[NodeState], rng: random.Random) -> NodeState:
    """Any of the nodes, each with the same chance."""
    return rng.choice(nodes)


def choose_cheapest(nodes: Sequence[NodeState], rng: random.Random) -> NodeState:
    """The node that is likely to be done first, by measured service time, queue and refusals.

    Among many nodes the better of two random ones (Mitzenmacher 2001): nearly as good, and images that
    are placed at the same moment do not all rush to the same node.
    """
    if len(nodes) > policy.TWO_CHOICES_ABOVE:
        nodes = rng.sample(nodes, 2)
    cheapest = min(node.cost_s for node in nodes)
    return rng.choice([node for node in nodes if node.cost_s == cheapest])


CHOOSE: dict[Strategy, Callable[[Sequence[NodeState], random.Random], NodeState]] = {
    Strategy.RANDOM: choose_random,
    Strategy.LOAD_BALANCING: choose_cheapest,
}
