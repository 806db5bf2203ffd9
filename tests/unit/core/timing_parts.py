"""Summaries of jobs whose nodes tell their times."""

import dataclasses

from pixfarm.model import JobSummary, NodeCounts
from pixfarm.phases import Phases
from pixfarm.recipe import Recipe
from tests.unit.core.farm_parts import summary

EVEN = Phases(
    waiting=0.02, sending=0.01, reading=0.01, decoding=0.02, operations=(0.02,), encoding=0.03, writing=0.01
)


def node(name: str = "node_1", images: int = 100, phases: Phases = EVEN, **changed: float) -> NodeCounts:
    """A node whose images took so many seconds each."""
    per_image = dataclasses.replace(phases, **changed)  # type: ignore[arg-type]
    times = {
        field.name: getattr(per_image, field.name) * images
        for field in dataclasses.fields(Phases)
        if field.name != "operations"
    }
    operations = tuple(seconds * images for seconds in per_image.operations)
    return NodeCounts(name, images, 0, 0, 0.0, Phases(**times, operations=operations))


def job(*nodes: NodeCounts, pipeline: str = "edges") -> JobSummary:
    return dataclasses.replace(summary(), nodes=nodes, recipe=Recipe(pipeline))
