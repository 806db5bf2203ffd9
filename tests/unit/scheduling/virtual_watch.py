"""Pings in virtual time: what watch and fleet do with Life, in one thread."""

import random
from collections.abc import Callable, Mapping

from pixfarm.model import Machine
from pixfarm.scheduling.roster import Roster
from tests.unit.scheduling.virtual_nodes import TRIP_S, Manner, Process, VirtualNode
from tests.unit.scheduling.virtual_time import VirtualTime

LOOK_EVERY_S = 0.1
TIMEOUT_S = 2.0


class VirtualWatch:
    """Pings the nodes that should be asked whether they live.

    Args:
        time: virtual time.
        roster: told of every pong and silence.
        nodes: the nodes as they are.
        rng: source of chance.
        on_silence: called when a node was silent.
    """

    def __init__(
        self,
        time: VirtualTime,
        roster: Roster,
        nodes: Mapping[Machine, VirtualNode],
        rng: random.Random,
        on_silence: Callable[[VirtualNode], None],
    ) -> None:
        self._time = time
        self._roster = roster
        self._nodes = nodes
        self._rng = rng
        self._on_silence = on_silence
        time.every(LOOK_EVERY_S, self._look)

    def verdict(self, machine: Machine, ticket: int) -> bool | None:
        """Whether the node of a broken call lives; None while no ping that began later has ended.

        Args:
            machine: the node.
            ticket: what broken() returned.
        """
        node = self._roster.node(machine, self._time.now)
        if node.life.losses != ticket or not node.is_usable:
            return False
        if node.life.doubted_at is None:
            return True
        if node.wants_ping(self._time.now):
            self._ping(machine)
        return None

    def broken(self, machine: Machine) -> int:
        """A call was sent and got no answer; returns a ticket for verdict()."""
        node = self._roster.node(machine, self._time.now)
        ticket = node.life.losses - (not node.is_usable)
        node.on_broken_call(self._time.now)
        return ticket

    def _look(self) -> None:
        for node in self._roster.nodes:
            if node.wants_ping(self._time.now):
                self._ping(node.machine)

    def _ping(self, machine: Machine) -> None:
        self._roster.node(machine, self._time.now).life.on_ping(self._time.now)
        deadline = self._time.now + TIMEOUT_S
        self._time.after(TRIP_S, lambda: self._on_answer(machine, deadline))

    def _on_answer(self, machine: Machine, deadline: float) -> None:
        truth = self._nodes[machine]
        if truth.process is Process.FROZEN and self._time.now < deadline:
            self._time.after(LOOK_EVERY_S, lambda: self._on_answer(machine, deadline))
            return
        node = self._roster.node(machine, self._time.now)
        is_running = truth.process is Process.RUNNING
        if is_running and truth.manner is not Manner.STRANGER:
            node.on_pong(self._time.now, truth.status())
        else:
            node.on_silence(self._time.now, self._rng, "no pong", foreign=is_running)
            self._on_silence(truth)
