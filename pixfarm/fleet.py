"""The nodes as all jobs share them: one lock around the roster, and the wait for a free place."""

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager

from pixfarm.errors import TaskFailed, TaskRejected
from pixfarm.model import Machine, NodeHealth, NodeStatus, Strategy
from pixfarm.scheduling import policy
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.node import NodeState, Place
from pixfarm.scheduling.roster import Roster, SweepOver

_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 0.25


class Fleet:
    """Hands out places on nodes and takes note of what came of them.

    Args:
        machines: the nodes.
        rng: source of chance.
        no_node_timeout_s: seconds without a usable node after which a job gives up.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        machines: Iterable[Machine],
        rng: random.Random,
        no_node_timeout_s: float = policy.NO_NODE_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roster = Roster(machines, rng, no_node_timeout_s, clock())
        self._rng = rng
        self._clock = clock
        self._changed = threading.Condition()

    def now(self) -> float:
        """The time by the fleet's clock."""
        return self._clock()

    @property
    def no_node_timeout_s(self) -> float:
        """Seconds without a usable node after which a job gives up."""
        return self._roster.no_node_timeout_s

    def reserve(
        self, strategy: Strategy, attempts: Attempts, since: float, stop: Callable[[], None]
    ) -> Place | None:
        """A place on a node, taken; None when every node with room has refused in this sweep.

        Blocks while no node has room. The place must be given back by exactly one of done(), refused(),
        failed(), unreachable(), broken() and foreign().

        Args:
            strategy: how to choose.
            attempts: what the image has been through.
            since: clock time from which the wait for a usable node counts.
            stop: called at each look; raises to end the wait.

        Raises:
            GaveUp: no node can or will take an image.
        """
        with self._changed:
            while True:
                stop()
                try:
                    node = self._roster.reserve(strategy, attempts, since, self._clock())
                except SweepOver:
                    self._changed.notify()  # the wake-up that came here is of use to another image
                    return None
                if node is not None:
                    return node.place
                self._changed.wait(_LOOK_AGAIN_S)

    def reserve_idle(self, attempts: Attempts, holder: Machine) -> Place | None:
        """A place on an idle node for a copy of a late image that ``holder`` has, or None; does not wait."""
        with self._changed:
            node = self._roster.reserve_idle(attempts, holder, self._clock())
            return None if node is None else node.place

    def done(self, machine: Machine, seconds: float, base_path: str) -> None:
        """A node did an image of that base path in that many seconds."""
        with self._returned(machine) as node:
            node.on_done(base_path, self._clock(), seconds)
            self._roster.tokens.on_success()

    def disproved(self, names: Collection[str]) -> None:
        """These nodes had failed on an image that another one has done."""
        if not names:
            return
        with self._changed:
            for node in self._roster.nodes:
                if node.name in names:
                    with self._said(node):
                        node.life.on_disproved(node.machine, self._clock())

    def refused(self, machine: Machine, rejection: TaskRejected) -> None:
        """A node refused an image."""
        with self._returned(machine) as node:
            node.on_refused(self._clock(), rejection)

    def failed(self, machine: Machine, failure: TaskFailed, base_path: str) -> bool:
        """A node took an image of that base path and could not do it; returns whether it is to blame."""
        with self._returned(machine) as node, self._said(node):
            node.on_failed(base_path, self._clock(), failure)
            return self._roster.is_credible(node, failure.code)

    def unreachable(self, machine: Machine, message: str) -> None:
        """No connection to a node could be made."""
        with self._returned(machine) as node, self._said(node):
            node.on_unreachable(self._clock(), message)

    def broken(self, machine: Machine) -> int:
        """A call was sent to a node and got no answer; returns a ticket for verdict()."""
        with self._returned(machine) as node:
            losses = node.life.losses
            if not node.is_usable:  # found dead, or gone: whoever found it has counted the loss
                losses -= 1
            node.on_broken_call(self._clock())
            return losses

    def verdict(self, machine: Machine, ticket: int) -> bool | None:
        """Whether the node of a broken call lives; None while no ping that began later has ended."""
        with self._changed:
            node = self._roster.node(machine, self._clock())
            if node.life.losses != ticket or not node.is_usable:
                return False
            return None if node.life.doubted_at is not None else True

    def foreign(self, machine: Machine, message: str) -> None:
        """A node answered as none of this version would."""
        with self._returned(machine) as node, self._said(node):
            node.on_foreign(self._clock(), message)

    def take_retry(self) -> float:
        """Takes a retry token; returns 0, or the seconds after which to ask again."""
        with self._changed:
            return self._roster.take_retry(self._clock())

    def claim_pings(self, *, everyone: bool = False) -> list[Machine]:
        """The nodes that should be asked now whether they live; each must end in pong() or silent().

        Args:
            everyone: also those that have no need of it.
        """
        with self._changed:
            now = self._clock()
            due = [n for n in self._roster.nodes if n.wants_ping(now) or (everyone and not n.life.pinging)]
            for node in due:
                node.life.on_ping(now)
            return [node.machine for node in due]

    def claim_ping(self, machine: Machine) -> bool:
        """Whether one node should be asked now, by the caller."""
        with self._changed:
            now = self._clock()
            node = self._roster.node(machine, now)
            is_due = node.wants_ping(now)
            if is_due:
                node.life.on_ping(now)
            return is_due

    def pong(self, machine: Machine, status: NodeStatus) -> None:
        """A node answered a ping."""
        with self._pinged(machine) as node:
            was_usable = node.is_usable
            node.on_pong(self._clock(), status)
            if node.is_usable and not was_usable:
                _log.info(
                    "node %s is there, p = %s, workers: %d", machine, status.load_probability, status.workers
                )

    def silent(self, machine: Machine, message: str, *, foreign: bool = False) -> None:
        """A node did not answer a ping, or not as a node would."""
        with self._pinged(machine) as node:
            node.on_silence(self._clock(), self._rng, message, foreign=foreign)

    def machines(self) -> list[Machine]:
        """The nodes, without those that are about to leave."""
        with self._changed:
            return [node.machine for node in self._roster.nodes if not node.leaving]

    def set_machines(self, machines: Iterable[Machine]) -> None:
        """Takes over another machine.txt: new nodes join, missing ones finish what they have and leave."""
        with self._changed:
            self._roster.set_machines(machines, self._clock())
            self._changed.notify_all()

    def forgive(self) -> None:
        """A new job begins: nodes in quarantine are asked again."""
        with self._changed:
            for node in self._roster.nodes:
                node.life.forgive(self._clock())

    def bound(self) -> int:
        """How many images may have a thread at once: what the nodes can hold and a few that wait."""
        with self._changed:
            return self._roster.bound()

    def snapshot(self) -> list[NodeStatus]:
        """Every node's state, in the order of machine.txt."""
        with self._changed:
            return self._roster.snapshot()

    def waits_for_nodes_s(self, base_path: str, since: float) -> float:
        """Seconds for which no node was of use to that base path, from ``since`` on; 0 when one is."""
        with self._changed:
            return self._roster.waits_for_nodes_s(base_path, since, self._clock())

    def wait_for_change(self, timeout_s: float) -> None:
        """Waits until something changes, at most so long."""
        with self._changed:
            self._changed.wait(timeout_s)

    def wake(self) -> None:
        """Lets every waiting image look again, now."""
        with self._changed:
            self._changed.notify_all()

    @contextmanager
    def _returned(self, machine: Machine) -> Iterator[NodeState]:
        with self._changed:
            yield self._roster.node(machine, self._clock())
            self._roster.drop_leavers()
            self._changed.notify()

    @contextmanager
    def _pinged(self, machine: Machine) -> Iterator[NodeState]:
        with self._changed:
            node = self._roster.node(machine, self._clock())
            with self._said(node):
                yield node
            self._changed.notify_all()

    @contextmanager
    def _said(self, node: NodeState) -> Iterator[None]:
        """Logs when a node stops being usable."""
        was_usable = node.is_usable
        yield
        if was_usable and not node.is_usable:
            if node.life.health is NodeHealth.QUARANTINED:
                _log.error("node quarantined: %s", node.life.message)
            else:
                _log.warning("node lost: %s", node.life.message)
