"""The nodes of a farm and the rules by which an image gets one, waits, or is given up."""

import random
from collections.abc import Iterable

from pixfarm.errors import FailureCode, GaveUp
from pixfarm.model import Machine, NodeHealth, NodeStatus, Strategy
from pixfarm.scheduling import policy
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.blame import may_be_the_nodes
from pixfarm.scheduling.node import NodeState
from pixfarm.scheduling.placement import CHOOSE
from pixfarm.scheduling.retries import RetryTokens


class SweepOver(Exception):
    """Every node with room has refused the image in this sweep."""


class Roster:
    """All nodes; not thread-safe. Times are seconds of one monotonic clock.

    Args:
        machines: the nodes.
        rng: source of chance.
        no_node_timeout_s: seconds without a usable node after which a job gives up.
        now: the time.
    """

    def __init__(
        self, machines: Iterable[Machine], rng: random.Random, no_node_timeout_s: float, now: float
    ) -> None:
        self._nodes = {machine: NodeState(machine) for machine in machines}
        self._rng = rng
        self.no_node_timeout_s = no_node_timeout_s
        self._usable_at = now
        self._writable_at: dict[str, float] = {}  # base paths that some node cannot write
        self.tokens = RetryTokens(now)

    @property
    def nodes(self) -> list[NodeState]:
        """All nodes, in the order of machine.txt; those that leave last."""
        return list(self._nodes.values())

    def node(self, machine: Machine, now: float) -> NodeState:
        """One node, about to change."""
        node = self._nodes.get(machine)
        if node is None:  # an answer for a node that has left long ago
            return NodeState(machine)
        if node.is_worth_waiting_for:  # and maybe about to go: the wait for another one counts from here
            self._usable_at = now
            writable = [path for path in self._writable_at if not node.bars.are_hopeless(path)]
            self._writable_at.update(dict.fromkeys(writable, now))
        return node

    def set_machines(self, machines: Iterable[Machine], now: float) -> None:
        """Takes over another machine.txt: new nodes join, missing ones get no more images and leave."""
        known, self._nodes = self._nodes, {}
        wanted = {machine: known.get(machine, NodeState(machine)) for machine in machines}
        leaving = {machine: node for machine, node in known.items() if machine not in wanted}
        for node in wanted.values():
            node.leaving = False
        for node in leaving.values():
            node.leaving = True
        self._nodes = wanted | leaving
        self._usable_at = now
        self._writable_at = dict.fromkeys(self._writable_at, now)
        self.drop_leavers()

    def drop_leavers(self) -> list[Machine]:
        """Forgets nodes that were to leave and hold no image any more; returns which."""
        gone = [node.machine for node in self._nodes.values() if node.leaving and not node.in_flight]
        for machine in gone:
            del self._nodes[machine]
        return gone

    def reserve(self, strategy: Strategy, attempts: Attempts, since: float, now: float) -> NodeState | None:
        """A node with room, one place of it taken; None: wait until something changes.

        Args:
            strategy: how to choose.
            attempts: what the image has been through.
            since: time from which the wait for a usable node counts.
            now: the time.

        Raises:
            SweepOver: every node with room has refused.
            GaveUp: no node can or will take an image.
        """
        candidates = self._candidates(strategy, attempts, now)
        if candidates:
            node = CHOOSE[strategy](candidates, self._rng)
            node.on_sent(attempts.base_path, now)
            return node
        if attempts.refused_by and self._is_sweep_over(strategy, now):
            raise SweepOver
        self._check_some_usable(attempts.base_path, now, since)
        return None

    def reserve_idle(self, attempts: Attempts, holder: Machine, now: float) -> NodeState | None:
        """An idle node other than the holder, one place of it taken: for a copy of a late image."""
        passed_over = attempts.avoid | attempts.refused_by | {holder.name}
        idle = [
            n
            for n in self._nodes.values()
            if n.name not in passed_over and n.is_idle(attempts.base_path, now)
        ]
        if not idle:
            return None
        node = CHOOSE[Strategy.LOAD_BALANCING](idle, self._rng)
        node.on_sent(attempts.base_path, now)
        return node

    def is_credible(self, witness: NodeState, code: FailureCode) -> bool:
        """Whether a failure of that code on a node speaks against the image.

        Not when the node fails everything while another one does its work. When all fail, it is the images.
        """
        if witness.does_its_work or not may_be_the_nodes(code):
            return True
        return not any(node.does_its_work and node.is_usable for node in self._nodes.values())

    def take_retry(self, now: float) -> float:
        """Takes a retry token; returns 0, or the seconds after which to ask again."""
        return self.tokens.take(now, sum(node.is_usable for node in self._nodes.values()))

    def bound(self) -> int:
        """How many images may have a thread at once: what the nodes can hold and a few that wait."""
        return policy.SPARE_THREADS + sum(node.window for node in self._nodes.values())

    def waits_for_nodes_s(self, base_path: str, since: float, now: float) -> float:
        """Seconds for which no node was worth waiting for with images of that base path; 0 when one is.

        Args:
            base_path: the base path.
            since: time from which they count.
            now: the time.
        """
        promising = [node for node in self._nodes.values() if node.is_worth_waiting_for]
        if promising:
            self._usable_at = now
        if not any(node.bars.are_known(base_path) for node in self._nodes.values()):
            self._writable_at.pop(base_path, None)
            return 0.0 if promising else now - max(self._usable_at, since)
        if any(not node.bars.are_hopeless(base_path) for node in promising):
            self._writable_at[base_path] = now
        return now - max(self._writable_at.setdefault(base_path, now), since)

    def snapshot(self) -> list[NodeStatus]:
        """Every node's state, in the order of machine.txt."""
        return [node.snapshot() for node in self._nodes.values()]

    def _candidates(self, strategy: Strategy, attempts: Attempts, now: float) -> list[NodeState]:
        nodes = list(self._nodes.values())
        if attempts.avoid:
            nodes = _best_left(nodes, strategy, attempts)
        open_ones = [
            n for n in nodes if n.name not in attempts.refused_by and n.may_take(attempts.base_path, now)
        ]
        return self._without_slow_queues(open_ones) if strategy is Strategy.LOAD_BALANCING else open_ones

    def _without_slow_queues(self, nodes: list[NodeState]) -> list[NodeState]:
        """Those of the nodes at which an image would not wait for a worker that is slow anyway."""
        known = [node.service_s for node in self._nodes.values() if node.done and node.is_usable]
        if not known:
            return nodes
        slow_s = max(policy.SLOW_S, policy.SLOW_FACTOR * min(known))
        return [node for node in nodes if node.in_flight < node.workers or node.service_s < slow_s]

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
            nodes = ", ".join(f"{node.name} has p = {node.load_probability:g}" for node in usable)
            raise GaveUp(
                FailureCode.ALL_NODES_REJECT,
                f"every node refuses all work: {nodes}; start one with a load probability below 1",
            )
        return any(node.has_room(now) for node in usable)

    def _may_come_to_accept(self, node: NodeState, now: float) -> bool:
        """Whether a node that is not usable now is worth waiting for: first asked, or just lost."""
        if node.is_usable or node.leaving or node.life.spoke_foreign:
            return False
        if not node.life.ever_heard:
            return node.life.pinging
        accepts = (node.load_probability or 0.0) < 1
        return accepts and now - node.life.lost_at < self.no_node_timeout_s

    def _check_some_usable(self, base_path: str, now: float, since: float) -> None:
        if self.waits_for_nodes_s(base_path, since, now) < self.no_node_timeout_s:
            return
        trials = [n for n in self._nodes.values() if n.is_usable and not n.is_worth_waiting_for]
        if any(node.in_flight for node in trials):
            return  # another one may succeed
        problems = "; ".join(node.problem for node in self._nodes.values())
        if any(node.life.health is NodeHealth.DOWN for node in self._nodes.values()):
            problems += "; start computenode.py on the machines that are down"
        raise GaveUp(
            FailureCode.NO_NODES,
            f"no node was usable for {self.no_node_timeout_s:g} s: {problems}",
        )


def _best_left(nodes: list[NodeState], strategy: Strategy, attempts: Attempts) -> list[NodeState]:
    """Nodes that have not failed an image yet, or else have not given it a strike, or else all.

    They are worth waiting for, even when they have refused it in this sweep: a second strike is the last.
    """
    for passed_over in (attempts.avoid, attempts.struck_by):
        fresh = [n for n in nodes if n.name not in passed_over and _may_take(n, strategy, attempts.base_path)]
        if fresh:
            # A file that was not found is looked for in turn.
            turn = min(attempts.missed_at.get(n.name, 0.0) for n in fresh)
            return [n for n in fresh if attempts.missed_at.get(n.name, 0.0) == turn]
    return nodes


def _may_take(node: NodeState, strategy: Strategy, base_path: str) -> bool:
    """Whether a node takes images, sooner or later; by the random strategy a busy one is only late."""
    is_willing = strategy is Strategy.RANDOM or (node.load_probability or 0.0) < 1
    return node.is_usable and is_willing and not node.life.draining and not node.bars.are_hopeless(base_path)
