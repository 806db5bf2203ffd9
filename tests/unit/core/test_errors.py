import pickle

import pytest

from pixfarm import errors
from pixfarm.errors import (
    AnswerLate,
    AnswerLost,
    BadMachinesFile,
    FailureCode,
    ForeignPeer,
    GaveUp,
    InvalidRequest,
    NotReady,
    PeerError,
    PixfarmError,
    RejectReason,
    StateUnusable,
    TaskFailed,
    TaskRejected,
    UnknownJob,
    Unreachable,
    UsageError,
)

EXAMPLES = [
    PixfarmError("something"),
    UsageError("wrong"),
    BadMachinesFile("machine.txt:7: wrong"),
    InvalidRequest("wrong"),
    UnknownJob("job-7"),
    StateUnusable("another server uses it"),
    PeerError("lost"),
    Unreachable("node_1 refuses connections"),
    AnswerLost("node_1 fell silent"),
    AnswerLate("node_1 did not answer within 60 s"),
    ForeignPeer("node_1 talks HTTP"),
    TaskRejected(RejectReason.BUSY, 0.25, 0.5),
    TaskFailed(FailureCode.NO_SPACE, "the disk is full"),
    NotReady("it printed: no"),
    GaveUp(FailureCode.NO_NODES, "nobody is there"),
]


def test_every_exception_has_an_example_here() -> None:
    defined = {
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PixfarmError)
    }
    assert {type(example) for example in EXAMPLES} == defined


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_exception_survives_the_way_between_processes(error: PixfarmError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UnknownJob("a\nb"), "the server knows no job 'a\\nb'"),
        (TaskRejected(RejectReason.LOAD, 0.5), "refused (LOAD, p = 0.5)"),
        (TaskFailed(FailureCode.CRASHED, "worker died"), "CRASHED: worker died"),
        (GaveUp(FailureCode.CANCELLED, "by a client"), "by a client"),
    ],
    ids=["UnknownJob", "TaskRejected", "TaskFailed", "GaveUp"],
)
def test_a_message_is_a_line_for_a_person(error: PixfarmError, message: str) -> None:
    assert str(error) == message


@pytest.mark.parametrize(
    ("parent", "children"),
    [
        (UsageError, {BadMachinesFile, InvalidRequest, UnknownJob, StateUnusable}),
        (PeerError, {Unreachable, AnswerLost, ForeignPeer}),
    ],
    ids=["the person mends the input", "the other side of a connection"],
)
def test_exceptions_are_sorted_by_what_the_caller_does_next(
    parent: type[PixfarmError], children: set[type[PixfarmError]]
) -> None:
    assert set(parent.__subclasses__()) == children


def test_codes_travel_by_their_names() -> None:
    assert all(code.value == code.name for code in (*FailureCode, *RejectReason))
