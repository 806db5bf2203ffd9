import dataclasses

import pytest

from pixfarm.model import NodeCounts
from pixfarm.phases import Phases
from pixfarm.timings import Timings, timings_of
from tests.unit.core.timing_parts import EVEN, job, node


def known(*nodes: NodeCounts, pipeline: str = "edges") -> Timings:
    timings = timings_of(job(*nodes, pipeline=pipeline))
    assert timings is not None
    return timings


def with_operations(*seconds: float) -> Phases:
    return dataclasses.replace(EVEN, operations=seconds)


def test_every_phase_has_its_name_and_its_time_in_the_order_in_which_images_pass() -> None:
    phases = Phases(1.0, 2.0, 3.0, 4.0, (5.0, 6.0), 7.0, 8.0)
    timings = known(node(images=2, phases=phases), pipeline="resize: width=8 | sharpen")
    assert timings.nodes[0].seconds == {
        "waiting": 2.0,
        "sending": 4.0,
        "reading": 6.0,
        "decoding": 8.0,
        "resize": 10.0,
        "sharpen": 12.0,
        "encoding": 14.0,
        "writing": 16.0,
    }
    assert timings.phases == tuple(timings.nodes[0].seconds)
    assert timings.nodes[0].per_image_s("reading") == 3.0


@pytest.mark.parametrize(
    ("pipeline", "names"),
    [
        ("flip | sharpen", ("flip", "sharpen")),
        ("sharpen: amount=1 | sharpen", ("sharpen 1", "sharpen 2")),
        ("flip | my_module:draw: k=3", ("flip", "my_module:draw")),
        ("flip", ("operation 1", "operation 2")),
        ("what a newer server writes ((", ("operation 1", "operation 2")),
    ],
    ids=["two", "the same twice", "an own function", "another number", "unreadable"],
)
def test_operations_have_the_names_of_the_pipeline(pipeline: str, names: tuple[str, ...]) -> None:
    timings = known(node(phases=with_operations(0.1, 0.2)), pipeline=pipeline)
    assert timings.operations == names


def test_nodes_that_tell_fewer_operations_have_no_time_in_the_others() -> None:
    timings = known(
        node("new", 1, with_operations(0.1, 0.2)),
        node("old", 1, with_operations(0.3)),
        pipeline="flip | blur",
    )
    assert [(one.seconds["flip"], one.seconds["blur"]) for one in timings.nodes] == [(0.1, 0.2), (0.3, 0.0)]


def test_a_job_whose_nodes_do_not_tell_has_no_times() -> None:
    assert timings_of(job()) is None
    assert timings_of(job(NodeCounts("node_1", 7, 0, 0, 0.1))) is None


def test_nodes_that_do_not_tell_are_left_out() -> None:
    timings = known(NodeCounts("old", 7, 0, 0, 0.1), node("new"))
    assert [one.name for one in timings.nodes] == ["new"]
    assert timings.all.images == 100


def test_all_is_the_sum_of_the_nodes() -> None:
    timings = known(node("a", 1, reading=1.0), node("b", 3, reading=3.0))
    assert (timings.all.images, timings.all.seconds["reading"]) == (4, 10.0)


def test_shares_leave_waiting_out() -> None:
    timings = known(node(waiting=100.0))
    assert [timings.percent(phase) for phase in timings.phases[1:]] == [10, 10, 20, 20, 30, 10]
    assert timings.percent("decoding", "encoding") == 50


def test_without_work_there_are_no_shares() -> None:
    assert known(node(phases=Phases(waiting=1.0))).percent("reading") == 0


def test_operations_can_be_one_phase() -> None:
    timings = known(node(images=1, phases=with_operations(0.25, 0.5)), pipeline="flip | blur").joined()
    assert timings.phases == (
        *("waiting", "sending", "reading", "decoding"),
        *("operations", "encoding", "writing"),
    )
    assert timings.nodes[0].seconds["operations"] == 0.75
    assert timings.all.at_work_s == pytest.approx(0.83)


def test_a_single_operation_keeps_its_name() -> None:
    assert known(node()).joined().operations == ("edges",)
