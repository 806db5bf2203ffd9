"""What one image has been through, and when to stop trying: by proof or by time, never by few tries."""

from dataclasses import dataclass, field

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.scheduling import policy

# Failures that another node, or another moment, may not have: each is a strike against the image.
_MAY_PASS = frozenset(
    {
        FailureCode.CRASHED,
        FailureCode.TIMED_OUT,
        FailureCode.NO_SPACE,
        FailureCode.IO,
        FailureCode.NOT_FOUND,
        FailureCode.INTERNAL,
    }
)


@dataclass(slots=True)
class Attempts:
    """The history of one image; node names in ``refused_by`` are those of the current sweep."""

    refused_by: set[str] = field(default_factory=set)
    sweeps: int = 0
    refusals_in_a_row: int = 0
    avoid: set[str] = field(default_factory=set)
    strikes: int = 0
    node_faults: int = 0

    def on_refused(self, node: str) -> TaskFailed | None:
        """A node refused; returns why to give up, or None."""
        self.refused_by.add(node)
        self.refusals_in_a_row += 1
        if self.refusals_in_a_row < policy.MAX_REFUSALS_IN_A_ROW:
            return None
        return TaskFailed(
            FailureCode.REFUSED,
            f"refused {self.refusals_in_a_row} times in a row; lower the nodes' load probability",
        )

    def on_sweep_end(self) -> int:
        """All nodes with room have refused; returns how many sweeps ended so before."""
        self.refused_by.clear()
        self.sweeps += 1
        return self.sweeps - 1

    def on_failed(self, node: str, failure: TaskFailed) -> TaskFailed | None:
        """A node took the image and failed; returns why to give up, or None."""
        self.refusals_in_a_row = 0
        self.strikes += 1
        self.avoid.add(node)
        if failure.code not in _MAY_PASS or self.strikes >= policy.MAX_STRIKES:
            return failure
        return None

    def on_node_lost(self, node: str) -> TaskFailed | None:
        """A node was lost with the image; returns why to give up, or None."""
        self.refusals_in_a_row = 0
        self.node_faults += 1
        self.avoid.add(node)
        if self.node_faults < policy.MAX_NODE_FAULTS:
            return None
        return TaskFailed(FailureCode.NODE_LOST, f"{self.node_faults} nodes were lost while they had it")
