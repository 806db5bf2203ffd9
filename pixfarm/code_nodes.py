"""Which nodes carry out functions of people's own, as far as the server knows."""

from collections.abc import Callable, Iterable

from pixfarm.errors import FailureCode, GaveUp, InvalidRequest, TaskFailed
from pixfarm.model import JobSpec, NodeHealth, NodeStatus
from pixfarm.recipe import Recipe


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
        self._failed: frozenset[str] = frozenset()

    def lacking(self) -> set[str]:
        """Their names: images go there only when no other node is left."""
        if not self._spec.recipe.has_own_functions:
            return set()
        return without_code(self._snapshot()) | self._failed

    def note(self, node: str, failure: TaskFailed) -> None:
        """A node has failed an image."""
        if failure.code is FailureCode.NO_CODE:
            self._failed |= {node}  # a name that gets lost between two threads is noted again

    def refusal(self, lack: str) -> GaveUp:
        """Why the job stops when all nodes lack its functions: every other image would end like this one.

        Args:
            lack: what a node said.
        """
        again = f"client.py --resume {self._spec.job_id}"
        return GaveUp(FailureCode.NO_CODE, f"{lack}; when that is mended on the node: {again}")
