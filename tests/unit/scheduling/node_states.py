"""Nodes as the server may see them."""

from pixfarm.errors import RejectReason, TaskRejected
from pixfarm.model import Machine, NodeHealth, NodeStatus
from pixfarm.scheduling.node import NodeState


def node(health: NodeHealth = NodeHealth.UP, *, number: int = 1, workers: int = 2) -> NodeState:
    """A node that was heard of before."""
    machine = Machine(f"node_{number}", "10.0.0.1", 9090 + number)
    return NodeState(machine, health=health, message="", workers=workers, ever_heard=True)


def pong(*, p: float = 0.0, workers: int = 2, draining: bool = False) -> NodeStatus:
    return NodeStatus(
        name="node_1",
        host="10.0.0.1",
        port=9091,
        load_probability=p,
        workers=workers,
        draining=draining,
        version="1.2.3",
        delay_s=3.0,
    )


def rejected(
    reason: RejectReason = RejectReason.LOAD, p: float = 0.5, retry_after_s: float = 0.0
) -> TaskRejected:
    return TaskRejected(reason, p, retry_after_s)
