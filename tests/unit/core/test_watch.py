import logging
import threading
from collections.abc import Callable

import pytest

from pixfarm.errors import ForeignPeer, PeerError, Unreachable
from pixfarm.fleet import Fleet
from pixfarm.model import Machine, NodeHealth, NodeStatus
from pixfarm.watch import Watch
from tests.unit.core.farm_parts import PATIENCE_S, machines, pong, unheard_fleet

NODE_1, NODE_2 = machines(2)


class FakePings:
    """Nodes that answer pings, or do not, by a script; remembers whose calls were abandoned."""

    def __init__(self, **errors: Exception) -> None:
        self._errors = errors
        self.abandoned: list[Machine] = []

    def ping(self, machine: Machine) -> NodeStatus:
        if machine.name in self._errors:
            raise self._errors[machine.name]
        return pong(machine, p=0.25)

    def watch(self, fleet: Fleet) -> Watch:
        return Watch(fleet, self.ping, self.abandoned.append)


def healths(fleet: Fleet) -> list[NodeHealth]:
    return [node.health for node in fleet.snapshot()]


def test_everyone_that_is_asked_is_known_afterwards() -> None:
    fleet = unheard_fleet(2)
    FakePings().watch(fleet).ask_everyone(PATIENCE_S)
    assert [(node.health, node.load_probability) for node in fleet.snapshot()] == [(NodeHealth.UP, 0.25)] * 2


@pytest.mark.parametrize(
    ("error", "health"),
    [
        (Unreachable("connection refused"), NodeHealth.DOWN),
        (PeerError("no route"), NodeHealth.DOWN),
        (ForeignPeer("talks HTTP"), NodeHealth.QUARANTINED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_node_that_does_not_answer_is_told_from_those_that_do(error: PeerError, health: NodeHealth) -> None:
    fleet = unheard_fleet(2)
    FakePings(node_1=error).watch(fleet).ask_everyone(PATIENCE_S)
    assert healths(fleet) == [health, NodeHealth.UP]
    assert fleet.snapshot()[0].message == str(error)


def test_the_calls_to_a_node_that_does_not_answer_are_ended() -> None:
    pings = FakePings(node_1=Unreachable("gone"))
    pings.watch(unheard_fleet(2)).ask_everyone(PATIENCE_S)
    assert pings.abandoned == [NODE_1]


def test_a_bug_in_a_ping_is_logged_and_leaves_the_node_down(caplog: pytest.LogCaptureFixture) -> None:
    fleet = unheard_fleet(1)
    FakePings(node_1=ZeroDivisionError("oops")).watch(fleet).ask_everyone(PATIENCE_S)
    assert "oops" in fleet.snapshot()[0].message
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].exc_info is not None


def test_a_node_that_takes_its_time_delays_no_other() -> None:
    fleet = unheard_fleet(2)
    hang = threading.Event()

    def ping(machine: Machine) -> NodeStatus:
        if machine == NODE_1:
            hang.wait(PATIENCE_S)
        return pong(machine)

    watch = Watch(fleet, ping, lambda _machine: None)
    watch.ask_everyone()
    wait_for(lambda: healths(fleet)[1] is NodeHealth.UP)
    assert healths(fleet)[0] is NodeHealth.DOWN
    hang.set()
    wait_for(lambda: healths(fleet)[0] is NodeHealth.UP)


def test_a_watch_begins_with_a_ping_to_every_node() -> None:
    fleet = unheard_fleet(2)
    all_pinged = threading.Barrier(3)

    def ping(machine: Machine) -> NodeStatus:
        all_pinged.wait(PATIENCE_S)
        return pong(machine)

    watch = Watch(fleet, ping, lambda _machine: None)
    watch.start()
    all_pinged.wait(PATIENCE_S)
    watch.close()


def test_a_watch_may_be_closed_twice_and_before_it_starts() -> None:
    watch = FakePings().watch(unheard_fleet(1))
    watch.close()
    watch.start()
    watch.close()
    watch.close()


def wait_for(is_so: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if is_so():
            return
        threading.Event().wait(0.001)
    pytest.fail("it did not come about")
