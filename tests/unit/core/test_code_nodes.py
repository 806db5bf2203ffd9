"""Functions of people's own, which not every node carries out: who gets such images, and when a job stops."""

from dataclasses import replace
from pathlib import Path

import pytest

from pixfarm.code_nodes import refuse_without_code, without_code
from pixfarm.errors import FailureCode, GaveUp, InvalidRequest
from pixfarm.fleet import Fleet
from pixfarm.model import JobState, NodeHealth, NodeStatus, Strategy
from pixfarm.pipeline_text import own_functions
from pixfarm.recipe import EDGES, Recipe
from tests.unit.core.delivery_rig import Rig
from tests.unit.core.fake_nodes import doing, failing
from tests.unit.core.farm_parts import Clock, fill, fleet_of, machines, pong
from tests.unit.core.job_rig import JobRig, counts

OWN = Recipe("resize: width=20 | mine:f: k=3")
NODES = ("node_1", "node_2", "node_3")
RUNS, RUNS_NOT, UNKNOWN = "runs", "runs not", "unknown"


def status(name: str, says: str, health: NodeHealth = NodeHealth.UP) -> NodeStatus:
    probability = None if says == UNKNOWN else 0.5
    return NodeStatus(
        name=name, host="lab", port=1, load_probability=probability, health=health, runs_code=says == RUNS
    )


def fleet_that(*says: str, clock: Clock | None = None) -> Fleet:
    """Nodes that have told whether they run code."""
    fleet = fleet_of(*[0.0] * len(says), clock=clock or Clock())
    for machine, word in zip(machines(len(says)), says, strict=True):
        fleet.pong(machine, replace(pong(machine), runs_code=word == RUNS))
    return fleet


@pytest.mark.parametrize(
    ("pipeline", "functions"),
    [
        ("mine:f", ("mine:f",)),
        ("edges | mine:f: k=3 | a : b", ("mine:f", "a:b")),
        ('watermark: text="a:b"', ()),
        ("edges", ()),
        ("edges | | mine:f", ()),
        ("", ()),
    ],
    ids=["one", "two", "in a text", "none", "no pipeline", "nothing"],
)
def test_a_recipe_tells_whether_it_has_functions_of_peoples_own(
    pipeline: str, functions: tuple[str, ...]
) -> None:
    assert own_functions(pipeline) == functions
    assert Recipe(pipeline).has_own_functions is bool(functions)


def test_nodes_without_code_are_those_that_said_so() -> None:
    nodes = [status("a", RUNS), status("b", RUNS_NOT), status("c", UNKNOWN)]
    assert without_code(nodes) == {"b"}


def test_a_fleet_tells_who_runs_code_as_the_last_pings_did() -> None:
    fleet = fleet_that(RUNS, RUNS_NOT)
    assert [node.runs_code for node in fleet.snapshot()] == [True, False]
    (first, _) = machines(2)
    fleet.pong(first, pong(first))
    assert without_code(fleet.snapshot()) == {"node_1", "node_2"}


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        [status("a", UNKNOWN)],
        [status("a", RUNS), status("b", RUNS_NOT)],
        [status("a", RUNS_NOT, NodeHealth.DOWN)],
    ],
    ids=["none", "unknown", "one of two", "down"],
)
def test_a_function_is_let_pass_while_a_node_may_run_it(nodes: list[NodeStatus]) -> None:
    refuse_without_code(OWN, nodes)


def test_a_function_that_no_node_runs_is_refused() -> None:
    nodes = [status("a", RUNS_NOT), status("b", RUNS, NodeHealth.DOWN)]
    with pytest.raises(InvalidRequest) as refused:
        refuse_without_code(OWN, nodes)
    assert str(refused.value) == (
        "no node runs functions of people's own, as in resize: width=20 | mine:f: k=3; "
        "start computenode.py with --code DIR"
    )
    refuse_without_code(Recipe("invert"), nodes)


@pytest.mark.parametrize("strategy", Strategy)
def test_only_nodes_with_code_are_asked_while_there_are_some(strategy: Strategy) -> None:
    clock = Clock()
    fleet = fleet_that(RUNS_NOT, RUNS, RUNS_NOT, clock=clock)
    rig = Rig(fleet=fleet, clock=clock, recipe=OWN, strategy=strategy)
    for number in range(20):
        rig.deliver(f"{number}.jpg")
    assert set(rig.asked) == {"node_2"}


def test_other_images_go_to_all_nodes() -> None:
    clock = Clock()
    fleet = fleet_that(RUNS_NOT, RUNS, clock=clock)
    rig = Rig(fleet=fleet, clock=clock, recipe=EDGES, strategy=Strategy.RANDOM)
    for number in range(20):
        rig.deliver(f"{number}.jpg")
    assert set(rig.asked) == {"node_1", "node_2"}


def test_a_node_that_lacks_the_code_of_a_job_is_asked_once_and_stays_good() -> None:
    answers = {"node_1": failing(FailureCode.NO_CODE), "node_2": doing}
    rig = Rig(nodes=2, by_node=answers, strategy=Strategy.RANDOM, recipe=OWN, fleet=fleet_that(RUNS, RUNS))
    for number in range(30):
        rig.deliver(f"{number}.jpg")
    assert rig.asked.count("node_1") == 1
    assert rig.tally.counts()["done"] == 30
    assert rig.healths == [NodeHealth.UP] * 2


def test_an_image_whose_code_nobody_has_stops_the_job_and_is_not_failed() -> None:
    rig = Rig(nodes=3, by_node=dict.fromkeys(NODES, failing(FailureCode.NO_CODE)))
    with pytest.raises(GaveUp) as stopped:
        rig.deliver()
    assert set(rig.asked) == set(NODES)
    assert stopped.value.code is FailureCode.NO_CODE
    assert (
        str(stopped.value)
        == f"{rig.asked[0]}: no luck; mend that and client.py --resume job-1, or submit it with another --op"
    )
    assert rig.journal.recorded == []


def test_a_job_that_stops_for_its_code_tells_what_a_node_with_code_said() -> None:
    clock = Clock()
    fleet = fleet_that(RUNS_NOT, RUNS_NOT, RUNS, clock=clock)
    rig = Rig(
        fleet=fleet, clock=clock, recipe=OWN, by_node=dict.fromkeys(NODES, failing(FailureCode.NO_CODE))
    )
    with pytest.raises(GaveUp, match=r"^node_3: no luck"):
        rig.deliver()
    assert set(rig.asked) == set(NODES)


def test_code_that_is_broken_after_a_strike_of_the_image_stops_the_job_too() -> None:
    rig = Rig(failing(FailureCode.TIMED_OUT), *[failing(FailureCode.NO_CODE)] * 2, nodes=1)
    with pytest.raises(GaveUp, match=r"^node_1: no luck; mend that and client"):
        rig.deliver()


def test_a_job_whose_code_nobody_has_leaves_all_its_images_to_a_later_run(tmp_path: Path) -> None:
    rig = JobRig(fill(tmp_path, 50), failing(FailureCode.NO_CODE))
    report = rig.run()
    assert (report.state, report.code, counts(report)) == (JobState.GAVE_UP, "NO_CODE", (50, 0, 0, 50))
    assert len(rig.nodes.asked) < 50
    assert {failure.code for failure in report.failures} == {"NO_CODE"}
