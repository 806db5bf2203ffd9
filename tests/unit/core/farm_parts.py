"""Nodes, clocks and brakes that do what a test tells them, in place of sockets and time."""

import os
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pixfarm.delivery import Brakes, Call
from pixfarm.dispatch import Farm
from pixfarm.errors import RejectReason, TaskRejected
from pixfarm.fleet import Fleet
from pixfarm.model import JobSpec, Machine, NodeStatus, Strategy, Task, TaskResult
from pixfarm.slots import Slots

PATIENCE_S = 10.0  # for what happens at once, unless it never does

Answer = Callable[[Task], None]


def machines(count: int) -> list[Machine]:
    return [Machine(f"node_{i}", "10.0.0.1", 9090 + i) for i in range(1, count + 1)]


def pong(machine: Machine, p: float = 0.0, workers: int = 1, *, draining: bool = False) -> NodeStatus:
    return NodeStatus(
        name=machine.name,
        host=machine.host,
        port=machine.port,
        load_probability=p,
        workers=workers,
        draining=draining,
        version="1.2.3",
        delay_s=3.0,
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


def farm_of(call: Call, fleet: Fleet) -> Farm:
    return Farm(fleet, Slots(fleet.bound), call, random.Random(1))


def spec(base_path: Path, strategy: Strategy = Strategy.LOAD_BALANCING, job_id: str = "job-1") -> JobSpec:
    return JobSpec(job_id, str(base_path), strategy)


def fill(folder: Path, count: int) -> Path:
    """The folder, with that many empty files that look like images."""
    for i in range(count):
        os.mknod(f"{folder}/img_{i:04}.jpg")
    return folder


def rejected(
    p: float = 0.5, reason: RejectReason = RejectReason.LOAD, retry_after_s: float = 0.0
) -> TaskRejected:
    return TaskRejected(reason, p, retry_after_s)


def doing(_task: Task) -> None:
    """The answer of a node that does every image."""


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other, then all images are done."""
    left = iter(answers)

    def answer(task: Task) -> None:
        next(left, doing)(task)

    return answer


def raising(error: type[Exception], *arguments: object) -> Answer:
    """The answer of a node that fails every image in the same way."""

    def answer(_task: Task) -> None:
        raise error(*arguments)

    return answer


def refusing(p: float = 0.5) -> Answer:
    """The answer of a node that refuses every image."""
    return raising(TaskRejected, RejectReason.LOAD, p)


def never() -> None:
    """A stop that does not come."""


class Clock:
    """Time that moves when a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


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


class FakeNodes:
    """Does images as wire.NodeCaller.call does, by the answer of each node.

    Args:
        answers: those of single nodes, by name.
        otherwise: that of all others.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None, otherwise: Answer | None = None) -> None:
        self._answers = dict(answers or {})
        self._otherwise = otherwise or doing
        self._lock = threading.Lock()
        self.asked: list[tuple[str, str]] = []
        self.tasks: list[Task] = []
        self.strategies: set[Strategy] = set()

    def __call__(self, machine: Machine, task: Task, strategy: Strategy) -> TaskResult:
        with self._lock:
            self.asked.append((machine.name, task.filename))
            self.tasks.append(task)
            self.strategies.add(strategy)
        self._answers.get(machine.name, self._otherwise)(task)
        return TaskResult(task.attempt_id, 0.0, 0.01, 4, 3, 100)

    def nodes_asked(self, filename: str) -> list[str]:
        return [node for node, asked in self.asked if asked == filename]


def brakes(check: Callable[[], None] = never) -> Brakes:
    """The brakes of a job that does not stop, and whose pauses are over at once."""
    return Brakes(check, lambda _seconds: None, since=0.0)


def start(target: Callable[[], object], names: Iterable[str] = ("one",)) -> list[threading.Thread]:
    """Threads that run."""
    threads = [threading.Thread(target=target, name=name, daemon=True) for name in names]
    for thread in threads:
        thread.start()
    return threads
