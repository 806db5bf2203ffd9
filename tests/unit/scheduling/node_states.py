"""Nodes as the server may see them, and what may happen to them."""

import random
from collections.abc import Callable

from pixfarm.errors import FailureCode, RejectReason, TaskFailed, TaskRejected
from pixfarm.model import Machine, NodeHealth, NodeStatus
from pixfarm.scheduling.life import Life
from pixfarm.scheduling.node import NodeState

BASE = ""  # as of attempts that name none
NOW = 1000.0


def machine(number: int = 1) -> Machine:
    return Machine(f"node_{number}", "10.0.0.1", 9090 + number)


def unheard() -> NodeState:
    """A node that was never asked."""
    return NodeState(machine())


def node(health: NodeHealth = NodeHealth.UP, *, number: int = 1, workers: int = 2) -> NodeState:
    """A node that was heard of before."""
    return NodeState(machine(number), Life(health, message="", ever_heard=True), workers=workers)


def pong(
    *,
    p: float = 0.0,
    workers: int = 2,
    draining: bool = False,
    fault: str = "",
    started_at: float = 0.0,
    unwritable: tuple[str, ...] = (),
) -> NodeStatus:
    return NodeStatus(
        name="node_1",
        host="10.0.0.1",
        port=9091,
        load_probability=p,
        workers=workers,
        draining=draining,
        version="1.2.3",
        delay_s=3.0,
        fault=fault,
        started_at=started_at,
        unwritable=unwritable,
    )


def rejected(
    reason: RejectReason = RejectReason.LOAD, p: float = 0.5, retry_after_s: float = 0.0
) -> TaskRejected:
    return TaskRejected(reason, p, retry_after_s)


def failed(code: FailureCode = FailureCode.CRASHED) -> TaskFailed:
    return TaskFailed(code, "no luck")


# What may come of an image that a node holds, and of a ping.
ENDS: dict[str, Callable[[NodeState], None]] = {
    "done": lambda node: node.on_done(BASE, NOW, 0.03),
    "refused": lambda node: node.on_refused(NOW, rejected()),
    "bad image": lambda node: node.on_failed(BASE, NOW, failed(FailureCode.UNREADABLE)),
    "crashed": lambda node: node.on_failed(BASE, NOW, failed(FailureCode.CRASHED)),
    "not found": lambda node: node.on_failed(BASE, NOW, failed(FailureCode.NOT_FOUND)),
    "no files": lambda node: node.on_failed(BASE, NOW, failed(FailureCode.NO_RESOURCES)),
    "unreachable": lambda node: node.on_unreachable(NOW, "refused the connection"),
    "broken": lambda node: node.on_broken_call(NOW),
    "foreign": lambda node: node.on_foreign(NOW, "unknown method"),
}
PINGS: dict[str, Callable[[NodeState], None]] = {
    "pong": lambda node: node.on_pong(NOW, pong()),
    "draining pong": lambda node: node.on_pong(NOW, pong(draining=True)),
    "faulty pong": lambda node: node.on_pong(NOW, pong(fault="no space left")),
    "pong of another": lambda node: node.on_pong(NOW, pong(started_at=2.0)),
    "silence": lambda node: node.on_silence(NOW, random.Random(1), "no pong"),
    "foreign pong": lambda node: node.on_silence(NOW, random.Random(1), "talks HTTP", foreign=True),
}


def happens(one: NodeState, *events: str) -> NodeState:
    """The node, after it got and ended an image or was pinged, over and over."""
    for event in events:
        if event in PINGS:
            one.life.on_ping(NOW)
            PINGS[event](one)
        else:
            one.on_sent(BASE, NOW)
            ENDS[event](one)
    return one
