"""What all jobs of a server share."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from pixfarm.calls import Send
from pixfarm.fleet import Fleet
from pixfarm.journal import Journal
from pixfarm.model import Machine
from pixfarm.name_lists import NameLists
from pixfarm.slots import Slots
from pixfarm.trace import Trace


@dataclass(frozen=True, slots=True)
class Farm:
    """What all jobs of a server share.

    Args:
        fleet: the nodes.
        slots: bounds the image threads.
        send: has one image done by a node; raises what wire.NodeCaller.call raises.
        lives: whether the node of a broken call lives, as Watch.lives.
        journal: what came of images.
        lists: the names that some jobs are about.
        trace: every decision.
        rng: source of chance.
    """

    fleet: Fleet
    slots: Slots
    send: Send
    lives: Callable[[Machine, int], bool]
    journal: Journal
    lists: NameLists
    trace: Trace
    rng: random.Random
