"""What one image has been through, and when to stop trying: by proof or by time, never by few tries."""

from dataclasses import dataclass, field

from pixfarm.errors import FailureCode, RejectReason, TaskFailed
from pixfarm.scheduling import policy
from pixfarm.scheduling.blame import Blame, blame_of


@dataclass(slots=True)
class Attempts:
    """The history of one image of a base path.

    ``refused_by`` are the nodes of the current sweep, ``avoid`` those that failed it or were lost with it,
    ``struck_by`` those that gave it a strike or have not the memory or code for it, ``failed_on`` those that
    took it and blamed it: who does it after all disproves them. ``missed_at`` is when each node last did not
    find its file, ``missing`` how often that was so, first looks of further nodes not counted: they need not
    be waited with. ``first_lack`` is what the first node said that had not the memory or code for it,
    ``lacking_since`` when no node was left that has the code.
    """

    base_path: str = ""
    refused_by: set[str] = field(default_factory=set)
    sweeps: int = 0
    refusals: int = 0
    refusals_in_a_row: int = 0
    taken: int = 0
    avoid: set[str] = field(default_factory=set)
    struck_by: set[str] = field(default_factory=set)
    failed_on: set[str] = field(default_factory=set)
    strikes: int = 0
    timeouts: int = 0
    node_faults: int = 0
    missing: int = 0
    missing_since: float = 0.0
    missed_at: dict[str, float] = field(default_factory=dict)
    first_lack: str = ""
    lacking_since: float | None = None

    def on_refused(self, node: str, reason: RejectReason) -> TaskFailed | None:
        """A node refused; returns why to give up, or None."""
        self.refused_by.add(node)
        self.refusals += 1
        if reason is RejectReason.LOAD:  # a node that is full or leaving proves nothing
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

    def on_failed(
        self, node: str, failure: TaskFailed, now: float, *, is_credible: bool = True
    ) -> TaskFailed | None:
        """A node took the image and failed; returns why to give up, or None.

        Args:
            node: who failed.
            failure: how.
            now: the time.
            is_credible: False for a node that fails every image: then that is no strike.
        """
        blame = blame_of(failure.code)
        self._on_taken(node)
        if blame in {Blame.NODE, Blame.FOLDER}:
            return self._on_node_fault(failure)
        if blame in {Blame.CAPACITY, Blame.CODE}:
            return self._on_lack(node, failure)
        if blame is Blame.STORAGE:
            return self._on_missing(node, failure, now)
        if blame is Blame.STRIKE:
            self.failed_on.add(node)
            if not is_credible:
                return self._on_node_fault(failure)
        self.timeouts += failure.code is FailureCode.TIMED_OUT
        is_last = self._on_strike(node)
        return failure if blame is Blame.IMAGE or is_last else None

    def on_broken_call(self, node: str, message: str, *, is_suspect: bool) -> TaskFailed | None:
        """A call broke off; returns why to give up, or None.

        A connection that was cut blames nobody: two of them may well meet the same image. Only a node that
        lives, and keeps its connection, and does not come to an end with the image, speaks against that.

        Args:
            node: whom it was sent to.
            message: how it broke off.
            is_suspect: whether the time was up, and the node answered a ping afterwards.
        """
        self._on_taken(node)
        if not is_suspect:
            return self.on_node_fault(node, message)
        is_last = self._on_strike(node)
        # Its worker had its time and the node did not end it: another time limit would be as long.
        failure = TaskFailed(FailureCode.CRASHED, f"{self.strikes} calls broke off, the last one: {message}")
        return failure if is_last else None

    def on_node_fault(self, node: str, message: str) -> TaskFailed | None:
        """A node was lost with the image, or is none of ours; returns why to give up, or None."""
        self.avoid.add(node)
        lost = f"lost with {self.node_faults + 1} nodes, at last: {message}"
        return self._on_node_fault(TaskFailed(FailureCode.NODE_LOST, lost))

    def _on_node_fault(self, failure: TaskFailed) -> TaskFailed | None:
        self.node_faults += 1
        return failure if self.node_faults >= policy.MAX_NODE_FAULTS else None

    def _on_lack(self, node: str, failure: TaskFailed) -> TaskFailed | None:
        self.first_lack = self.first_lack or f"{node}: {failure.message}"
        if node in self.struck_by:
            return failure  # asked again: no other node is left
        if blame_of(failure.code) is Blame.CAPACITY:  # that other nodes have the code disproves nothing
            self.failed_on.add(node)
        self.struck_by.add(node)
        return self._on_node_fault(failure)

    def _on_missing(self, node: str, failure: TaskFailed, now: float) -> TaskFailed | None:
        self.failed_on.add(node)
        if not self.missed_at:
            self.missing_since = now
        # Some nodes are slow: whoever looks for the first time does so before others look again.
        has_looked_before = node in self.missed_at
        self.missed_at[node] = now
        if len(self.missed_at) == 1 or has_looked_before:
            self.missing += 1
        return failure if has_looked_before and now - self.missing_since >= policy.LAG_S else None

    def _on_strike(self, node: str) -> bool:
        self.struck_by.add(node)
        self.strikes += 1
        return self.strikes >= policy.MAX_STRIKES

    def _on_taken(self, node: str) -> None:
        self.refusals_in_a_row = 0
        self.taken += 1
        self.avoid.add(node)
