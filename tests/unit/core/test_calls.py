import json
from pathlib import Path

import pytest

from pixfarm.calls import Answer, Calls, Outcome
from pixfarm.errors import (
    AnswerLost,
    FailureCode,
    ForeignPeer,
    InvalidRequest,
    PixfarmError,
    RejectReason,
    TaskFailed,
    TaskRejected,
    Unreachable,
)
from pixfarm.flight import Flight
from pixfarm.model import Machine, NodeHealth, NodeStatus, Strategy, Task, TaskResult
from pixfarm.scheduling.attempts import Attempts
from pixfarm.tally import Tally
from pixfarm.trace import Trace
from tests.unit.core.fake_nodes import FakeNodes, doing, raising
from tests.unit.core.farm_parts import BASE, fleet_of, machines, never, spec

(NODE_1,) = machines(1)
TASK = Task("/base", "a.jpg", "x-1")

REFUSAL = TaskRejected(RejectReason.BUSY, 0.5)
FAILURE = TaskFailed(FailureCode.NO_RESOURCES, "too many open files")


class Desk:
    """A place on the only node, and calls to it."""

    def __init__(self, error: Exception | None, trace: Path | None = None) -> None:
        answer = doing if error is None else raising(type(error), *error.args)
        self.fleet = fleet_of(0.0)
        self.tally = Tally()
        self.flight = Flight(BASE, "a.jpg", lambda _flight: None)
        self.calls = Calls(
            spec(Path("/base")), self.fleet, FakeNodes(otherwise=answer), self.tally, Trace(trace)
        )

    def ask(self) -> Answer:
        self.fleet.reserve(Strategy.LOAD_BALANCING, Attempts(), 0.0, never)
        return self.calls.ask(NODE_1, TASK, self.flight)

    @property
    def node(self) -> NodeStatus:
        (node,) = self.fleet.snapshot()
        return node


@pytest.mark.parametrize(
    ("error", "outcome", "health"),
    [
        (None, Outcome.DONE, NodeHealth.UP),
        (REFUSAL, Outcome.REFUSED, NodeHealth.UP),
        (FAILURE, Outcome.FAILED, NodeHealth.PARKED),
        (InvalidRequest("does not exist"), Outcome.FAILED, NodeHealth.UP),
        (Unreachable("refused"), Outcome.UNREACHABLE, NodeHealth.DOWN),
        (AnswerLost("reset"), Outcome.BROKEN, NodeHealth.UP),
        (ForeignPeer("talks HTTP"), Outcome.FOREIGN, NodeHealth.QUARANTINED),
    ],
    ids=lambda value: value.name if isinstance(value, Outcome | NodeHealth) else type(value).__name__,
)
def test_what_a_call_came_to(error: PixfarmError | None, outcome: Outcome, health: NodeHealth) -> None:
    desk = Desk(error)
    answer = desk.ask()
    assert (answer.outcome, answer.node) == (outcome, "node_1")
    assert (desk.node.health, desk.node.in_flight) == (health, 0)
    assert desk.flight.calls() == ()


def test_a_result_is_handed_on_with_the_time_it_took() -> None:
    desk = Desk(None)
    answer = desk.ask()
    assert answer.result is not None
    assert answer.result.attempt_id == "x-1"
    assert answer.seconds >= 0.0
    assert desk.node.done == 1


def test_a_refusal_is_handed_on_with_its_reason() -> None:
    desk = Desk(REFUSAL)
    assert desk.ask().reason is RejectReason.BUSY
    assert [(node.refused, node.failed) for node in desk.tally.nodes()] == [(1, 0)]


def test_a_failure_is_handed_on_as_it_is() -> None:
    failure = Desk(FAILURE).ask().failure
    assert failure is not None
    assert (failure.code, failure.message) == (FailureCode.NO_RESOURCES, "too many open files")


def test_a_node_that_does_not_see_the_base_path_has_not_found_the_image() -> None:
    failure = Desk(InvalidRequest("base path '/base' does not exist")).ask().failure
    assert failure is not None
    assert failure.code is FailureCode.NOT_FOUND
    assert failure.message == "the node says: base path '/base' does not exist"


@pytest.mark.parametrize(
    ("error", "failed"),
    [(FAILURE, 1), (AnswerLost("reset"), 1), (ForeignPeer("talks HTTP"), 1), (Unreachable("refused"), 0)],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_calls_that_came_to_nothing_are_counted_for_the_node(error: Exception, failed: int) -> None:
    desk = Desk(error)
    desk.ask()
    assert sum(node.failed for node in desk.tally.nodes()) == failed


def test_a_broken_call_comes_with_a_ticket_for_the_verdict() -> None:
    desk = Desk(AnswerLost("reset"))
    answer = desk.ask()
    assert answer.message == "reset"
    assert desk.fleet.verdict(NODE_1, answer.ticket) is None
    desk.fleet.silent(NODE_1, "no pong")
    assert desk.fleet.verdict(NODE_1, answer.ticket) is False


def test_a_bug_is_not_swallowed_and_costs_no_place() -> None:
    desk = Desk(ZeroDivisionError("oops"))
    with pytest.raises(ZeroDivisionError):
        desk.ask()
    assert (desk.node.in_flight, desk.flight.calls()) == (0, ())


def test_a_call_is_known_to_its_flight_while_it_lasts() -> None:
    seen: list[str] = []
    flight = Flight(BASE, "a.jpg", lambda _flight: None)

    def send(machine: Machine, task: Task, strategy: Strategy) -> TaskResult:
        seen.extend(call.attempt_id for call in flight.calls())
        return FakeNodes()(machine, task, strategy)

    fleet = fleet_of(0.0)
    fleet.reserve(Strategy.LOAD_BALANCING, Attempts(), 0.0, never)
    Calls(spec(Path("/base")), fleet, send, Tally(), Trace(None)).ask(NODE_1, TASK, flight)
    assert seen == ["x-1"]


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (None, "done", ""),
        (REFUSAL, "refused", ""),
        (FAILURE, "failed", "NO_RESOURCES"),
        (AnswerLost("reset"), "lost", ""),
        (Unreachable("refused"), "unreachable", ""),
        (ForeignPeer("talks HTTP"), "foreign", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_question_and_answer_are_traced(
    tmp_path: Path, error: Exception | None, outcome: str, code: str
) -> None:
    desk = Desk(error, tmp_path / "trace")
    with desk.calls._trace:
        desk.ask()
    lines = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    where = {"job": "job-1", "image": "a.jpg", "node": "node_1", "attempt": "x-1"}
    assert [{key: line[key] for key in where} for line in lines] == [where, where]
    assert [line["event"] for line in lines] == ["sent", "answer"]
    assert (lines[1]["outcome"], lines[1]["code"]) == (outcome, code)
