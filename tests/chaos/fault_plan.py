"""A plan of faults: which, when and against whom, all of it drawn from one seed."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Target(StrEnum):
    """What a fault hits."""

    NODE = "node"
    LINK = "link"
    SERVER = "server"
    CLIENT = "client"
    SOURCE = "source"


class Kind(StrEnum):
    """The faults, by the names that the summary uses."""

    NODE_KILL = "kill -9 node"
    NODE_RESTART = "restart node"
    NODE_FREEZE = "freeze node"
    NODE_FREEZE_LONG = "freeze node, long"
    WORKER_KILL = "kill -9 worker"
    WORKER_FREEZE = "freeze worker"
    SERVER_KILL = "kill -9 server"
    SERVER_FREEZE = "freeze server"
    SERVER_FREEZE_LONG = "freeze server, long"
    CLIENT_KILL = "kill -9 client"
    REFUSED = "refused"
    RESET = "reset"
    CLOSED = "closed"
    SILENCE = "silence"
    SILENCE_LONG = "silence, long"
    DRIP = "drip"
    CUT_REQUEST = "request cut"
    CUT_REPLY = "reply cut"
    DUPLICATE = "duplicate reply"
    STALE = "stale reply"
    GARBAGE = "garbage"
    SOURCE_REPLACED = "source replaced"
    SOURCE_DELETED = "source deleted"
    SOURCE_DAMAGED = "source damaged"


@dataclass(frozen=True)
class Traits:
    """How often a kind is drawn, against what, and how long it lasts (seconds).

    ``is_foreign``: the server takes the node for none of its own and leaves it alone for 10 s, so these
    come one after the other and not to all nodes at once.
    """

    target: Target
    weight: int
    seconds: tuple[float, float] = (0.0, 0.0)
    is_foreign: bool = False


TRAITS = {
    Kind.NODE_KILL: Traits(Target.NODE, 10, (0.0, 1.0)),
    Kind.NODE_RESTART: Traits(Target.NODE, 5),
    Kind.NODE_FREEZE: Traits(Target.NODE, 6, (0.05, 0.8)),
    Kind.NODE_FREEZE_LONG: Traits(Target.NODE, 2, (4.0, 6.0)),
    Kind.WORKER_KILL: Traits(Target.NODE, 10),
    Kind.WORKER_FREEZE: Traits(Target.NODE, 3, (0.5, 2.0)),
    Kind.SERVER_KILL: Traits(Target.SERVER, 5),
    Kind.SERVER_FREEZE: Traits(Target.SERVER, 3, (0.05, 1.0)),
    Kind.SERVER_FREEZE_LONG: Traits(Target.SERVER, 1, (3.0, 5.0)),
    Kind.CLIENT_KILL: Traits(Target.CLIENT, 3),
    Kind.REFUSED: Traits(Target.LINK, 5, (0.1, 1.0)),
    Kind.RESET: Traits(Target.LINK, 6),
    Kind.CLOSED: Traits(Target.LINK, 4),
    Kind.SILENCE: Traits(Target.LINK, 4, (0.1, 0.9)),
    Kind.SILENCE_LONG: Traits(Target.LINK, 2, (4.0, 6.0)),
    Kind.DRIP: Traits(Target.LINK, 4, (0.3, 2.0)),
    Kind.CUT_REQUEST: Traits(Target.LINK, 5),
    Kind.CUT_REPLY: Traits(Target.LINK, 5),
    Kind.DUPLICATE: Traits(Target.LINK, 4),
    Kind.STALE: Traits(Target.LINK, 2, is_foreign=True),
    Kind.GARBAGE: Traits(Target.LINK, 2, is_foreign=True),
    Kind.SOURCE_REPLACED: Traits(Target.SOURCE, 3),
    Kind.SOURCE_DELETED: Traits(Target.SOURCE, 3),
    Kind.SOURCE_DAMAGED: Traits(Target.SOURCE, 3),
}

# What was harmed must be at work again before the next fault, or that one hits nothing.
_REST_S = {Target.NODE: 1.5, Target.LINK: 0.5, Target.SERVER: 3.0, Target.CLIENT: 1.0}
_FOREIGN_REST_S = 10.0
_MAX_NUMBER = 1 << 16


@dataclass(frozen=True)
class Fault:
    """One fault.

    Args:
        at_s: seconds after the start of the plan.
        kind: what happens.
        target: a node's name, or "server", "client", "source".
        seconds: how long it lasts, for kinds that last.
        number: chance for what else is to be chosen: a worker, a byte, a source.
    """

    at_s: float
    kind: Kind
    target: str
    seconds: float
    number: int


def plan(
    seed: int, faults: int, nodes: Sequence[str], per_s: float, kinds: Collection[Kind] = tuple(Kind)
) -> list[Fault]:
    """A plan of that many faults, in order of time.

    Args:
        seed: the same seed gives the same plan.
        faults: how many.
        nodes: names of the nodes.
        per_s: how many in a second, on average.
        kinds: to draw from, each by its weight.
    """
    rng = random.Random(seed)
    deck: list[Kind] = []
    free_at: dict[str, float] = {}
    drawn = []
    at_s = 0.0
    for _ in range(faults):
        if not deck:
            deck = [kind for kind in TRAITS if kind in kinds for _ in range(TRAITS[kind].weight)]
            rng.shuffle(deck)
        kind = deck.pop()
        traits = TRAITS[kind]
        at_s += min(rng.expovariate(per_s), 4 / per_s)
        names = list(nodes) if traits.target in {Target.NODE, Target.LINK} else [str(traits.target)]
        rng.shuffle(names)
        target = min(names, key=lambda name: max(free_at.get(name, 0.0), at_s))
        seconds = rng.uniform(*traits.seconds)
        starts_s = max(at_s, free_at.get(target, 0.0))
        if traits.is_foreign:
            starts_s = max(starts_s, free_at.get("foreign", 0.0))
            free_at["foreign"] = starts_s + _FOREIGN_REST_S
        if traits.target is not Target.SOURCE:
            free_at[target] = starts_s + seconds + _REST_S[traits.target]
        drawn.append(Fault(starts_s, kind, target, seconds, rng.randrange(_MAX_NUMBER)))
    return sorted(drawn, key=lambda fault: fault.at_s)
