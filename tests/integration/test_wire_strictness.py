import math
from collections.abc import Iterator
from typing import Any

import pytest

from pixfarm.errors import FailureCode, RejectReason, TaskFailed, TaskRejected
from pixfarm.model import JobSpec, Strategy, Task, TaskResult
from tests.integration.quiet_tiers import (
    QuietNode,
    QuietServer,
    done,
    listening,
    quiet_node,
    quiet_server,
)
from tests.integration.raw_peers import RawClient
from tests.integration.thrift_bytes import (
    BOOL,
    BYTE,
    CALL,
    DOUBLE,
    EXCEPTION,
    I32,
    I64,
    LIST,
    MAP,
    ONEWAY,
    REPLY,
    SET,
    STRING,
    STRUCT,
    Message,
    block,
    double,
    execute,
    field,
    frame,
    i32,
    listing,
    mapping,
    message,
    message_without_version,
    string,
    sub,
)

STATUS = message("status", block())
UNKNOWN_METHOD = 1
LONGEST = 8 * 1024


def do(task: Task) -> TaskResult:
    """An image is done, or what its attempt id asks for."""
    if task.attempt_id == "refuse":
        raise TaskRejected(RejectReason.LOAD, 0.5)
    if task.attempt_id == "fail":
        raise TaskFailed(FailureCode.NO_SPACE, "the disk is full")
    if task.attempt_id == "bug":
        raise ZeroDivisionError("secret details")
    return done(task)


@pytest.fixture
def node() -> QuietNode:
    return QuietNode(do)


@pytest.fixture
def server() -> QuietServer:
    return QuietServer()


@pytest.fixture
def at_node(node: QuietNode) -> Iterator[RawClient]:
    with listening(quiet_node(node)) as listener, RawClient(listener.port) as client:
        yield client


@pytest.fixture
def at_server(server: QuietServer) -> Iterator[RawClient]:
    with listening(quiet_server(server)) as listener, RawClient(listener.port) as client:
        yield client


def goes_on(client: RawClient) -> bool:
    """Whether the same connection still works."""
    name = "status"
    answer = client.ask(message(name, block(), 77))
    if answer is not None and answer.kind == EXCEPTION:
        name, answer = "list_nodes", client.ask(message("list_nodes", block(), 77))
    return answer is not None and (answer.name, answer.kind, answer.sequence) == (name, REPLY, 77)


def result_of(answer: Message | None) -> dict[int, object]:
    assert answer is not None
    assert answer.kind == REPLY
    return answer.body


def test_an_answer_echoes_name_number_and_attempt(at_node: RawClient) -> None:
    answer = at_node.ask(message("execute", execute("/pics", "a.png", "attempt-7"), 4711))
    assert answer == Message(
        "execute",
        REPLY,
        4711,
        {0: {1: "attempt-7", 2: 0.25, 3: 0.5, 4: 40, 5: 24, 6: 1234, 7: 0, 8: 0, 9: 0, 10: ""}},
    )


def test_without_options_the_node_chooses_attempt_and_timeout(at_node: RawClient, node: QuietNode) -> None:
    for _ in range(2):
        at_node.ask(message("execute", block(string(1, "/pics"), string(2, "a.png"))))
    first, second = node.tasks
    assert len({first.attempt_id, second.attempt_id, ""}) == 3
    assert first.timeout_s == 60.0


def test_declared_exceptions_have_their_field(at_node: RawClient) -> None:
    def body(attempt: str) -> dict[int, object]:
        return result_of(at_node.ask(message("delayed_execute", execute("/pics", "a.png", attempt))))

    assert body("refuse") == {1: {1: 0, 2: 0.5, 3: 0.0}}
    assert body("fail") == {2: {1: "NO_SPACE", 2: "the disk is full", 3: "fail"}}


def test_a_bug_of_the_node_is_told_without_its_details(at_node: RawClient) -> None:
    body = result_of(at_node.ask(message("execute", execute("/pics", "a.png", "bug"))))
    assert body == {2: {1: "INTERNAL", 2: "the node has a bug (ZeroDivisionError); see its log", 3: "bug"}}
    assert goes_on(at_node)


def nested(depth: int) -> bytes:
    """A field of unknown number: structs within structs."""
    return field(99, STRUCT, field(1, STRUCT, b"") * (depth - 1) + b"\0" * depth)


NO_REQUESTS: dict[str, bytes] = {
    "no version mark": message_without_version("status", block()),
    "another version": b"\x80\x02\0\1" + STATUS[4:],
    "compact protocol": b"\x82\x21\x01\x06status\0",
    "JSON protocol": b'[1,"status",1,1,{}]',
    "a name over the limit": message("x" * (LONGEST + 1), block()),
    "a name that is not UTF-8": message(b"\xff\xfe", block()),
    "a name of negative length": b"\x80\x01\0\1\xff\xff\xff\xff",
    "a string over the limit": message("execute", execute("/pics", "x" * (LONGEST + 1))),
    "a string longer than the message": message("execute", field(1, STRING, b"\0\0\x10\0abc")),
    "a string of negative length": message("execute", field(1, STRING, b"\xff\xff\xff\xff")),
    "a struct without end": message("execute", string(1, "/pics")),
    "a field of an unknown type": message("execute", field(1, 99, b"") + b"\0"),
    "an unknown field over the container limit": message(
        "execute", execute("/pics", "a.png", "a", listing(99, BYTE, [b"\0"] * 257))
    ),
    "a list of a billion": message("execute", field(99, LIST, b"\x08\x3b\x9a\xca\x00") + b"\0"),
    "a list of negative length": message("execute", field(99, LIST, b"\x08\xff\xff\xff\xff") + b"\0"),
    "a map over the limit": message(
        "execute", execute("/pics", "a.png", "a", mapping(99, (BYTE, BYTE), [b"\0\0"] * 257))
    ),
    "a set of a billion structs": message("execute", field(99, SET, b"\x0c\x3b\x9a\xca\x00") + b"\0"),
    "a nesting of 65": message("execute", block(nested(64))),
    "a nesting of thousands": message("execute", block(nested(10_000))),
    "lists in lists without end": message("execute", field(99, LIST, b"\x0f\0\0\0\1" * 5_000)),
    "bytes behind the request": STATUS + b"\0",
    "a request behind the request": STATUS + STATUS,
    "nothing but the version": STATUS[:4],
    "zeros": bytes(100),
    "ones": b"\xff" * 100,
}


@pytest.mark.parametrize("payload", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_closes_its_connection_and_calls_nothing(
    at_node: RawClient, node: QuietNode, payload: bytes
) -> None:
    at_node.send(frame(payload))
    assert at_node.is_closed()
    assert not node.tasks


@pytest.mark.parametrize("name", [b"\xff.png", b"\xed\xb2\x80.png"], ids=["no UTF-8", "lone surrogate"])
def test_bytes_that_are_no_text_become_replacement_characters(
    at_node: RawClient, node: QuietNode, name: bytes
) -> None:
    """So they name a file that does not exist, and never one of undecodable name."""
    assert 0 in result_of(at_node.ask(message("execute", execute("/pics", name))))
    assert node.tasks[0].filename.strip("\ufffd") == ".png"


KEPT: dict[str, bytes] = {
    "a string of the limit": execute("/" + "x" * (LONGEST - 1), "a.png"),
    "an unknown number": execute("/pics", "a.png", "a", i32(99, 7)),
    "an unknown string": execute("/pics", "a.png", "a", string(4, "later")),
    "an unknown flag": execute("/pics", "a.png", "a", field(-1, BOOL, b"\1")),
    "an unknown struct": execute("/pics", "a.png", "a", sub(99, string(1, "x"), sub(2, i32(1, 1)))),
    "an unknown list of the limit": execute("/pics", "a.png", "a", listing(99, I32, [bytes(4)] * 256)),
    "an unknown map": execute("/pics", "a.png", "a", mapping(99, (BYTE, I64), [bytes(9)] * 10)),
    "an unknown empty map": execute("/pics", "a.png", "a", field(99, MAP, bytes(6))),
    "a nesting of the limit": execute("/pics", "a.png", "a", nested(63)),
    "an unknown option": block(string(1, "/pics"), string(2, "a.png"), sub(3, i32(99, 1))),
    "the same field twice": execute("/other", "b.png", "b", string(1, "/pics"), string(2, "a.png")),
    "fields in another order": block(sub(3), string(2, "a.png"), string(1, "/pics")),
    "options of another type": block(string(1, "/pics"), string(2, "a.png"), i32(3, 7)),
    "a timeout of another type": block(string(1, "/pics"), string(2, "a.png"), sub(3, i32(2, 7))),
}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT)
def test_what_a_later_version_may_add_is_passed_over(
    at_node: RawClient, node: QuietNode, body: bytes
) -> None:
    assert 0 in result_of(at_node.ask(message("execute", body)))
    assert node.tasks[0].base_path.startswith(("/pics", "/xxx"))
    assert goes_on(at_node)


INVALID_AT_NODE: dict[str, tuple[bytes, str]] = {
    "nothing": (block(), "base_path is missing"),
    "no filename": (block(string(1, "/pics")), "filename is missing"),
    "an empty base path": (execute("", "a.png"), "base_path is missing"),
    "a base path of another type": (block(i32(1, 7), string(2, "a.png")), "base_path is missing"),
    "a filename of another type": (block(string(1, "/p"), sub(2, string(1, "a"))), "filename is missing"),
    "an empty attempt": (execute("/pics", "a.png", ""), "attempt_id must be 1 to 64 of"),
    "an attempt over the limit": (execute("/pics", "a.png", "x" * 65), "attempt_id must be 1 to 64 of"),
    "an attempt that is a path": (execute("/pics", "a.png", "../x"), "attempt_id must be 1 to 64 of"),
    "an attempt with a zero": (execute("/pics", "a.png", "x\0"), "attempt_id must be 1 to 64 of"),
    "an attempt with a line": (execute("/pics", "a.png", "x\n"), "attempt_id must be 1 to 64 of"),
    "an attempt beyond ASCII": (execute("/pics", "a.png", "ä"), "attempt_id must be 1 to 64 of"),
    "digits beyond ASCII": (execute("/pics", "a.png", "٣"), "attempt_id must be 1 to 64 of"),
    **{
        f"a timeout of {value}": (
            block(string(1, "/pics"), string(2, "a.png"), sub(3, double(2, value))),
            "timeout_s must be greater than 0 and at most 3600",
        )
        for value in (0.0, -1.0, 3600.5, math.inf, -math.inf, math.nan, 1e300)
    },
}


@pytest.mark.parametrize("method", ["execute", "delayed_execute"])
@pytest.mark.parametrize(("body", "words"), INVALID_AT_NODE.values(), ids=INVALID_AT_NODE)
def test_arguments_that_make_no_sense_are_an_invalid_request_of_a_node(
    at_node: RawClient, node: QuietNode, method: str, body: bytes, words: str
) -> None:
    answer = result_of(at_node.ask(message(method, body)))
    assert list(answer) == [3]
    assert words in str(answer[3])
    assert not node.tasks
    assert goes_on(at_node)


def submission(
    base_path: bytes = string(1, "/pics"), strategy: bytes = i32(2, 1), options: bytes = b""
) -> bytes:
    return message("submit_request", block(base_path, strategy, options))


def test_a_submission_with_and_without_options_is_understood(
    at_server: RawClient, server: QuietServer
) -> None:
    everything = sub(
        3, string(1, "me-1"), i32(2, -7), field(3, BOOL, b"\1"), string(4, "old"), double(5, 9.0)
    )
    for payload in (submission(), submission(options=sub(3)), submission(options=everything)):
        assert 0 in result_of(at_server.ask(payload))
    assert server.requests == [
        JobSpec("", "/pics", Strategy.LOAD_BALANCING),
        JobSpec("", "/pics", Strategy.LOAD_BALANCING),
        JobSpec(
            "me-1", "/pics", Strategy.LOAD_BALANCING, -7, skip_done=True, retry_of="old", task_timeout_s=9.0
        ),
    ]


INVALID_AT_SERVER: dict[str, tuple[bytes, str]] = {
    "no strategy": (submission(strategy=b""), "strategy None is unknown"),
    "an unknown strategy": (submission(strategy=i32(2, 2)), "strategy 2 is unknown; there are 0 (RANDOM)"),
    "a negative strategy": (submission(strategy=i32(2, -1)), "strategy -1 is unknown"),
    "a strategy by name": (submission(strategy=string(2, "RANDOM")), "strategy None is unknown"),
    "a strategy of 64 bits": (submission(strategy=field(2, I64, bytes(8))), "strategy None is unknown"),
    "a strategy as a flag": (submission(strategy=field(2, BOOL, b"\1")), "strategy None is unknown"),
    "a strategy with a point": (submission(strategy=field(2, DOUBLE, bytes(8))), "strategy None is unknown"),
    "no base path": (submission(base_path=b""), "base_path is missing"),
    "an empty base path": (submission(base_path=string(1, "")), "base_path is missing"),
    "an empty job id": (submission(options=sub(3, string(1, ""))), "job_id must be 1 to 64 of"),
    "a job id over the limit": (submission(options=sub(3, string(1, "x" * 65))), "job_id must be 1 to 64"),
    "a priority over the limit": (submission(options=sub(3, i32(2, 101))), "priority must be from -100 to"),
    "a priority under the limit": (submission(options=sub(3, i32(2, -101))), "priority must be from -100 to"),
    "a retry of no id": (submission(options=sub(3, string(4, "a b"))), "retry_of must be 1 to 64 of"),
    "no time for an image": (submission(options=sub(3, double(5, 0.0))), "timeout_s must be"),
    "a job id that is a path": (submission(options=sub(3, string(1, "a/b"))), "job_id must be 1 to 64 of"),
    "a job id with colours": (submission(options=sub(3, string(1, "\x1b[31m"))), "job_id must be 1 to 64"),
}


@pytest.mark.parametrize(("payload", "words"), INVALID_AT_SERVER.values(), ids=INVALID_AT_SERVER)
def test_arguments_that_make_no_sense_are_an_invalid_request_of_the_server(
    at_server: RawClient, server: QuietServer, payload: bytes, words: str
) -> None:
    answer = result_of(at_server.ask(payload))
    assert list(answer) == [1]
    assert words in str(answer[1])
    assert not server.requests
    assert goes_on(at_server)


@pytest.mark.parametrize("method", ["job_status", "cancel_job", "pause_job", "resume_job"])
@pytest.mark.parametrize(
    ("body", "job_id"),
    [(block(), ""), (block(i32(1, 7)), ""), (block(string(1, "who")), "who")],
    ids=["no id", "an id of another type", "an unknown id"],
)
def test_a_job_that_is_not_known_is_unknown(
    at_server: RawClient, method: str, body: bytes, job_id: str
) -> None:
    assert result_of(at_server.ask(message(method, body))) == {1: {1: job_id}}
    assert goes_on(at_server)


def test_the_images_of_a_job_come_in_pages(at_server: RawClient) -> None:
    def ask(after: str, limit: int) -> Any:
        body = block(string(1, "j"), string(2, after), i32(3, limit))
        return result_of(at_server.ask(message("job_images", body)))

    first, last = (ask(after, 2)[0] for after in ("", "b.png"))
    assert [record[1] for record in first] == ["a.png", "b.png"]
    assert [record[1] for record in last] == ["c.png"]
    for limit in (0, -1, 1001):
        assert "limit must be from 1 to 1000" in str(ask("", limit)[2])
    assert goes_on(at_server)


@pytest.mark.parametrize("body", [block(), execute("/pics", "a.png"), b"", b"\xff" * 999], ids=repr)
def test_an_unknown_method_is_named_and_the_connection_goes_on(at_node: RawClient, body: bytes) -> None:
    for name in ("shutdown", "", "__init__", "ex\0ecute", "ä" * 100):
        answer = at_node.ask(message(name, body, 9))
        assert answer == Message(name, EXCEPTION, 9, {1: f"Unknown function {name}", 2: UNKNOWN_METHOD})
    assert goes_on(at_node)


def test_a_method_of_the_other_service_is_unknown(at_node: RawClient, at_server: RawClient) -> None:
    for client, payload in ((at_node, message("list_jobs", block())), (at_server, STATUS)):
        answer = client.ask(payload)
        assert answer is not None
        assert (answer.kind, answer.body[2]) == (EXCEPTION, UNKNOWN_METHOD)
        assert goes_on(client)


@pytest.mark.parametrize("kind", [0, REPLY, EXCEPTION, ONEWAY, 5, 127, 255])
def test_a_message_that_is_no_call_does_no_harm(at_node: RawClient, kind: int) -> None:
    """It is answered as a call would be, or its connection is closed; others never notice."""
    with RawClient(at_node.socket.getpeername()[1]) as stranger:
        answer = stranger.ask(message("status", block(), 5, kind))
        assert answer is None or (answer.name, answer.sequence) == ("status", 5)
    assert goes_on(at_node)


@pytest.mark.parametrize("number", [0, -1, 2**31 - 1, -(2**31)])
def test_any_sequence_number_is_echoed(at_node: RawClient, number: int) -> None:
    answer = at_node.ask(message("status", block(), number, CALL))
    assert answer is not None
    assert answer.sequence == number


def test_the_longest_refusable_base_path_is_refused_in_words(at_server: RawClient) -> None:
    missing = "/missing/" + "\x01" * (LONGEST - 9)
    answer = result_of(at_server.ask(submission(base_path=string(1, missing))))
    assert "does not exist" in str(answer[1])
