"""What the server knows about one node's load, and how each answer changes it."""

import math
import random
from dataclasses import dataclass, field

from pixfarm.errors import RejectReason, TaskFailed, TaskRejected
from pixfarm.model import Machine, NodeHealth, NodeStatus
from pixfarm.scheduling import policy
from pixfarm.scheduling.bars import Bars
from pixfarm.scheduling.blame import Blame, blame_of, may_be_the_nodes
from pixfarm.scheduling.life import Life


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a node; ``delay_s`` is how long the node may sleep before it works."""

    machine: Machine
    delay_s: float


@dataclass(slots=True)
class NodeState:
    """One node as the server sees it; not thread-safe. Times are seconds of one monotonic clock.

    ``service_s`` is a peak-EWMA, as in Finagle: it jumps to a slower sample at once and comes down
    with time constant tau; only calls that did an image count. A node that is ``leaving`` was taken out of
    machine.txt: it gets no more images. ``bars`` keep those images away whose results it cannot write.
    """

    machine: Machine
    life: Life = field(default_factory=Life)
    load_probability: float | None = None
    workers: int = 0
    delay_s: float = 0.0
    version: str = ""
    runs_code: bool = False
    in_flight: int = 0
    service_s: float = policy.SERVICE_START_S
    accept_rate: float = 1.0
    done: int = 0
    refused: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    paused_until: float = 0.0
    sampled_at: float = 0.0
    leaving: bool = False
    bars: Bars = field(default_factory=Bars)

    @property
    def name(self) -> str:
        """Its name in machine.txt."""
        return self.machine.name

    @property
    def place(self) -> Place:
        """A place on it, for an image."""
        return Place(self.machine, self.delay_s)

    @property
    def is_usable(self) -> bool:
        """Whether it may get images at all."""
        return self.life.is_usable and not self.leaving

    @property
    def is_worth_waiting_for(self) -> bool:
        """Whether a job may wait for it without end."""
        return self.life.is_worth_waiting_for and not self.leaving

    @property
    def problem(self) -> str:
        """Why it gets no images, or none of some base path; empty when it gets all."""
        if self.life.message or not self.bars.message:
            return self.life.message
        return f"{self.machine} cannot write all results: {self.bars.message}"

    @property
    def does_its_work(self) -> bool:
        """Whether it has not failed one image after the other, as a broken node does."""
        return self.failed_in_a_row <= policy.MAX_CREDIBLE_IN_A_ROW

    @property
    def window(self) -> int:
        """How many images it may hold at once."""
        if not self.is_usable:
            return 0
        return 1 if self.life.health is NodeHealth.PROBE else policy.WINDOW_PER_WORKER * self.workers

    def has_room(self, now: float) -> bool:
        """Whether it may get another image now."""
        is_open = self.life.doubted_at is None and now >= max(self.paused_until, self.life.rests_until)
        return is_open and self.in_flight < self.window

    def may_take(self, base_path: str, now: float) -> bool:
        """Whether it may get another image of that base path now."""
        return self.has_room(now) and self.bars.lets_pass(base_path, now)

    def is_idle(self, base_path: str, now: float) -> bool:
        """Whether another image of that base path would be worked on at once."""
        return self.may_take(base_path, now) and self.in_flight < self.workers

    @property
    def cost_s(self) -> float:
        """Expected seconds until an image given to it now is done, refusals included."""
        accept = max(self.accept_rate, policy.ACCEPT_FLOOR)
        return (self.in_flight + 1) * self.service_s + policy.REJECT_COST_S * (1 - accept) / accept

    def on_sent(self, base_path: str, now: float) -> None:
        """An image of that base path is on its way to it."""
        self.in_flight += 1
        self.bars.on_sent(base_path, now)

    def on_done(self, base_path: str, now: float, seconds: float) -> None:
        """It did an image of that base path in that many seconds."""
        self.done += 1
        self.bars.on_done(base_path)
        self.failed_in_a_row = 0
        self._on_answer(accepted=True)
        self.life.on_answer(now)
        self.life.disproved_in_a_row = 0
        keep = math.exp(-(now - self.sampled_at) / policy.SERVICE_TAU_S)
        self.service_s = max(seconds, keep * self.service_s + (1 - keep) * seconds)
        self.sampled_at = now

    def on_refused(self, now: float, rejection: TaskRejected) -> None:
        """It refused an image."""
        self.refused += 1
        self.load_probability = rejection.load_probability
        self._on_answer(accepted=False)
        self.life.on_refusal(now)
        self.life.draining = rejection.reason is RejectReason.DRAINING
        if rejection.reason is not RejectReason.LOAD:
            # In this order what is no number counts as the most; it must not pause the node for ever.
            pause_s = max(0.0, min(policy.MAX_RETRY_AFTER_S, rejection.retry_after_s))
            self.paused_until = now + pause_s

    def on_failed(self, base_path: str, now: float, failure: TaskFailed) -> None:
        """It took an image of that base path and could not do it."""
        self.failed += 1
        self.failed_in_a_row += may_be_the_nodes(failure.code)
        self._on_answer(accepted=True)
        blame = blame_of(failure.code)
        if blame is Blame.FOLDER:
            self.bars.on_unwritable(base_path, failure.message)
        if blame in {Blame.IMAGE, Blame.FOLDER, Blame.CODE}:
            self.life.on_answer(now)
        else:
            self.life.on_failure(self.machine, now, str(failure))
        if blame is Blame.NODE and self.is_usable:
            self.life.turn(NodeHealth.PARKED, now, f"{self.machine} is parked: {failure.message}")

    def on_unreachable(self, now: float, message: str) -> None:
        """No connection could be made, so nothing was sent."""
        self.failed += 1
        self.in_flight -= 1
        self.life.turn(NodeHealth.DOWN, now, message)

    def on_broken_call(self, now: float) -> None:
        """A call was sent and got no answer."""
        self.failed += 1
        self.in_flight -= 1
        self.life.on_broken_call(now)

    def on_foreign(self, now: float, message: str) -> None:
        """It answered as no node of this version would."""
        self.failed += 1
        self.in_flight -= 1
        self.life.on_foreign(now, message)

    def on_pong(self, now: float, status: NodeStatus) -> None:
        """It answered a ping."""
        self.load_probability = status.load_probability
        self.workers = status.workers
        self.delay_s = status.delay_s
        self.version = status.version
        self.runs_code = status.runs_code
        self.bars.on_pong(status.unwritable, now)
        self.life.on_pong(self.machine, status, now)

    def on_silence(self, now: float, rng: random.Random, message: str, *, foreign: bool = False) -> None:
        """It did not answer a ping, or not as a node would."""
        self.life.on_silence(now, rng, message, foreign=foreign)

    def wants_ping(self, now: float) -> bool:
        """Whether it should be asked if it lives."""
        return self.life.wants_ping(now, holds_images=self.in_flight > 0, is_barred=self.bars.are_shut)

    def snapshot(self) -> NodeStatus:
        """Its state as others may see it."""
        return NodeStatus(
            name=self.machine.name,
            host=self.machine.host,
            port=self.machine.port,
            load_probability=self.load_probability,
            workers=self.workers,
            in_flight=self.in_flight,
            draining=self.life.draining,
            done=self.done,
            refused=self.refused,
            failed=self.failed,
            health=self.life.health,
            message=self.problem,
            version=self.version,
            delay_s=self.delay_s,
            started_at=self.life.started_at,
            runs_code=self.runs_code,
        )

    def _on_answer(self, *, accepted: bool) -> None:
        self.in_flight -= 1
        self.accept_rate += (float(accepted) - self.accept_rate) / policy.ACCEPT_MEMORY
