"""What the server knows about one node, and how each answer changes it."""

import math
import random
from dataclasses import dataclass

from pixfarm.errors import RejectReason, TaskRejected
from pixfarm.model import Machine, NodeHealth, NodeStatus
from pixfarm.scheduling import policy
from pixfarm.scheduling.backoff import ping_ceiling_s, ping_pause_s


@dataclass(slots=True)
class NodeState:
    """One node as the server sees it; not thread-safe. Times are seconds of one monotonic clock.

    ``service_s`` is a peak-EWMA, as in Finagle: it jumps to a slower sample at once and comes down
    with time constant tau; only calls that did an image count.
    """

    machine: Machine
    health: NodeHealth = NodeHealth.DOWN
    message: str = "not asked yet"
    load_probability: float | None = None
    workers: int = 0
    delay_s: float = 0.0
    version: str = ""
    in_flight: int = 0
    service_s: float = policy.SERVICE_START_S
    accept_rate: float = 1.0
    done: int = 0
    refused: int = 0
    failed: int = 0
    paused_until: float = 0.0
    heard_at: float = 0.0
    sampled_at: float = 0.0
    ever_heard: bool = False
    draining: bool = False
    pinging: bool = False
    ping_failures: int = 0
    ping_at: float = 0.0

    @property
    def is_usable(self) -> bool:
        """Whether it may get images at all."""
        return self.health in {NodeHealth.UP, NodeHealth.PROBE}

    @property
    def window(self) -> int:
        """How many images it may hold at once."""
        if self.health is NodeHealth.PROBE:
            return 1
        return policy.WINDOW_PER_WORKER * self.workers if self.is_usable else 0

    def has_room(self, now: float) -> bool:
        """Whether it may get another image now."""
        return self.in_flight < self.window and now >= self.paused_until

    @property
    def cost_s(self) -> float:
        """Expected seconds until an image given to it now is done, refusals included."""
        accept = max(self.accept_rate, policy.ACCEPT_FLOOR)
        return (self.in_flight + 1) * self.service_s + policy.REJECT_COST_S * (1 - accept) / accept

    def on_sent(self) -> None:
        """An image is on its way to it."""
        self.in_flight += 1

    def on_done(self, now: float, seconds: float) -> None:
        """It did an image in that many seconds."""
        self.done += 1
        self._on_answer(now, accepted=True)
        keep = math.exp(-(now - self.sampled_at) / policy.SERVICE_TAU_S)
        self.service_s = max(seconds, keep * self.service_s + (1 - keep) * seconds)
        self.sampled_at = now

    def on_refused(self, now: float, rejection: TaskRejected) -> None:
        """It refused an image."""
        self.refused += 1
        self.load_probability = rejection.load_probability
        self._on_answer(now, accepted=False)
        self.draining = rejection.reason is RejectReason.DRAINING
        if rejection.reason is not RejectReason.LOAD:
            # In this order what is no number counts as the most; it must not pause the node for ever.
            pause_s = max(0.0, min(policy.MAX_RETRY_AFTER_S, rejection.retry_after_s))
            self.paused_until = now + pause_s

    def on_failed(self, now: float) -> None:
        """It took an image and could not do it; says nothing against the node."""
        self.failed += 1
        self._on_answer(now, accepted=True)

    def on_lost(self, now: float, message: str) -> None:
        """A call to it got no answer; it gets no images until it has answered a ping."""
        self.failed += 1
        self.in_flight -= 1
        self._turn(NodeHealth.DOWN, now, message)

    def on_foreign(self, now: float, message: str) -> None:
        """It answered as no node of this version would."""
        self.failed += 1
        self.in_flight -= 1
        self._turn(NodeHealth.QUARANTINED, now, message)
        # It may well answer pings; asked at once, it would cost one image after the other a try.
        self.ping_at = now + policy.PING_PAUSE_MAX_S

    def on_pong(self, now: float, status: NodeStatus) -> None:
        """It answered a ping."""
        self.pinging = False
        self.heard_at = now
        self.draining = status.draining
        self.load_probability = status.load_probability
        self.workers = status.workers
        self.delay_s = status.delay_s
        self.version = status.version
        if status.draining:
            self._turn(NodeHealth.DOWN, now, f"{self.machine} is draining: it finishes what runs")
            self.ping_at = now + policy.PING_PAUSE_START_S
        elif not self.is_usable:
            # Lost before and back: one image has to show that it works. A first contact has lost nothing.
            self.health = NodeHealth.PROBE if self.ever_heard else NodeHealth.UP
            self.message = ""
        if status.name != self.machine.name:
            self.message = f"{self.machine} calls itself {status.name}; compare machine.txt there and here"
        self.ever_heard = True

    def on_silence(self, now: float, rng: random.Random, message: str, *, foreign: bool = False) -> None:
        """It did not answer a ping, or not as a node would."""
        self.pinging = False
        self._turn(NodeHealth.QUARANTINED if foreign else NodeHealth.DOWN, now, message)
        self.ping_at = now + ping_pause_s(self.ping_failures, rng)
        self.ping_failures += 1

    def wants_ping(self, now: float) -> bool:
        """Whether it should be asked if it lives."""
        if self.pinging:
            return False
        if self.is_usable:
            return self.in_flight > 0 and now - self.heard_at > policy.SILENCE_S
        return now >= self.ping_at

    def snapshot(self) -> NodeStatus:
        """Its state as others may see it."""
        return NodeStatus(
            name=self.machine.name,
            host=self.machine.host,
            port=self.machine.port,
            load_probability=self.load_probability,
            workers=self.workers,
            in_flight=self.in_flight,
            draining=self.draining,
            done=self.done,
            refused=self.refused,
            failed=self.failed,
            health=self.health,
            message=self.message,
            version=self.version,
            delay_s=self.delay_s,
        )

    def _on_answer(self, now: float, *, accepted: bool) -> None:
        self.in_flight -= 1
        self.heard_at = now
        self.accept_rate += (float(accepted) - self.accept_rate) / policy.ACCEPT_MEMORY
        if self.health is NodeHealth.PROBE:
            self.health = NodeHealth.UP
            self.ping_failures = 0

    def _turn(self, health: NodeHealth, now: float, message: str) -> None:
        if self.health is NodeHealth.UP:
            self.ping_at = now
            self.ping_failures = 0
        elif self.health is NodeHealth.PROBE:
            # It answers pings and nothing else: that must not go round and round.
            self.ping_at = now + ping_ceiling_s(self.ping_failures)
            self.ping_failures += 1
        self.health = health
        self.message = message
