"""Whatever may happen to a farm, in any order: a state machine for Hypothesis."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from pixfarm.errors import FailureCode
from pixfarm.model import Machine, Strategy
from tests.unit.scheduling.virtual_farm import VirtualFarm
from tests.unit.scheduling.virtual_nodes import Image, Manner, Process, VirtualNode
from tests.unit.scheduling.virtual_scenes import machine, virtual_nodes

LONGEST_S = 1200.0  # a job with a dozen images takes no longer, whatever happens
WHICH = st.integers(0, 3)
NO_STRIKES = [FailureCode.NOT_FOUND, FailureCode.NO_MEMORY]
FAULTS = [FailureCode.NO_SPACE, FailureCode.NO_RESOURCES]
STRIKES = [FailureCode.CRASHED, FailureCode.TIMED_OUT, FailureCode.IO, FailureCode.INTERNAL]


class AnyFarm(RuleBasedStateMachine):
    """One job on one to four nodes; the farm's judge watches every step.

    With a saint, node 0 is left alone, and only node 1 may hold images responsible for its own failings:
    two such nodes may take an image's two strikes, as the rules say.
    """

    @initialize(
        seed=st.integers(0, 999),
        strategy=st.sampled_from(Strategy),
        probabilities=st.lists(st.sampled_from([0.0, 0.5, 0.9, 1.0]), min_size=1, max_size=4),
        images=st.integers(1, 8),
        has_saint=st.booleans(),
    )
    def begin(
        self, seed: int, strategy: Strategy, probabilities: list[float], images: int, *, has_saint: bool
    ) -> None:
        nodes = virtual_nodes(*probabilities, seed=seed)
        for node in nodes[1::2]:
            node.workers = 2
        if has_saint:
            nodes[0].p = min(nodes[0].p, 0.9)
        self.farm = VirtualFarm(nodes, strategy, seed)
        self.farm.judge.saint = nodes[0].machine if has_saint else None
        self.away: set[Machine] = set()
        self.more_images(images)

    def sinner(self, which: int) -> VirtualNode | None:
        """A node to which something may happen."""
        nodes = list(self.farm.nodes.values())
        node = nodes[which % len(nodes)]
        return None if node.machine == self.farm.judge.saint else node

    def may_strike(self, node: VirtualNode) -> bool:
        return self.farm.judge.saint is None or node.machine == machine(1)

    @rule(seconds=st.sampled_from([0.003, 0.02, 0.1, 0.3, 1.0, 3.0, 12.0]))
    def time_passes(self, seconds: float) -> None:
        self.farm.run_for(seconds)

    @rule(count=st.integers(1, 4))
    def more_images(self, count: int) -> None:
        for _ in range(count):
            self.farm.submit(Image(f"{len(self.farm.images)}.jpg"))

    @rule(kind=st.sampled_from(["poison", "bad", "late", "missing"]))
    def an_odd_image(self, kind: str) -> None:
        there_at = {"late": self.farm.now + 2.0, "missing": float("inf")}.get(kind, 0.0)
        name = f"{len(self.farm.images)}.{kind}"
        self.farm.submit(Image(name, is_poison=kind == "poison", is_bad=kind == "bad", there_at=there_at))

    @rule(which=WHICH, after=st.sampled_from(["stays dead", "restarts", "restarts at once"]))
    def a_node_dies(self, which: int, after: str) -> None:
        node = self.sinner(which)
        if node is not None:
            self.farm.kill(node)
            if after != "stays dead":
                self.farm.run_for(0.0 if after == "restarts at once" else 0.4)
                node.restart()

    @rule(which=WHICH, seconds=st.sampled_from([0.5, 1.5, 4.0]))
    def a_node_freezes(self, which: int, seconds: float) -> None:
        node = self.sinner(which)
        if node is not None and node.process is Process.RUNNING:
            node.process = Process.FROZEN
            self.farm.run_for(seconds)
            self.farm.thaw(node)

    @rule(which=WHICH)
    def a_node_freezes_for_good(self, which: int) -> None:
        node = self.sinner(which)
        if node is not None and node.process is Process.RUNNING:
            node.process = Process.FROZEN

    @rule(which=WHICH, code=st.sampled_from([*NO_STRIKES, *FAULTS, *STRIKES]))
    def a_node_fails_everything(self, which: int, code: FailureCode) -> None:
        node = self.sinner(which)
        if node is not None and (code not in STRIKES or self.may_strike(node)):
            node.fails = code

    @rule(which=WHICH, manner=st.sampled_from(Manner))
    def a_node_behaves(self, which: int, manner: Manner) -> None:
        node = self.sinner(which)
        may_be = manner in {Manner.HONEST, Manner.FOREIGN, Manner.STRANGER}
        if node is not None and (may_be or self.may_strike(node)):
            node.manner = manner

    @rule(which=WHICH)
    def a_node_is_mended(self, which: int) -> None:
        node = self.sinner(which)
        if node is not None:
            node.fails, node.fault, node.is_full = None, "", False

    @rule(which=WHICH, seconds=st.sampled_from([0.5, 3.0]))
    def a_disk_is_full_for_a_while(self, which: int, seconds: float) -> None:
        node = self.sinner(which)
        if node is not None:
            node.is_full = True
            self.farm.run_for(seconds)
            node.is_full = False

    @rule(which=WHICH, seconds=st.sampled_from([0.5, 3.0]))
    def a_node_is_out_of_descriptors_for_a_while(self, which: int, seconds: float) -> None:
        node = self.sinner(which)
        if node is not None:
            node.fault = "too many open files"
            self.farm.run_for(seconds)
            node.fault = ""

    @rule(which=WHICH)
    def a_node_drains(self, which: int) -> None:
        node = self.sinner(which)
        if node is not None:
            node.draining = True

    @rule(which=WHICH, p=st.sampled_from([0.0, 0.5, 0.9, 1.0]))
    def a_node_restarts_with_another_load(self, which: int, p: float) -> None:
        node = self.sinner(which)
        if node is not None:
            node.p = p
            self.farm.restart(node)

    @rule(which=WHICH)
    def a_node_is_crowded(self, which: int) -> None:
        node = self.sinner(which)
        if node is not None:
            node.busy_until = self.farm.now + 2.0

    @rule(which=WHICH)
    def machines_change(self, which: int) -> None:
        node = self.sinner(which)
        if node is not None:
            self.away ^= {node.machine}
            self.farm.set_machines(m for m in self.farm.nodes if m not in self.away)

    @rule()
    def another_job_begins(self) -> None:
        self.farm.forgive()

    def teardown(self) -> None:
        if not hasattr(self, "farm") or self.farm.is_interrupted:
            return
        for node in self.farm.nodes.values():
            # Else each image may be tried 16 times, 10 s after each other.
            if node.fails is FailureCode.NO_RESOURCES:
                node.fault = "found by its own check in the end"
            node.is_full = node.is_full or node.fails is FailureCode.NO_SPACE
        self.farm.run_for(LONGEST_S, until=lambda: self.farm.is_over)
        assert self.farm.is_over, "the job does not end"
        self.farm.judge.check_retry_budget()
