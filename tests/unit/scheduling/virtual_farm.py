"""A farm in virtual time: what delivery, calls and fleet do with the scheduling rules, in one thread."""

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pixfarm.errors import AnswerLost, FailureCode, ForeignPeer, GaveUp, TaskFailed, TaskRejected, Unreachable
from pixfarm.model import Machine, Strategy
from pixfarm.scheduling.backoff import lag_pause_s, sweep_pause_s
from pixfarm.scheduling.policy import NO_NODE_TIMEOUT_S
from pixfarm.scheduling.roster import Roster, SweepOver
from tests.unit.scheduling.farm_rules import Judge
from tests.unit.scheduling.node_states import BASE
from tests.unit.scheduling.virtual_nodes import Image, Outcome, Process, VirtualNode
from tests.unit.scheduling.virtual_time import VirtualTime
from tests.unit.scheduling.virtual_watch import VirtualWatch

BEGIN_S = 1000.0  # a monotonic clock may stand anywhere
LOOK_AGAIN_S = 0.25  # of an image that waits for a place
PATIENCE_S = 10.0  # with a call
NOT_DONE = "not done"


@dataclass(eq=False)
class Call:
    """A call that was sent; it is open until it has an outcome."""

    image: Image
    node: VirtualNode
    sent_at: float
    is_open: bool = True


class VirtualFarm:
    """One job on some nodes; time moves in run_for() only.

    Args:
        nodes: the nodes, all of them in machine.txt at first.
        strategy: of the job.
        seed: of all chance.
    """

    def __init__(self, nodes: Iterable[VirtualNode], strategy: Strategy, seed: int) -> None:
        self.nodes = {node.machine: node for node in nodes}
        self.strategy = strategy
        self.images: list[Image] = []
        self.gave_up: GaveUp | None = None
        self.is_interrupted = False  # by a broken rule
        self._rng = random.Random(seed)
        self.began_at = BEGIN_S
        self._time = VirtualTime(BEGIN_S)
        self.roster = Roster(self.nodes, self._rng, NO_NODE_TIMEOUT_S, self.now)
        self.judge = Judge(self)
        self._watch = VirtualWatch(self._time, self.roster, self.nodes, self._rng, self._on_silence)
        self._calls: list[Call] = []
        self._listed: deque[Image] = deque()
        self._waiting: list[Image] = []
        self._in_doubt: list[Callable[[], bool]] = []
        self._started = self._ended = 0
        self._time.every(LOOK_AGAIN_S, lambda: None)  # at every event all who wait look

    @property
    def now(self) -> float:
        """Seconds of the virtual clock."""
        return self._time.now

    @property
    def is_over(self) -> bool:
        """Whether every image has its end."""
        return self._ended == len(self.images)

    def held(self, machine: Machine) -> int:
        """Images that a node has."""
        return sum(call.node.machine == machine for call in self._calls)

    def submit(self, image: Image) -> None:
        """One more image is listed."""
        self.images.append(image)
        self._listed.append(image)

    def run_for(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> None:
        """Lets time pass, at most until something holds."""
        end = self.now + seconds
        self.is_interrupted = True
        self._look()
        while not until() and self._time.goes_on_to(end):
            self._look()
            self.judge.after_event()
        self.is_interrupted = False

    def kill(self, node: VirtualNode) -> None:
        """Its process dies, and its connections with it."""
        node.process = Process.DEAD
        self._break_calls(node, "reset by peer")

    def restart(self, node: VirtualNode) -> None:
        """It dies, if it lives, and is there again."""
        self.kill(node)
        node.restart()

    def thaw(self, node: VirtualNode) -> None:
        """It goes on after it was frozen; what came meanwhile is answered now."""
        node.process = Process.RUNNING
        for call in [call for call in self._calls if call.node is node]:
            self._send(call)

    def set_machines(self, machines: Iterable[Machine]) -> None:
        """machine.txt changes."""
        self.roster.set_machines(machines, self.now)

    def forgive(self) -> None:
        """Another job begins."""
        for node in self.roster.nodes:
            node.life.forgive(self.now)
        self.judge.barred.clear()

    def _on_silence(self, node: VirtualNode) -> None:
        self.judge.barred.discard(node.machine)
        self._break_calls(node, "abandoned: its node is silent")

    def _break_calls(self, node: VirtualNode, message: str) -> None:
        for call in [call for call in self._calls if call.node is node]:
            self._end_call(call, AnswerLost(message))

    def _look(self) -> None:
        """All who wait for something look whether it has come."""
        self._in_doubt = [is_decided for is_decided in self._in_doubt if not is_decided()]
        while self._listed and (self.gave_up or self._started - self._ended < self.roster.bound()):
            self._waiting.append(self._listed.popleft())
            self._started += 1
        for image in list(self._waiting):
            self._place(image)

    def _place(self, image: Image) -> None:
        if self.gave_up:
            self._waiting.remove(image)
            self._end_image(image, NOT_DONE)
            return
        try:
            node = self.roster.reserve(self.strategy, image.attempts, BEGIN_S, self.now)
        except SweepOver:
            self._waiting.remove(image)
            image.swept.clear()
            self._again(image, sweep_pause_s(image.attempts.on_sweep_end(), self._rng))
            return
        except GaveUp as why:
            self.judge.on_gave_up(why)
            self.gave_up = why
            self._place(image)
            return
        if node is not None:
            self._waiting.remove(image)
            call = Call(image, self.nodes[node.machine], self.now)
            self._calls.append(call)
            self.judge.on_placed(image, node)
            self._time.after(PATIENCE_S, lambda: self._end_call(call, AnswerLost("no answer in time")))
            self._send(call)

    def _send(self, call: Call) -> None:
        if call.node.process is not Process.FROZEN:
            seconds, outcome = call.node.answer(call.image, self.strategy, self.now)
            self._time.after(seconds, lambda: self._on_answer(call, outcome))

    def _on_answer(self, call: Call, outcome: Outcome) -> None:
        if call.node.process is not Process.FROZEN:  # else it is given after the thaw
            self._end_call(call, outcome)

    def _end_call(self, call: Call, outcome: Outcome) -> None:
        if not call.is_open:
            return
        call.is_open = False
        self._calls.remove(call)
        with self.judge.answer(call.image, call.node.machine, outcome):
            self._note(call, outcome)
        self.roster.drop_leavers()

    def _note(self, call: Call, outcome: Outcome) -> None:
        """What Calls, Fleet and Delivery do with an outcome."""
        image, attempts, machine = call.image, call.image.attempts, call.node.machine
        node = self.roster.node(machine, self.now)
        match outcome:
            case None:
                node.on_done(BASE, self.now, self.now - call.sent_at)
                self.roster.tokens.on_success()
                self._disprove(attempts.failed_on - {node.name})
                self._end_image(image, "done")
            case TaskRejected():
                node.on_refused(self.now, outcome)
                self._go_on(image, attempts.on_refused(node.name, outcome.reason))
            case TaskFailed():
                node.on_failed(BASE, self.now, outcome)
                is_credible = self.roster.is_credible(node, outcome.code)
                given_up = attempts.on_failed(node.name, outcome, self.now, is_credible=is_credible)
                is_missing = outcome.code is FailureCode.NOT_FOUND
                self._go_on(image, given_up, lag_pause_s(attempts.missing) if is_missing else 0.0)
            case Unreachable():
                node.on_unreachable(self.now, str(outcome))
                self._go_on(image, None)
            case ForeignPeer():
                node.on_foreign(self.now, str(outcome))
                self._go_on(image, attempts.on_node_fault(node.name, str(outcome)))
            case _:
                ticket = self._watch.broken(machine)
                self._in_doubt.append(lambda: self._is_decided(image, machine, ticket))

    def _disprove(self, names: set[str]) -> None:
        for node in self.roster.nodes:
            if node.name in names:
                node.life.on_disproved(node.machine, self.now)

    def _is_decided(self, image: Image, machine: Machine, ticket: int) -> bool:
        lives = self._watch.verdict(machine, ticket)
        if lives is None:
            return False
        self.judge.on_verdict(image, machine.name, lives=lives)
        given_up = image.attempts.on_broken_call(machine.name, "broke off", is_suspect=lives)
        if given_up is not None:
            self._end_image(image, given_up.code)
        else:
            self._retry(image)
        return True

    def _retry(self, image: Image) -> None:
        wait_s = self.roster.take_retry(self.now)
        if wait_s:
            # Not so short that virtual time, which is a float, would stand still.
            self._time.after(max(wait_s, 1e-6), lambda: self._retry(image))
        else:
            self.judge.on_retry()
            self._again(image, 0.0)

    def _go_on(self, image: Image, given_up: TaskFailed | None, pause_s: float = 0.0) -> None:
        if given_up is None:
            self._again(image, pause_s)
        else:
            self._end_image(image, given_up.code)

    def _again(self, image: Image, pause_s: float) -> None:
        self._time.after(pause_s, lambda: self._waiting.append(image))

    def _end_image(self, image: Image, end: str) -> None:
        assert not image.end, f"{image} has ended before"
        image.end = end
        self._ended += 1
        self.judge.on_ended(image)
