"""Farms, clocks and brakes that do what a test tells them, in place of sockets and time."""

import os
import random
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

from pixfarm.calls import Send
from pixfarm.control import Brakes
from pixfarm.errors import RejectReason, TaskRejected, Unreachable
from pixfarm.fleet import Fleet
from pixfarm.journal import Journal
from pixfarm.model import (
    JobSpec,
    JobState,
    JobSummary,
    Machine,
    NodeStatus,
    Strategy,
)
from pixfarm.name_lists import NameLists
from pixfarm.shared import Farm
from pixfarm.slots import Slots
from pixfarm.trace import Trace
from pixfarm.watch import Watch
from tests.unit.core.fake_journal import FakeJournal

BASE = "/base"
NO_LISTS = NameLists(Path("/no/such/place/lists"))  # for jobs that have none
PATIENCE_S = 10.0  # for what happens at once, unless it never does

Ping = Callable[[Machine], NodeStatus]


def machines(count: int) -> list[Machine]:
    return [Machine(f"node_{i}", "10.0.0.1", 9090 + i) for i in range(1, count + 1)]


def pong(
    machine: Machine,
    p: float = 0.0,
    workers: int = 1,
    *,
    draining: bool = False,
    fault: str = "",
    started_at: float = 0.0,
) -> NodeStatus:
    return NodeStatus(
        name=machine.name,
        host=machine.host,
        port=machine.port,
        load_probability=p,
        workers=workers,
        draining=draining,
        version="1.2.3",
        delay_s=3.0,
        fault=fault,
        started_at=started_at,
    )


def unheard_fleet(count: int = 1, clock: Callable[[], float] | None = None) -> Fleet:
    """A fleet that has not heard of its nodes yet."""
    return Fleet(machines(count), random.Random(1), clock=clock or Clock())


def fleet_of(*probabilities: float, workers: int = 1, clock: Callable[[], float] | None = None) -> Fleet:
    """A fleet of nodes that have just told their load probability."""
    known = machines(len(probabilities))
    fleet = Fleet(known, random.Random(1), clock=clock or Clock())
    for machine, p in zip(known, probabilities, strict=True):
        fleet.pong(machine, pong(machine, p, workers))
    return fleet


def silent(machine: Machine) -> NodeStatus:
    """The ping of a node that has died."""
    raise Unreachable(f"{machine} does not answer")


def watch_of(fleet: Fleet, ping: Ping = silent) -> Watch:
    return Watch(fleet, ping, lambda _machine: None)


def farm_of(
    send: Send,
    fleet: Fleet,
    *,
    journal: FakeJournal | Journal | None = None,
    slots: Slots | None = None,
    trace: Trace | None = None,
    ping: Ping = silent,
    lists: NameLists = NO_LISTS,
) -> Farm:
    """What jobs share; ``ping`` answers when a call has broken off."""
    return Farm(
        fleet,
        slots or Slots(fleet.bound),
        send,
        watch_of(fleet, ping).lives,
        as_journal(journal or FakeJournal()),
        lists,
        trace or Trace(None),
        random.Random(1),
    )


def as_journal(journal: FakeJournal | Journal) -> Journal:
    """For the type checker: the fake takes the place of a real one."""
    return cast(Journal, journal)


def spec(base_path: Path, strategy: Strategy = Strategy.LOAD_BALANCING, job_id: str = "job-1") -> JobSpec:
    return JobSpec(job_id, str(base_path), strategy)


def summary(
    state: JobState = JobState.RUNNING, job_id: str = "job-1", base_path: str = "/base"
) -> JobSummary:
    """What is known of a job that has just begun."""
    return JobSummary(
        job_id=job_id,
        base_path=base_path,
        strategy=Strategy.LOAD_BALANCING,
        state=state,
        total=0,
        done=0,
        failed=0,
        not_done=0,
        rejections=0,
        retries=0,
        elapsed_s=0.0,
        nodes=(),
    )


def fill(folder: Path, count: int) -> Path:
    """The folder, with that many empty files that look like images."""
    for i in range(count):
        os.mknod(f"{folder}/img_{i:04}.jpg")
    return folder


def rejected(
    p: float = 0.5, reason: RejectReason = RejectReason.LOAD, retry_after_s: float = 0.0
) -> TaskRejected:
    return TaskRejected(reason, p, retry_after_s)


def never() -> None:
    """A stop that does not come."""


class Clock:
    """Time that moves when a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Stopped(Exception):
    """Ends a wait."""


class Looks:
    """A stop that ends a wait at a certain look; ``at_look`` is called at each look before."""

    def __init__(self, last: int, at_look: Callable[[], None] = never) -> None:
        self._last = last
        self._at_look = at_look
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        if self.count >= self._last:
            raise Stopped
        self._at_look()


def brakes(check: Callable[[], None] = never, pause: Callable[[float], None] | None = None) -> Brakes:
    """The brakes of a job that does not stop; without a clock its pauses are over at once."""
    return Brakes(check, pause or (lambda _seconds: None), since=0.0)


def start(target: Callable[[], object], names: Iterable[str] = ("one",)) -> list[threading.Thread]:
    """Threads that run."""
    threads = [threading.Thread(target=target, name=name, daemon=True) for name in names]
    for thread in threads:
        thread.start()
    return threads
