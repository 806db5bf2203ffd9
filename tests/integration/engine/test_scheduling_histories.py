"""The rules at work: farms in virtual time, each watched by a judge."""

import pytest
from hypothesis import settings

from pixfarm.errors import FailureCode
from pixfarm.model import Strategy
from tests.unit.scheduling.any_farm import AnyFarm
from tests.unit.scheduling.virtual_farm import VirtualFarm
from tests.unit.scheduling.virtual_nodes import Image, Manner, Process
from tests.unit.scheduling.virtual_scenes import busy_farm, share_of_a_bad_node, virtual_nodes

BALANCED, RANDOM = Strategy.LOAD_BALANCING, Strategy.RANDOM


class AnyFarmForAMoment(AnyFarm):
    """A few histories; tests/integration/test_scheduling_model.py looks at many."""


AnyFarmForAMoment.TestCase.settings = settings(
    derandomize=True,
    max_examples=12,
    stateful_step_count=12,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
)
TestAnyFarm = AnyFarmForAMoment.TestCase


def ends_of(farm: VirtualFarm, seconds: float) -> list[str]:
    farm.run_for(seconds, until=lambda: farm.is_over)
    assert farm.is_over, "the job does not end"
    return [image.end for image in farm.images]


@pytest.mark.parametrize(
    "ill", [FailureCode.CRASHED, FailureCode.NO_SPACE, FailureCode.NOT_FOUND, Manner.BREAKS]
)
def test_a_node_that_fails_everything_gets_next_to_nothing(ill: FailureCode | Manner) -> None:
    assert share_of_a_bad_node(BALANCED, ill, p=0.5, seconds=1.0) <= 0.01


def test_a_node_that_breaks_calls_off_does_not_slow_a_job_down() -> None:
    # By the random strategy every fourth image meets it; retries are rationed, so that many would wait.
    nodes = virtual_nodes(0.0, 0.0, 0.0, 0.0)
    nodes[3].manner = Manner.BREAKS
    farm = busy_farm(nodes, RANDOM, images=1500)
    farm.run_for(2.0)
    assert sum(image.end == "done" for image in farm.images) > 0.9 * 3 * 2.0 / nodes[0].service_s


def test_retries_after_broken_calls_are_rationed() -> None:
    nodes = virtual_nodes(0.0, 0.0, workers=12)
    for node in nodes:
        node.service_s = 0.5
    farm = busy_farm(nodes, BALANCED, images=100)
    farm.run_for(0.2)
    farm.kill(nodes[1])  # 24 calls break off at once
    assert ends_of(farm, 60.0) == ["done"] * 100
    assert len(farm.judge.retries) == 24
    farm.judge.check_retry_budget()


@pytest.mark.parametrize("away_s", [0.0, 0.3, 3.0])
@pytest.mark.parametrize("strategy", Strategy)
def test_a_node_that_was_restarted_gets_images_within_a_second_of_its_first_pong(
    strategy: Strategy, away_s: float
) -> None:
    nodes = virtual_nodes(0.0, 0.0)
    for node in nodes:
        node.service_s = 0.05
    farm = busy_farm(nodes, strategy, images=500)
    farm.run_for(0.5)
    farm.kill(nodes[1])
    farm.run_for(away_s)
    nodes[1].restart()
    life = farm.roster.nodes[1].life
    farm.run_for(20.0, until=lambda: life.started_at == nodes[1].started_at)
    heard_at = farm.now
    farm.run_for(1.0)
    assert any(name == "node_1" and at >= heard_at for at, name in farm.judge.placed)


def test_a_job_gives_up_at_once_when_all_nodes_refuse_everything() -> None:
    farm = busy_farm(virtual_nodes(1.0, 1.0, 1.0), BALANCED, images=100)
    assert set(ends_of(farm, 0.01)) == {"not done"}
    assert farm.gave_up is not None
    assert farm.gave_up.code is FailureCode.ALL_NODES_REJECT


def test_by_the_random_strategy_nodes_with_a_full_load_do_all_images() -> None:
    farm = busy_farm(virtual_nodes(1.0, 1.0), RANDOM, images=4)
    assert ends_of(farm, 10.0) == ["done"] * 4


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize(("there_after_s", "end"), [(4.5, "done"), (100.0, "NOT_FOUND")])
def test_an_image_has_5_s_to_appear(strategy: Strategy, there_after_s: float, end: str) -> None:
    farm = VirtualFarm(virtual_nodes(0.0, 0.5, 0.9), strategy, seed=1)
    farm.submit(Image("late.jpg", there_at=farm.now + there_after_s))
    assert ends_of(farm, 12.0) == [end]
    assert farm.now > farm.began_at + (5.0 if end == "NOT_FOUND" else 4.5)


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("count", [1, 3])
def test_a_poison_image_costs_itself_only(count: int, strategy: Strategy) -> None:
    farm = busy_farm(virtual_nodes(*[0.0] * count), strategy, images=30)
    poison = Image("poison.jpg", is_poison=True)
    farm.submit(poison)
    assert ends_of(farm, 10.0) == ["done"] * 30 + ["CRASHED"]
    assert len(poison.struck) == min(2, count)


def test_a_strike_and_a_refusal_do_not_send_an_image_back_to_the_node_that_struck_it() -> None:
    nodes = virtual_nodes(0.0, 0.9)
    nodes[0].fails = FailureCode.IO
    farm = busy_farm(nodes, BALANCED, images=30)
    assert ends_of(farm, 60.0) == ["done"] * 30


def test_an_image_that_is_lost_with_16_nodes_fails() -> None:
    nodes = virtual_nodes(0.0)
    farm = busy_farm(nodes, BALANCED, images=1)
    for _ in range(16):
        farm.run_for(60.0, until=lambda: farm.held(nodes[0].machine) == 1)
        farm.restart(nodes[0])
    assert ends_of(farm, 1.0) == ["NODE_LOST"]


@pytest.mark.parametrize("strategy", Strategy)
def test_a_foreign_node_is_asked_once_a_job(strategy: Strategy) -> None:
    nodes = virtual_nodes(0.0, 0.0)
    nodes[0].service_s = 0.1
    nodes[1].manner = Manner.FOREIGN
    farm = busy_farm(nodes, strategy, images=500)
    farm.run_for(25.0)
    foreign = [at for at, name in farm.judge.placed if name == "node_1"]
    assert len(foreign) == 2  # as many as it may hold
    nodes[1].manner = Manner.HONEST
    farm.forgive()
    farm.run_for(1.0)
    assert [at for at, name in farm.judge.placed if name == "node_1"] != foreign


@pytest.mark.parametrize("end", ["dies", "freezes", "drains", "has a full disk"])
def test_a_job_whose_only_node_is_gone_gives_up_after_30_s(end: str) -> None:
    (node,) = virtual_nodes(0.0)
    farm = busy_farm([node], BALANCED, images=100)
    farm.run_for(0.1)
    if end == "dies":
        farm.kill(node)
    elif end == "freezes":
        node.process = Process.FROZEN
    elif end == "drains":
        node.draining = True
    else:
        node.fault = "no space left"
    gone_at = farm.now
    assert set(ends_of(farm, 40.0)) == {"done", "not done"}
    assert farm.gave_up is not None
    assert farm.gave_up.code is FailureCode.NO_NODES
    assert 30.0 <= farm.now - gone_at < 34.0  # a frozen node is asked after 1 s and given up after 2 s more
