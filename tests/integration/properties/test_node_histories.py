import math
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pixfarm.errors import FailureCode, RejectReason
from pixfarm.model import NodeHealth
from tests.unit.scheduling.node_states import BASE, failed, pong, rejected, unheard

SECONDS = st.floats(0.0, 100.0)


class AnyHistory(RuleBasedStateMachine):
    """One node, and whatever may happen to it in the order it may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.node = unheard()
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
        self.node.on_sent(BASE, self.now)
        self.sent += 1

    @precondition(lambda self: self.sent > self.ended)
    @rule(seconds=SECONDS)
    def an_image_is_done(self, seconds: float) -> None:
        self.node.on_done(BASE, self.now, seconds)
        self.ended += 1

    @precondition(lambda self: self.sent > self.ended)
    @rule(reason=st.sampled_from(RejectReason), p=st.floats(0, 1), retry_after_s=st.floats())
    def an_image_is_refused(self, reason: RejectReason, p: float, retry_after_s: float) -> None:
        self.node.on_refused(self.now, rejected(reason, p, retry_after_s))
        self.ended += 1

    @precondition(lambda self: self.sent > self.ended)
    @rule(code=st.sampled_from(FailureCode))
    def an_image_fails(self, code: FailureCode) -> None:
        self.node.on_failed(BASE, self.now, failed(code))
        self.ended += 1

    @precondition(lambda self: self.sent > self.ended)
    @rule(end=st.sampled_from(["unreachable", "broken", "foreign"]))
    def a_call_fails(self, end: str) -> None:
        if end == "unreachable":
            self.node.on_unreachable(self.now, "refused the connection")
        elif end == "broken":
            self.node.on_broken_call(self.now)
        else:
            self.node.on_foreign(self.now, "unknown method")
        self.ended += 1

    @rule()
    def others_do_what_it_could_not(self) -> None:
        self.node.life.on_disproved(self.node.machine, self.now)

    @rule()
    def another_job_begins(self) -> None:
        self.node.life.forgive(self.now)

    @precondition(lambda self: self.node.wants_ping(self.now))
    @rule()
    def it_is_pinged(self) -> None:
        self.node.life.on_ping(self.now)

    @precondition(lambda self: self.node.life.pinging)
    @rule(
        workers=st.integers(1, 4),
        draining=st.booleans(),
        fault=st.sampled_from(["", "no space left"]),
        started_at=st.sampled_from([1.0, 2.0]),
    )
    def it_answers_the_ping(self, workers: int, fault: str, started_at: float, *, draining: bool) -> None:
        status = pong(workers=workers, draining=draining, fault=fault, started_at=started_at)
        self.node.on_pong(self.now, status)

    @precondition(lambda self: self.node.life.pinging)
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
            assert self.node.life.pinging or self.node.wants_ping(self.now + 15.0)

    @invariant()
    def who_is_in_doubt_gets_nothing_and_is_pinged(self) -> None:
        if self.node.life.doubted_at is not None:
            assert not self.node.has_room(self.now)
            assert self.node.life.pinging or self.node.wants_ping(self.now)

    @invariant()
    def nobody_is_left_alone_for_ever(self) -> None:
        one = self.node
        if one.is_usable and one.life.doubted_at is None and one.in_flight < one.window:
            assert one.has_room(self.now + (10.0 if one.life.health is NodeHealth.PROBE else 1.0))

    @invariant()
    def the_cost_is_a_number(self) -> None:
        assert 0 <= self.node.accept_rate <= 1
        assert 0 <= self.node.cost_s < math.inf

    @invariant()
    def a_snapshot_says_why_a_node_is_not_up(self) -> None:
        seen = self.node.snapshot()
        assert bool(seen.message) == (seen.health not in {NodeHealth.UP, NodeHealth.PROBE})


AnyHistory.TestCase.settings = settings(
    derandomize=True, max_examples=15, stateful_step_count=15, database=None, deadline=None
)
TestAnyHistory = AnyHistory.TestCase
