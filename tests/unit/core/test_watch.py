import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixfarm.errors import ForeignPeer, PeerError, Unreachable
from pixfarm.fleet import Fleet
from pixfarm.model import Machine, NodeHealth, NodeStatus, Strategy
from pixfarm.scheduling.attempts import Attempts
from pixfarm.watch import Watch
from tests.unit.core.farm_parts import (
    PATIENCE_S,
    Clock,
    Ping,
    fleet_of,
    machines,
    never,
    pong,
    silent,
    unheard_fleet,
    watch_of,
)

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


def broken(fleet: Fleet, calls: int = 1) -> list[int]:
    """Tickets of that many calls to node_1, all of which break off."""
    for _ in range(calls):
        fleet.reserve(Strategy.RANDOM, Attempts(), 0.0, never)
    return [fleet.broken(NODE_1) for _ in range(calls)]


class CountedPing:
    """Counts how often it is asked, and how often at the same time."""

    def __init__(self, ping: Ping) -> None:
        self._ping = ping
        self._lock = threading.Lock()
        self._at_once = 0
        self.count = 0
        self.most_at_once = 0

    def __call__(self, machine: Machine) -> NodeStatus:
        with self._lock:
            self.count += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self._ping(machine)
        finally:
            with self._lock:
                self._at_once -= 1


@pytest.mark.parametrize(("ping", "lives"), [(pong, True), (silent, False)], ids=["pong", "no pong"])
def test_a_ping_shows_whether_the_node_of_a_broken_call_lives(ping: Ping, lives: bool) -> None:  # noqa: FBT001
    fleet = fleet_of(0.0)
    (ticket,) = broken(fleet)
    assert watch_of(fleet, ping).lives(NODE_1, ticket) is lives
    assert healths(fleet) == [NodeHealth.UP if lives else NodeHealth.DOWN]


@pytest.mark.parametrize(("ping", "lives"), [(pong, True), (silent, False)], ids=["pong", "no pong"])
def test_many_that_ask_at_once_get_one_answer_from_one_ping(ping: Ping, lives: bool) -> None:  # noqa: FBT001
    fleet = fleet_of(0.0, workers=10)
    tickets = broken(fleet, calls=20)
    counted = CountedPing(ping)
    watch = watch_of(fleet, counted)
    with ThreadPoolExecutor(len(tickets)) as threads:
        verdicts = list(threads.map(lambda ticket: watch.lives(NODE_1, ticket), tickets))
    assert verdicts == [lives] * 20
    assert (counted.count, counted.most_at_once) == (1, 1)


def test_a_call_that_breaks_during_a_ping_waits_for_the_next() -> None:
    # What was asked before the call broke off says nothing of what came of it.
    clock = Clock()
    fleet = fleet_of(0.0, clock=clock)
    asked, go_on = threading.Event(), threading.Event()

    def ping(machine: Machine) -> NodeStatus:
        if not asked.is_set():
            asked.set()
            assert go_on.wait(PATIENCE_S)
            return pong(machine)
        raise Unreachable("gone")

    watch = watch_of(fleet, ping)
    watch.ask_everyone()
    assert asked.wait(PATIENCE_S)
    clock.advance(0.1)
    (ticket,) = broken(fleet)
    with ThreadPoolExecutor(1) as thread:
        verdict = thread.submit(watch.lives, NODE_1, ticket)
        go_on.set()
        assert verdict.result(PATIENCE_S) is False


def test_a_bug_in_a_ping_leaves_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    fleet = fleet_of(0.0)
    (ticket,) = broken(fleet)
    watch = FakePings(node_1=ZeroDivisionError("oops")).watch(fleet)
    assert watch.lives(NODE_1, ticket) is False
    assert "oops" in caplog.text


def test_without_threads_nodes_are_asked_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    fleet = unheard_fleet(2)
    watch = watch_of(fleet, pong)
    monkeypatch.setattr(threading.Thread, "start", start)
    watch.ask_everyone(PATIENCE_S)
    assert healths(fleet) == [NodeHealth.UP] * 2


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if is_so():
            return
        threading.Event().wait(0.001)
    pytest.fail("it did not come about")
