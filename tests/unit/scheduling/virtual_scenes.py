"""Ready-made virtual farms."""

import random

from pixfarm.errors import FailureCode
from pixfarm.model import Machine, Strategy
from tests.unit.scheduling.virtual_farm import VirtualFarm
from tests.unit.scheduling.virtual_nodes import Image, Manner, VirtualNode


def machine(number: int) -> Machine:
    return Machine(f"node_{number}", "10.0.0.1", 9091 + number)


def virtual_nodes(*probabilities: float, seed: int = 1, workers: int = 1) -> list[VirtualNode]:
    """Honest nodes 0, 1 ... that take about 5 ms per image."""
    return [
        VirtualNode(machine(i), random.Random(seed + i), p=p, workers=workers)
        for i, p in enumerate(probabilities)
    ]


def busy_farm(nodes: list[VirtualNode], strategy: Strategy, images: int) -> VirtualFarm:
    """A farm with that many images to do."""
    farm = VirtualFarm(nodes, strategy, seed=1)
    for i in range(images):
        farm.submit(Image(f"{i}.jpg"))
    return farm


def share_of_a_bad_node(strategy: Strategy, ill: FailureCode | Manner, p: float, seconds: float) -> float:
    """The share of calls that go to a node beside three honest ones, after the first second.

    Args:
        strategy: of the job.
        ill: the failure it answers to every image, or what else it does.
        p: its load probability.
        seconds: how long to look.
    """
    nodes = virtual_nodes(0.0, 0.0, 0.0, p)
    nodes[3].delay_s = 0.0  # it fails at once, busy or not
    if isinstance(ill, FailureCode):
        nodes[3].fails = ill
    else:
        nodes[3].manner = ill
    farm = busy_farm(nodes, strategy, images=int(700 * (seconds + 1.0)))
    farm.run_for(seconds + 1.0)
    assert not farm.is_over, "there were too few images to tell"
    assert {image.end for image in farm.images} <= {"", "done"}, "it cost images"
    late = [name for at, name in farm.judge.placed if at >= farm.began_at + 1.0]
    return late.count("node_3") / len(late)
