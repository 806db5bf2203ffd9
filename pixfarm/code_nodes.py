"""Which nodes carry out functions of people's own, as far as the server knows."""

import time
from collections.abc import Callable, Iterable

from pixfarm.errors import FailureCode, GaveUp, InvalidRequest, TaskFailed
from pixfarm.model import JobSpec, NodeHealth, NodeStatus
from pixfarm.recipe import Recipe

_ASK_AGAIN_S = 10.0
_PAUSE_S = 0.25
_USABLE = (NodeHealth.UP, NodeHealth.PROBE)


def without_code(nodes: Iterable[NodeStatus]) -> set[str]:
    """The names of those that are known to carry out none."""
    return {node.name for node in nodes if node.load_probability is not None and not node.runs_code}


def refuse_without_code(recipe: Recipe, nodes: Iterable[NodeStatus]) -> None:
    """Does nothing while it may be that a node can carry out the recipe.

    Raises:
        InvalidRequest: some are up, and none of them carries out functions of people's own.
    """
    if not recipe.has_own_functions:
        return
    up = [node for node in nodes if node.health is NodeHealth.UP]
    if up and len(without_code(up)) == len(up):
        raise InvalidRequest(
            f"no node runs functions of people's own, as in {recipe}; start computenode.py with --code DIR"
        )


class CodeNodes:
    """The nodes that lack the functions of one job; its methods may be called from any thread.

    That is no fault of theirs: other jobs use them as before.

    Args:
        spec: the job.
        snapshot: all nodes, as the server knows them.
    """

    def __init__(self, spec: JobSpec, snapshot: Callable[[], list[NodeStatus]]) -> None:
        self._spec = spec
        self._snapshot = snapshot
        self._failed: dict[str, float] = {}  # when

    def lacking(self) -> set[str]:
        """Their names: images go there only when no other node is left."""
        if not self._spec.recipe.has_own_functions:
            return set()
        now = time.monotonic()
        failed = {node for node, at in self._failed.copy().items() if now - at < _ASK_AGAIN_S}
        return without_code(self._snapshot()) | failed  # what one lacked may have been mended

    def come_back(self, is_in_time: Callable[[], bool], rest: Callable[[float], None]) -> bool:
        """Whether a node that has them, and was lost or stops, is there again; waits for that.

        Args:
            is_in_time: whether to go on waiting.
            rest: waits that many seconds.
        """
        while self._are_away() is not None and is_in_time():
            rest(_PAUSE_S)
            if self._are_away() is False:
                return True
        return False

    def _are_away(self) -> bool | None:
        """Whether all nodes that have them are lost, or stop; None when there is no such node."""
        lacking = self.lacking()
        having = [node for node in self._snapshot() if node.runs_code and node.name not in lacking]
        return all(node.health not in _USABLE or node.draining for node in having) if having else None

    def note(self, node: str, failure: TaskFailed) -> None:
        """A node has failed an image."""
        if failure.code is FailureCode.NO_CODE:
            self._failed[node] = time.monotonic()

    def refusal(self, lack: str) -> GaveUp:
        """Why the job stops when all nodes lack its functions: every other image would end like this one.

        Args:
            lack: what a node said.
        """
        again = f"client.py --resume {self._spec.job_id}"
        return GaveUp(FailureCode.NO_CODE, f"{lack}; mend that and {again}, or submit it with another --op")
