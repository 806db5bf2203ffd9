"""The scheduling rules as a judge of a virtual farm, who keeps books of his own."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from pixfarm.errors import FailureCode, ForeignPeer, GaveUp, TaskFailed, TaskRejected
from pixfarm.model import Machine, NodeHealth, Strategy
from pixfarm.scheduling.node import NodeState
from pixfarm.scheduling.roster import Roster
from tests.unit.scheduling.node_states import BASE
from tests.unit.scheduling.virtual_nodes import Image, Outcome, VirtualNode

STRIKES = {FailureCode.CRASHED, FailureCode.TIMED_OUT, FailureCode.IO, FailureCode.INTERNAL}
UNWRITABLE = {FailureCode.NO_SPACE, FailureCode.READ_ONLY}
FAULTS = {FailureCode.NO_RESOURCES, *UNWRITABLE}
USABLE = {NodeHealth.UP, NodeHealth.PROBE}


class Judged(Protocol):
    """What a judge looks at."""

    strategy: Strategy
    roster: Roster
    nodes: dict[Machine, VirtualNode]

    @property
    def now(self) -> float:
        """Seconds."""

    def held(self, machine: Machine) -> int:
        """Images that a node has."""


class Judge:
    """Told of everything that happens; fails with AssertionError at the first broken rule.

    ``saint`` is a node of which it is known that it lives and does its work all the time: with it no image
    may fail for another reason than its own.
    """

    def __init__(self, farm: Judged) -> None:
        self._farm = farm
        self.saint: Machine | None = None
        self._failed_in_a_row: Counter[Machine] = Counter()
        self.barred: set[Machine] = set()
        self.placed: list[tuple[float, str]] = []
        self.retries: list[float] = []
        self.successes: list[float] = []
        self._began_at = self._usable_at = farm.now

    def on_placed(self, image: Image, node: NodeState) -> None:
        """An image is about to be sent."""
        now = self._farm.now
        self.placed.append((now, node.name))
        assert not image.end, "an image is sent after its end"
        assert node.life.health in USABLE, f"placed on a node that is {node.life.health}"
        assert not node.leaving, "placed on a node that leaves"
        assert node.life.doubted_at is None, "placed on a node in doubt"
        assert now >= node.paused_until, "placed on a node that wants to be left alone"
        assert node.machine not in self.barred, "placed on a node in quarantine"
        assert not node.bars.are_shut, "placed on a node that cannot write it"
        assert node.name not in image.swept, "asked again in the same sweep"
        window = 1 if node.life.health is NodeHealth.PROBE else 2 * node.workers
        assert self._farm.held(node.machine) <= window, "more images than its window"
        for passed_over in (image.blamed, image.struck):
            if node.name in passed_over:
                others = self._willing_but(passed_over)
                assert not others, f"again on {node.name}, which failed it, while {others} did not"

    @contextmanager
    def answer(self, image: Image, machine: Machine, outcome: Outcome) -> Iterator[None]:
        """While the rules are told of an outcome."""
        node, attempts = self._farm.roster.node(machine, self._farm.now), image.attempts
        counted = (attempts.taken, attempts.strikes, attempts.node_faults, node.life.losses)
        was_usable = node.is_usable
        self._keep_books(image, node, outcome)
        yield
        assert attempts.strikes == image.strikes, "other strikes than there were"
        if isinstance(outcome, TaskRejected):
            after = (attempts.taken, attempts.strikes, attempts.node_faults, node.life.losses)
            assert (after, node.is_usable) == (counted, was_usable), "a refusal is held against somebody"
        if isinstance(outcome, TaskFailed) and outcome.code in UNWRITABLE:
            assert not node.bars.lets_pass(BASE, self._farm.now), "more images for a disk that is full"
        elif isinstance(outcome, TaskFailed) and outcome.code in FAULTS:
            assert not node.is_usable, "a node with a fault of its own gets more images"

    def on_verdict(self, image: Image, name: str, *, lives: bool) -> None:
        """A broken call was looked into."""
        image.blamed.add(name)
        if lives:
            image.on_strike(name)

    def on_retry(self) -> None:
        """A call that broke off is repeated."""
        self.retries.append(self._farm.now)

    def on_ended(self, image: Image) -> None:
        """An image is done, failed, or not done."""
        now = self._farm.now
        assert image.strikes <= 2, "more than two strikes"
        if image.end == "done":
            self.successes.append(now)
            assert not image.is_poison, "done against all odds"
            assert not image.is_bad, "done against all odds"
        elif image.end == FailureCode.NOT_FOUND:
            lookers = [name for name, _ in image.misses]
            assert now - image.misses[0][1] >= 5.0, "given up before storage had its time"
            assert lookers[-1] in lookers[:-1], "given up at somebody's first look"
        elif image.end in STRIKES:
            assert image.strikes == 2 or image.attempts.node_faults == 16
        self._check_saint(image)

    def on_gave_up(self, why: GaveUp) -> None:
        """The job gives up."""
        assert self.saint is None, f"gave up beside a node that does its work: {why}"
        usable = [node for node in self._farm.roster.nodes if node.is_usable]
        on_trial = [node for node in usable if node.life.failed_trials >= 2 and node.in_flight]
        if why.code is FailureCode.ALL_NODES_REJECT:
            assert usable
            assert all((node.load_probability or 0.0) >= 1 for node in usable)
            assert self._farm.strategy is Strategy.LOAD_BALANCING
        else:
            assert why.code is FailureCode.NO_NODES
            assert not on_trial
            assert not any(self._is_hopeful(node) for node in usable)
            assert self._farm.now - self._usable_at >= 30.0

    def after_event(self) -> None:
        """Something has happened."""
        for node in self._farm.roster.nodes:
            assert 0 <= node.in_flight == self._farm.held(node.machine), "places are lost or made up"
            if node.is_usable and self._is_hopeful(node):
                self._usable_at = self._farm.now

    def check_retry_budget(self) -> None:
        """No stretch of time saw more retries than a burst, a fifth per success and one a second per node."""
        nodes = max(1, len(self._farm.nodes))
        starts = [(self._began_at, 0, 10.0)] + [(at, i, 100.0) for i, at in enumerate(self.retries)]
        for start, before, burst in starts:
            for i in range(before, len(self.retries)):
                end = self.retries[i]
                successes = sum(start <= at <= end for at in self.successes)
                budget = min(burst + 0.2 * successes + nodes * (end - start), 1e9)
                assert i + 1 - before <= budget + 1e-6, f"retries {before} to {i} in {end - start:.3f} s"

    def _keep_books(self, image: Image, node: NodeState, outcome: Outcome) -> None:
        if isinstance(outcome, TaskRejected):
            image.swept.add(node.name)
        elif isinstance(outcome, TaskFailed):
            image.blamed.add(node.name)
            if outcome.code is FailureCode.NOT_FOUND:
                image.misses.append((node.name, self._farm.now))
            elif outcome.code is FailureCode.NO_MEMORY:
                image.struck.add(node.name)
            elif outcome.code not in FAULTS and self._is_credible(node.machine, outcome.code):
                image.on_strike(node.name)
        elif outcome is None:
            self._failed_in_a_row[node.machine] = 0
        elif isinstance(outcome, ForeignPeer):
            image.blamed.add(node.name)
            self.barred.add(node.machine)

    def _is_credible(self, machine: Machine, code: FailureCode) -> bool:
        """Not the word of a node that has failed more than three images in a row, beside one that has not."""
        if code not in {FailureCode.CRASHED, FailureCode.IO, FailureCode.INTERNAL}:
            return True
        self._failed_in_a_row[machine] += 1
        usable = [node.machine for node in self._farm.roster.nodes if node.is_usable]
        are_others_fine = any(self._failed_in_a_row[other] <= 3 for other in usable if other != machine)
        return self._failed_in_a_row[machine] <= 3 or not are_others_fine

    def _is_hopeful(self, node: NodeState) -> bool:
        return node.life.failed_trials < 2 and not node.bars.are_hopeless(BASE)

    def _willing_but(self, passed_over: set[str]) -> list[str]:
        """Other nodes that would take an image, sooner or later."""
        is_random = self._farm.strategy is Strategy.RANDOM
        return [
            node.name
            for node in self._farm.roster.nodes
            if node.is_usable and not node.life.draining and node.name not in passed_over
            if not node.bars.are_hopeless(BASE)
            if is_random or (node.load_probability or 0.0) < 1
        ]

    def _check_saint(self, image: Image) -> None:
        if self.saint is None or image.is_poison or image.is_bad:
            return
        is_lag = (
            image.end == FailureCode.NOT_FOUND and image.there_at > 0.0
        )  # it came late, looks were too early
        assert image.end == "done" or is_lag, f"{image.name} ended as {image.end}"
