"""Compute nodes in virtual time: what they truly are, and so what they answer."""

import random
from dataclasses import dataclass, field
from enum import Enum

from pixfarm.errors import (
    AnswerLost,
    FailureCode,
    ForeignPeer,
    PixfarmError,
    RejectReason,
    TaskFailed,
    TaskRejected,
    Unreachable,
)
from pixfarm.model import Machine, NodeStatus, Strategy
from pixfarm.scheduling.attempts import Attempts
from tests.unit.scheduling.node_states import BASE

TRIP_S = 0.0005  # there and back
INSTANT_S = 0.0001  # for a node that fails whatever it gets
NEVER_S = 1e9

Outcome = PixfarmError | None  # None: the image is done


class Process(Enum):
    """Whether the node's process runs."""

    RUNNING = "running"
    FROZEN = "frozen"
    DEAD = "dead"


class Manner(Enum):
    """How a node answers that does not simply fail."""

    HONEST = "does what it gets"
    BREAKS = "breaks calls off, answers pings"
    SWALLOWS = "never answers calls, answers pings"
    FOREIGN = "answers calls in another version's way, answers pings"
    STRANGER = "answers nothing as a node would"


@dataclass(eq=False)
class Image:
    """One image, what is the matter with it, and what came of it.

    Below ``end`` are the books of the judge: who failed it or was lost with it, who gave it a strike,
    who refused it in this sweep, who did not find it and when.
    """

    name: str
    is_poison: bool = False
    is_bad: bool = False
    there_at: float = 0.0
    attempts: Attempts = field(default_factory=Attempts)
    end: str = ""
    blamed: set[str] = field(default_factory=set)
    struck: set[str] = field(default_factory=set)
    strikes: int = 0
    swept: set[str] = field(default_factory=set)
    misses: list[tuple[str, float]] = field(default_factory=list)

    def on_strike(self, node: str) -> None:
        """A node's failure counts against it."""
        self.struck.add(node)
        self.strikes += 1

    def failure(self, now: float) -> FailureCode | None:
        """What happens to it on any node."""
        if now < self.there_at:
            return FailureCode.NOT_FOUND
        if self.is_poison:
            return FailureCode.CRASHED
        return FailureCode.UNREADABLE if self.is_bad else None


@dataclass(eq=False)
class VirtualNode:
    """A node as it truly is; ``fails`` is the code it gives at once to every image, ``is_full`` its disk."""

    machine: Machine
    rng: random.Random
    p: float = 0.0
    workers: int = 2
    service_s: float = 0.005
    process: Process = Process.RUNNING
    manner: Manner = Manner.HONEST
    fails: FailureCode | None = None
    fault: str = ""
    is_full: bool = False
    draining: bool = False
    busy_until: float = 0.0
    delay_s: float = 3.0
    started_at: float = 1.0
    free_at: list[float] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether it would do an image now, if it takes it."""
        is_willing = self.process is Process.RUNNING and not self.draining and self.p < 1
        return (
            is_willing
            and self.manner is Manner.HONEST
            and self.fails is None
            and not (self.fault or self.is_full)
        )

    def restart(self) -> None:
        """Another process takes its place, without what ailed this one."""
        self.process = Process.RUNNING
        self.manner = Manner.HONEST
        self.fails, self.fault, self.is_full, self.draining = None, "", False, False
        self.started_at += 1.0
        self.free_at.clear()

    def status(self) -> NodeStatus:
        """What it says to a ping."""
        return NodeStatus(
            name=self.machine.name,
            host=self.machine.host,
            port=self.machine.port,
            load_probability=self.p,
            workers=self.workers,
            draining=self.draining,
            fault=self.fault,
            unwritable=(BASE,) if self.is_full else (),
            started_at=self.started_at,
        )

    def answer(self, image: Image, strategy: Strategy, now: float) -> tuple[float, Outcome]:
        """Seconds until it answers, and what."""
        if self.process is Process.DEAD:
            return TRIP_S, Unreachable("refused the connection")
        odd: dict[Manner, tuple[float, Outcome]] = {
            Manner.BREAKS: (TRIP_S, AnswerLost("reset")),
            Manner.SWALLOWS: (NEVER_S, None),
            Manner.FOREIGN: (TRIP_S, ForeignPeer("unknown method")),
            Manner.STRANGER: (TRIP_S, ForeignPeer("talks HTTP")),
        }
        if self.manner in odd:
            return odd[self.manner]
        refusal = self._refusal(strategy, now)
        if refusal is not None:
            return TRIP_S, refusal
        return self._work(image, now, slept_s=self._slept_s())

    def _refusal(self, strategy: Strategy, now: float) -> TaskRejected | None:
        if self.draining:
            return TaskRejected(RejectReason.DRAINING, self.p, 1.0)
        if strategy is Strategy.RANDOM:
            return None
        if now < self.busy_until:
            return TaskRejected(RejectReason.BUSY, self.p, 0.05)
        return TaskRejected(RejectReason.LOAD, self.p) if self.rng.random() < self.p else None

    def _slept_s(self) -> float:
        return self.delay_s if self.rng.random() < self.p else 0.0

    def _work(self, image: Image, now: float, slept_s: float) -> tuple[float, Outcome]:
        code = FailureCode.NO_RESOURCES if self.fault else self.fails
        code = FailureCode.NO_SPACE if self.is_full else code
        if code is not None:
            return INSTANT_S + slept_s, TaskFailed(code, "always")
        if len(self.free_at) != self.workers:
            self.free_at = [now] * self.workers
        worker = self.free_at.index(min(self.free_at))
        self.free_at[worker] = max(self.free_at[worker], now + slept_s) + self.service_s
        end = self.free_at[worker]
        failure = image.failure(end)
        outcome = None if failure is None else TaskFailed(failure, "because of the image")
        return TRIP_S + end - now, outcome
