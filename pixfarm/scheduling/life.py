"""Whether a node lives, as far as pings and answers tell, and when to ask it again."""

import math
import random
from dataclasses import dataclass

from pixfarm.model import Machine, NodeHealth, NodeStatus
from pixfarm.scheduling import policy
from pixfarm.scheduling.backoff import ping_ceiling_s, ping_pause_s


@dataclass(slots=True)
class Life:
    """What is known of a node's life; times are seconds of one monotonic clock.

    A node is *in doubt* from a call that broke off until it has answered a ping that began later, or has
    not. It is *lost* whenever it stops being usable, or turns out to have been started anew. It *rests* after
    a trial that broke off. It is *worth waiting for* while it is usable and not known to fail its trials.
    """

    health: NodeHealth = NodeHealth.DOWN
    message: str = "not asked yet"
    heard_at: float = 0.0
    ever_heard: bool = False
    draining: bool = False
    started_at: float = 0.0
    pinging: bool = False
    ping_began_at: float = 0.0
    ping_at: float = 0.0
    ping_failures: int = 0
    doubted_at: float | None = None
    losses: int = 0
    lost_at: float = -math.inf
    broken_in_a_row: int = 0
    disproved_in_a_row: int = 0
    spoke_foreign: bool = False
    rests_until: float = 0.0
    failed_trials: int = 0

    @property
    def is_usable(self) -> bool:
        """Whether the node may get images at all."""
        # Asked for every node and image; an enum's hash is Python code and would cost six times as much.
        return self.health is NodeHealth.UP or self.health is NodeHealth.PROBE

    @property
    def is_worth_waiting_for(self) -> bool:
        """Whether a job may wait for it without end: not when all that it does is to answer pings."""
        return self.is_usable and self.failed_trials < policy.MAX_FAILED_TRIALS

    def wants_ping(self, now: float, *, holds_images: bool, is_barred: bool) -> bool:
        """Whether the node should be asked if it lives, or if there is a place where it can write again."""
        if self.pinging:
            return False
        if not self.is_usable:
            return now >= self.ping_at
        # One that refused because it drains is asked until it says so itself: only that takes it out.
        is_unsure = self.doubted_at is not None or self.draining
        if is_barred and now - self.ping_began_at >= policy.PARKED_PING_S:
            return True
        return is_unsure or (holds_images and now - self.heard_at > policy.SILENCE_S)

    def on_ping(self, now: float) -> None:
        """A ping is on its way; exactly one of on_pong() and on_silence() follows."""
        self.pinging = True
        self.ping_began_at = now

    def on_pong(self, machine: Machine, status: NodeStatus, now: float) -> None:
        """The node answered a ping."""
        self.pinging = False
        self.heard_at = now
        self.draining = status.draining
        self._settle_doubt(status, now)
        if status.draining:
            self.turn(NodeHealth.DOWN, now, f"{machine} is draining: it finishes what runs")
            self.ping_at = now + policy.PING_PAUSE_START_S
        elif status.fault:
            self.turn(NodeHealth.PARKED, now, f"{machine} is parked: {status.fault}")
            self.ping_at = now + policy.PARKED_PING_S
        elif self.spoke_foreign:
            self.ping_at = now + policy.PING_PAUSE_MAX_S
        elif not self.is_usable:
            # Lost before and back: one image has to show that it works. A first contact has lost nothing.
            self.health = NodeHealth.PROBE if self.ever_heard else NodeHealth.UP
            self.message = ""
        if status.name != machine.name:
            self.message = f"{machine} calls itself {status.name}; compare machine.txt there and here"
        self.ever_heard = True

    def on_silence(self, now: float, rng: random.Random, message: str, *, foreign: bool) -> None:
        """The node did not answer a ping, or not as a node would."""
        self.pinging = False
        self.turn(NodeHealth.QUARANTINED if foreign else NodeHealth.DOWN, now, message)
        # What may come back there is another process.
        self.spoke_foreign = False
        self.failed_trials = 0
        self.ping_at = now + ping_pause_s(self.ping_failures, rng)
        self.ping_failures += 1

    def on_refusal(self, now: float) -> None:
        """The node refused an image: it lives; whether it works is still to be seen."""
        self.heard_at = now
        self.broken_in_a_row = 0

    def on_answer(self, now: float) -> None:
        """The node answered a call as a working node does."""
        self.on_refusal(now)
        if self.health is NodeHealth.PROBE:
            self.health = NodeHealth.UP
            self.ping_failures = self.failed_trials = 0

    def on_failure(self, machine: Machine, now: float, reason: str) -> None:
        """The node answered that it could not do an image, which may be its fault."""
        self.heard_at = now
        self.broken_in_a_row = 0
        if self.health is NodeHealth.PROBE:
            self.turn(NodeHealth.PARKED, now, f"{machine} is parked: it failed its trial: {reason}")

    def on_broken_call(self, now: float) -> None:
        """A call was sent and not answered: whose fault that is, a ping will show."""
        self.broken_in_a_row += 1
        if self.is_usable:
            self.doubted_at = now

    def on_disproved(self, machine: Machine, now: float) -> None:
        """Another node did an image that this one could not do."""
        self.disproved_in_a_row += 1
        if self.disproved_in_a_row >= policy.MAX_DISPROVED_IN_A_ROW and self.is_usable:
            failed = f"it failed on {self.disproved_in_a_row} images in a row that other nodes did"
            self.turn(NodeHealth.PARKED, now, f"{machine} is parked: {failed}")

    def on_foreign(self, now: float, message: str) -> None:
        """A call was answered as no node of this version would."""
        self.spoke_foreign = True
        self.turn(NodeHealth.QUARANTINED, now, message)
        # It may well answer pings; believed, it would cost one image after the other a try.
        self.ping_at = now + policy.PING_PAUSE_MAX_S

    def forgive(self, now: float) -> None:
        """A new job begins: quarantine was for the jobs that saw the reason."""
        if self.spoke_foreign:
            self.spoke_foreign = False
            self.ping_at = now

    def turn(self, health: NodeHealth, now: float, message: str) -> None:
        """The node is not usable from now on."""
        if self.health is NodeHealth.UP:
            self.ping_at = now if health is NodeHealth.DOWN else now + policy.PING_PAUSE_START_S
            self.ping_failures = 0
        elif self.health is NodeHealth.PROBE:
            # It answers pings and nothing else: that must not go round and round.
            self.ping_at = now + self._pause_after_trial_s()
        if self.is_usable:
            self.losses += 1
            self.lost_at = now
        self.doubted_at = None
        self.disproved_in_a_row = 0
        self.rests_until = now
        self.health = health
        self.message = message

    def _settle_doubt(self, status: NodeStatus, now: float) -> None:
        is_another = self.ever_heard and status.started_at != self.started_at
        self.started_at = status.started_at
        if is_another and self.is_usable:
            self.turn(NodeHealth.DOWN, now, "")  # what it held died with the process before
        if is_another:
            self.failed_trials = 0
        if self.doubted_at is None or self.ping_began_at < self.doubted_at:
            return
        self.doubted_at = None
        if self.health is NodeHealth.PROBE:
            # Its trial broke off: it answers pings and nothing else, which must not go round and round.
            self.rests_until = now + self._pause_after_trial_s()
        elif self.broken_in_a_row >= policy.MAX_BROKEN_IN_A_ROW:
            self.health = NodeHealth.PROBE
            self.ping_failures = 0

    def _pause_after_trial_s(self) -> float:
        pause_s = ping_ceiling_s(self.ping_failures)
        self.ping_failures += 1
        self.failed_trials += 1
        return pause_s
