"""Rosters of nodes that were just heard of."""

import random
from collections import Counter

from pixfarm.model import Machine, NodeStatus, Strategy
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.node import NodeState
from pixfarm.scheduling.roster import Roster
from tests.unit.scheduling.node_states import NOW, machine

BALANCED, RANDOM = Strategy.LOAD_BALANCING, Strategy.RANDOM


def status(of: Machine, p: float, workers: int) -> NodeStatus:
    return NodeStatus(name=of.name, host=of.host, port=of.port, load_probability=p, workers=workers)


def roster_of(*probabilities: float, workers: int = 1) -> Roster:
    """Nodes 1, 2 ... that have just told their load probability."""
    machines = [machine(i) for i, _ in enumerate(probabilities, 1)]
    roster = Roster(machines, random.Random(1), 30.0, NOW)
    for node, p in zip(roster.nodes, probabilities, strict=True):
        node.on_pong(NOW, status(node.machine, p, workers))
    return roster


def reserve(
    roster: Roster, attempts: Attempts | None = None, strategy: Strategy = BALANCED, now: float = NOW
) -> str | None:
    node = roster.reserve(strategy, attempts or Attempts(), NOW, now)
    return None if node is None else node.name


def nodes_of(roster: Roster) -> dict[str, NodeState]:
    return {node.name: node for node in roster.nodes}


def all_reserved(roster: Roster, attempts: Attempts | None = None) -> Counter[str]:
    """Who gets how many images until there is no place left."""
    places: Counter[str] = Counter()
    while (name := reserve(roster, attempts)) is not None:
        places[name] += 1
    return places
