"""Background pings: finds nodes that came back and nodes that fell silent."""

import logging
import threading
import time
from collections.abc import Callable

from pixfarm.errors import ForeignPeer, PeerError
from pixfarm.fleet import Fleet
from pixfarm.model import Machine, NodeStatus

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 0.1


class Watch:
    """Pings nodes when the fleet wants it, each in a thread of its own, so that no dead one delays another.

    Args:
        fleet: told of every pong and silence.
        ping: asks a node for its status; raises PeerError.
        abandon: ends the running calls to a node.
    """

    def __init__(
        self,
        fleet: Fleet,
        ping: Callable[[Machine], NodeStatus],
        abandon: Callable[[Machine], None],
    ) -> None:
        self._fleet = fleet
        self._ping = ping
        self._abandon = abandon
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begins to watch, with one ping to every node."""
        self._thread.start()

    def close(self) -> None:
        """Stops watching; may be called twice."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def ask_everyone(self, wait_s: float = 0.0) -> None:
        """Pings every node now, and waits for the answers at most that many seconds."""
        pings = self._start(self._fleet.claim_pings(everyone=True))
        deadline = time.monotonic() + wait_s
        for ping in pings:
            ping.join(max(0.0, deadline - time.monotonic()))

    def lives(self, machine: Machine, ticket: int) -> bool:
        """Whether a node lives that has just broken off a call; asked in this thread when nobody else asks.

        Args:
            machine: the node.
            ticket: what Fleet.broken() returned.
        """
        while (verdict := self._fleet.verdict(machine, ticket)) is None:
            if self._fleet.claim_ping(machine):
                self._ask(machine)
            else:
                self._fleet.wait_for_change(_LOOK_EVERY_S)
        return verdict

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._start(self._fleet.claim_pings())
            self._stopping.wait(_LOOK_EVERY_S)

    def _start(self, machines: list[Machine]) -> list[threading.Thread]:
        pings = [
            threading.Thread(target=self._ask, args=(machine,), name=f"ping {machine.name}", daemon=True)
            for machine in machines
        ]
        for ping, machine in zip(pings, machines, strict=True):
            try:
                ping.start()
            except RuntimeError as error:
                _log.warning("cannot start a thread (%s); pinging %s without one", error, machine)
                self._ask(machine)
        return [ping for ping in pings if ping.ident is not None]

    def _ask(self, machine: Machine) -> None:
        try:
            status = self._ping(machine)
        except PeerError as error:
            self._fleet.silent(machine, str(error), foreign=isinstance(error, ForeignPeer))
            self._abandon(machine)
        except Exception as error:  # noqa: BLE001 - top of a thread
            self._fleet.silent(machine, f"a ping failed: {error!r}")
            _log.exception("a bug: the ping of %s failed", machine)
        else:
            self._fleet.pong(machine, status)
