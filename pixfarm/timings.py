"""Where the time of a job's images went: a row for each node, a column for each phase."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pixfarm.model import JobSummary
from pixfarm.phases import NO_TIME, Phases
from pixfarm.pipeline_text import BadPipeline, take_apart
from pixfarm.recipe import Recipe

WAITING: Final = "waiting"
SENDING: Final = "sending"
READING: Final = "reading"
DECODING: Final = "decoding"
OPERATIONS: Final = "operations"
ENCODING: Final = "encoding"
WRITING: Final = "writing"
_BEFORE: Final = (WAITING, SENDING, READING, DECODING)
_BEHIND: Final = (ENCODING, WRITING)


@dataclass(frozen=True, slots=True)
class NodeTimes:
    """Of one node: how many images it did, and the seconds of all of them in each phase."""

    name: str
    images: int
    seconds: dict[str, float]

    @property
    def at_work_s(self) -> float:
        """Seconds in all phases but waiting: while an image waits, the node does others."""
        return sum(self.seconds.values()) - self.seconds[WAITING]

    def per_image_s(self, phase: str) -> float:
        """The mean of a phase."""
        return self.seconds[phase] / max(1, self.images)


@dataclass(frozen=True, slots=True)
class Timings:
    """The times of a job's nodes.

    Args:
        phases: their names, in the order in which images pass them.
        operations: those of them that are operations of the pipeline.
        nodes: those that tell their times.
    """

    phases: tuple[str, ...]
    operations: tuple[str, ...]
    nodes: tuple[NodeTimes, ...]

    @property
    def all(self) -> NodeTimes:
        """What the nodes did together."""
        seconds = {phase: sum(node.seconds[phase] for node in self.nodes) for phase in self.phases}
        return NodeTimes("all", sum(node.images for node in self.nodes), seconds)

    def percent(self, *phases: str) -> int:
        """What those phases take of the time without waiting: 0 to 100."""
        everything = self.all
        at_work_s = everything.at_work_s
        return round(100 * sum(everything.seconds[phase] for phase in phases) / at_work_s) if at_work_s else 0

    def joined(self) -> "Timings":
        """The same with all operations as one phase."""
        if len(self.operations) <= 1:
            return self
        nodes = tuple(NodeTimes(node.name, node.images, self._joined(node.seconds)) for node in self.nodes)
        return Timings((*_BEFORE, OPERATIONS, *_BEHIND), (OPERATIONS,), nodes)

    def _joined(self, seconds: dict[str, float]) -> dict[str, float]:
        kept = {phase: seconds[phase] for phase in (*_BEFORE, *_BEHIND)}
        return kept | {OPERATIONS: sum(seconds[phase] for phase in self.operations)}


def timings_of(summary: JobSummary) -> Timings | None:
    """The times of a job; None when no node tells them, as older ones do not."""
    known = [node for node in summary.nodes if node.done and node.phases != NO_TIME]
    if not known:
        return None
    operations = _names(summary.recipe, max(len(node.phases.operations) for node in known))
    nodes = (NodeTimes(node.name, node.done, _seconds(node.phases, operations)) for node in known)
    return Timings((*_BEFORE, *operations, *_BEHIND), operations, tuple(nodes))


def _names(recipe: Recipe, count: int) -> tuple[str, ...]:
    """Names for so many operations: those of the pipeline, or numbers where it has other ones."""
    try:
        names = [step.name for step in take_apart(recipe.pipeline)]
    except BadPipeline:  # of a newer server
        names = []
    if len(names) != count:
        names = ["operation"] * count
    times = Counter(names)
    return tuple(
        name if times[name] == 1 else f"{name} {names[: at + 1].count(name)}" for at, name in enumerate(names)
    )


def _seconds(phases: Phases, operations: Sequence[str]) -> dict[str, float]:
    times = [*phases.operations, *[0.0] * (len(operations) - len(phases.operations))]
    return {
        WAITING: phases.waiting,
        SENDING: phases.sending,
        READING: phases.reading,
        DECODING: phases.decoding,
        **dict(zip(operations, times, strict=True)),
        ENCODING: phases.encoding,
        WRITING: phases.writing,
    }
