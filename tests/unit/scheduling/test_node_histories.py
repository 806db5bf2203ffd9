import math
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pixfarm.errors import RejectReason
from pixfarm.model import Machine, NodeHealth
from pixfarm.scheduling.node import NodeState
from tests.unit.scheduling.node_states import pong, rejected

SECONDS = st.floats(0.0, 100.0)


class AnyHistory(RuleBasedStateMachine):
    """One node, and whatever may happen to it in the order it may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.node = NodeState(Machine("node_1", "10.0.0.1", 9091))
        self.rng = random.Random(1)
        self.now = 0.0
        self.sent = 0
        self.ended = 0

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.node.has_room(self.now))
    @rule()
    def an_image_is_sent(self) -> None:
        self.node.on_sent()
        self.sent += 1

    @precondition(lambda self: self.sent > self.ended)
    @rule(seconds=SECONDS)
    def an_image_is_done(self, seconds: float) -> None:
        self.node.on_done(self.now, seconds)
        self.ended += 1

    @precondition(lambda self: self.sent > self.ended)
    @rule(reason=st.sampled_from(RejectReason), p=st.floats(0, 1), retry_after_s=st.floats())
    def an_image_is_refused(self, reason: RejectReason, p: float, retry_after_s: float) -> None:
        self.node.on_refused(self.now, rejected(reason, p, retry_after_s))
        self.ended += 1

    @precondition(lambda self: self.sent > self.ended)
    @rule(end=st.sampled_from(["failed", "lost", "foreign"]))
    def an_image_is_not_done(self, end: str) -> None:
        if end == "failed":
            self.node.on_failed(self.now)
        elif end == "lost":
            self.node.on_lost(self.now, "no answer")
        else:
            self.node.on_foreign(self.now, "talks HTTP")
        self.ended += 1

    @precondition(lambda self: self.node.wants_ping(self.now))
    @rule()
    def it_is_pinged(self) -> None:
        self.node.pinging = True

    @precondition(lambda self: self.node.pinging)
    @rule(workers=st.integers(1, 4), draining=st.booleans())
    def it_answers_the_ping(self, workers: int, *, draining: bool) -> None:
        self.node.on_pong(self.now, pong(workers=workers, draining=draining))

    @precondition(lambda self: self.node.pinging)
    @rule(foreign=st.booleans())
    def it_does_not_answer_the_ping(self, *, foreign: bool) -> None:
        self.node.on_silence(self.now, self.rng, "no pong", foreign=foreign)

    @invariant()
    def every_place_is_accounted_for(self) -> None:
        assert 0 <= self.node.in_flight == self.sent - self.ended
        assert self.node.done + self.node.refused + self.node.failed == self.ended

    @invariant()
    def who_is_usable_and_nobody_else_may_hold_images(self) -> None:
        assert (self.node.window >= 1) == self.node.is_usable

    @invariant()
    def who_is_not_usable_will_be_pinged(self) -> None:
        if not self.node.is_usable:
            assert self.node.pinging or self.node.wants_ping(self.now + 15.0)

    @invariant()
    def nobody_is_left_alone_for_more_than_a_second(self) -> None:
        if self.node.is_usable and self.node.in_flight < self.node.window:
            assert self.node.has_room(self.now + 1.0)

    @invariant()
    def the_cost_is_a_number(self) -> None:
        assert 0 <= self.node.accept_rate <= 1
        assert 0 <= self.node.cost_s < math.inf

    @invariant()
    def a_snapshot_says_why_a_node_is_not_up(self) -> None:
        seen = self.node.snapshot()
        assert bool(seen.message) == (seen.health in {NodeHealth.DOWN, NodeHealth.QUARANTINED})


AnyHistory.TestCase.settings = settings(
    derandomize=True, max_examples=15, stateful_step_count=15, database=None, deadline=None
)
TestAnyHistory = AnyHistory.TestCase
