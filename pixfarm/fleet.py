"""The nodes as all jobs share them: one lock around their states, and the wait for a free place."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pixfarm.errors import FailureCode, GaveUp, TaskRejected
from pixfarm.model import Machine, NodeStatus, Strategy
from pixfarm.scheduling import policy
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.node import NodeState
from pixfarm.scheduling.placement import CHOOSE

_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 0.25


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a node; ``delay_s`` is how long the node may sleep before it works."""

    machine: Machine
    delay_s: float


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
        self._nodes = {machine.name: NodeState(machine) for machine in machines}
        self._rng = rng
        self.no_node_timeout_s = no_node_timeout_s
        self._clock = clock
        self._changed = threading.Condition()
        self._usable_at = clock()

    def reserve(
        self, strategy: Strategy, attempts: Attempts, since: float, stop: Callable[[], None]
    ) -> Place | None:
        """A place on a node, taken; None when every node with room has refused in this sweep.

        Blocks while no node has room. The place must be given back by exactly one of done(), refused(),
        failed(), lost() and foreign().

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
                now = self._clock()
                candidates = self._candidates(attempts, now)
                if candidates:
                    node = CHOOSE[strategy](candidates, self._rng)
                    node.on_sent()
                    return Place(node.machine, node.delay_s)
                if attempts.refused_by and self._is_sweep_over(strategy, now):
                    self._changed.notify()  # the wake-up that came here is of use to another image
                    return None
                self._check_some_usable(now, since)
                self._changed.wait(_LOOK_AGAIN_S)

    def done(self, machine: Machine, seconds: float) -> None:
        """A node did an image in that many seconds."""
        with self._returned(machine) as node:
            node.on_done(self._clock(), seconds)

    def refused(self, machine: Machine, rejection: TaskRejected) -> None:
        """A node refused an image."""
        with self._returned(machine) as node:
            node.on_refused(self._clock(), rejection)

    def failed(self, machine: Machine) -> None:
        """A node took an image and could not do it."""
        with self._returned(machine) as node:
            node.on_failed(self._clock())

    def lost(self, machine: Machine, message: str) -> None:
        """A node did not answer."""
        with self._returned(machine) as node:
            if node.is_usable:
                _log.warning("node lost: %s", message)
            node.on_lost(self._clock(), message)

    def foreign(self, machine: Machine, message: str) -> None:
        """A node answered as none of this version would."""
        with self._returned(machine) as node:
            if node.is_usable:
                _log.error("node quarantined: %s", message)
            node.on_foreign(self._clock(), message)

    def claim_pings(self, *, everyone: bool = False) -> list[Machine]:
        """The nodes that should be asked now whether they live; each must end in pong() or silent().

        Args:
            everyone: also those that have no need of it.
        """
        with self._changed:
            now = self._clock()
            due = [n for n in self._nodes.values() if n.wants_ping(now) or (everyone and not n.pinging)]
            for node in due:
                node.pinging = True
            return [node.machine for node in due]

    def pong(self, machine: Machine, status: NodeStatus) -> None:
        """A node answered a ping."""
        with self._changed:
            node = self._node_now(machine)
            was_usable = node.is_usable
            node.on_pong(self._clock(), status)
            if node.is_usable and not was_usable:
                _log.info(
                    "node %s is there, p = %s, %d workers", machine, status.load_probability, status.workers
                )
            self._changed.notify_all()

    def silent(self, machine: Machine, message: str, *, foreign: bool = False) -> None:
        """A node did not answer a ping, or not as a node would."""
        with self._changed:
            node = self._node_now(machine)
            if node.is_usable:
                _log.warning("node lost: %s", message)
            node.on_silence(self._clock(), self._rng, message, foreign=foreign)
            self._changed.notify_all()

    def bound(self) -> int:
        """How many images may have a thread at once: what the nodes can hold and a few that wait."""
        with self._changed:
            return policy.SPARE_THREADS + sum(node.window for node in self._nodes.values())

    def snapshot(self) -> list[NodeStatus]:
        """Every node's state, in the order of machine.txt."""
        with self._changed:
            return [node.snapshot() for node in self._nodes.values()]

    def waits_for_nodes_s(self, since: float) -> float:
        """Seconds for which no node has been usable, counted from ``since`` on; 0 when one is."""
        with self._changed:
            now = self._clock()
            return 0.0 if self._is_any_usable(now) else now - max(self._usable_at, since)

    def wake(self) -> None:
        """Lets every waiting image look again, now."""
        with self._changed:
            self._changed.notify_all()

    @contextmanager
    def _returned(self, machine: Machine) -> Iterator[NodeState]:
        with self._changed:
            yield self._node_now(machine)
            self._changed.notify()

    def _node_now(self, machine: Machine) -> NodeState:
        node = self._nodes[machine.name]
        if node.is_usable:  # and maybe about to go: the wait for a usable node counts from here
            self._usable_at = self._clock()
        return node

    def _candidates(self, attempts: Attempts, now: float) -> list[NodeState]:
        nodes = [n for n in self._nodes.values() if n.machine.name not in attempts.refused_by]
        if attempts.avoid:
            # Worth waiting for a node that has not failed this image yet, while there is one.
            fresh = [n for n in nodes if n.is_usable and n.machine.name not in attempts.avoid]
            nodes = fresh or nodes
        return [n for n in nodes if n.has_room(now)]

    def _is_sweep_over(self, strategy: Strategy, now: float) -> bool:
        """Whether all have refused for now.

        Raises:
            GaveUp: and all will for ever.
        """
        usable = [node for node in self._nodes.values() if node.is_usable]
        unknown = any(self._may_come_to_accept(node, now) for node in self._nodes.values())
        # By the random strategy a busy node is only late: who refused is draining.
        refusable = strategy is Strategy.LOAD_BALANCING and not unknown
        if usable and refusable and all((node.load_probability or 0.0) >= 1 for node in usable):
            nodes = ", ".join(f"{node.machine.name} has p = {node.load_probability:g}" for node in usable)
            raise GaveUp(
                FailureCode.ALL_NODES_REJECT,
                f"every node refuses all work: {nodes}; start one with a load probability below 1",
            )
        return any(node.has_room(now) for node in usable)

    def _may_come_to_accept(self, node: NodeState, now: float) -> bool:
        """Whether a node that is not usable now is worth waiting for: first asked, or just lost."""
        if node.is_usable:
            return False
        if not node.ever_heard:
            return node.pinging
        accepts = (node.load_probability or 0.0) < 1
        return accepts and now - node.heard_at < self.no_node_timeout_s

    def _check_some_usable(self, now: float, since: float) -> None:
        if self._is_any_usable(now) or now - max(self._usable_at, since) < self.no_node_timeout_s:
            return
        problems = "; ".join(node.message for node in self._nodes.values())
        raise GaveUp(
            FailureCode.NO_NODES,
            f"no node was usable for {self.no_node_timeout_s:g} s: {problems}; "
            "start computenode.py on these machines",
        )

    def _is_any_usable(self, now: float) -> bool:
        is_any = any(node.is_usable for node in self._nodes.values())
        if is_any:
            self._usable_at = now
        return is_any
