import http.server
import math
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest

from pixfarm.errors import (
    AnswerLost,
    FailureCode,
    ForeignPeer,
    InvalidRequest,
    PeerError,
    RejectReason,
    TaskFailed,
    TaskRejected,
    Unreachable,
)
from pixfarm.model import Machine, Strategy, Task, TaskResult
from pixfarm.wire import NodeCaller
from pixfarm.wire import connections as connections_module
from tests.integration.own_resources import nothing_left_over
from tests.integration.quiet_tiers import QuietNode, listening, quiet_node
from tests.integration.raw_peers import HOST, Conversation, FakePeer
from tests.integration.thrift_bytes import (
    EXCEPTION,
    I64,
    REPLY,
    Message,
    block,
    double,
    field,
    frame,
    i32,
    message,
    message_without_version,
    string,
    sub,
)
from tests.integration.waiting import PATIENCE_S, eventually

Call = Callable[..., TaskResult]


def task(attempt_id: str = "attempt-1", patience_s: float = PATIENCE_S) -> Task:
    return Task("/pics", "a.png", attempt_id, patience_s=patience_s)


def result(attempt_id: str) -> bytes:
    """The body of an answer that an image is done."""
    return block(sub(0, string(1, attempt_id), double(2, 0.25), double(3, 0.5), i32(4, 40), i32(5, 24)))


def attempt(question: Message) -> str:
    return str(question.body[3][1])


def answer_honestly(conversation: Conversation) -> None:
    while question := conversation.question():
        conversation.answer(question, result(attempt(question)))


@contextmanager
def calling(machine: Machine) -> Iterator[Call]:
    """Calls execute on a machine over one pool of connections."""

    def call(attempt_id: str = "attempt-1", patience_s: float = PATIENCE_S) -> TaskResult:
        return caller.call(machine, task(attempt_id, patience_s), Strategy.LOAD_BALANCING)

    with closing(NodeCaller()) as caller:
        yield call


def test_calls_one_after_the_other_share_a_connection() -> None:
    with nothing_left_over(), FakePeer(answer_honestly) as peer, calling(peer.machine) as call:
        for number in range(20):
            assert call(f"attempt-{number}").attempt_id == f"attempt-{number}"
        assert peer.accepted == 1


def test_the_strategy_chooses_the_method() -> None:
    names = []

    def serve(conversation: Conversation) -> None:
        while question := conversation.question():
            names.append(question.name)
            conversation.answer(question, result(attempt(question)))

    with FakePeer(serve) as peer, closing(NodeCaller()) as caller:
        for strategy in (Strategy.LOAD_BALANCING, Strategy.RANDOM):
            caller.call(peer.machine, task(), strategy)
    assert names == ["execute", "delayed_execute"]


def reply_to(question: Message, body: bytes | None = None, **changes: Any) -> bytes:
    """An answer, with another name, sequence number or kind."""
    values = {"name": question.name, "sequence": question.sequence, "kind": REPLY, **changes}
    return frame(message(body=result(attempt(question)) if body is None else body, **values))


FOREIGN: dict[str, Callable[[Message], bytes]] = {
    "the number of another call": lambda q: reply_to(q, sequence=q.sequence - 1),
    "the name of another call": lambda q: reply_to(q, name="status"),
    "a name that is not UTF-8": lambda q: reply_to(q, name=b"\xff\xfe"),
    "another attempt": lambda q: reply_to(q, result("attempt-0")),
    "no attempt": lambda q: reply_to(q, block(sub(0))),
    "an attempt that is not UTF-8": lambda q: reply_to(q, block(sub(0, string(1, b"\xff\xfe")))),
    "an attempt that is a number": lambda q: reply_to(q, block(sub(0, i32(1, 7)))),
    "no result": lambda q: reply_to(q, block()),
    "a result of another type": lambda q: reply_to(q, block(i32(0, 7))),
    "a result that ends early": lambda q: reply_to(q, result(attempt(q))[:-9]),
    "a string over the limit": lambda q: reply_to(q, block(sub(0, string(1, "x" * 8193)))),
    "an application exception": lambda q: reply_to(q, block(string(1, "no"), i32(2, 6)), kind=EXCEPTION),
    "the call itself": lambda q: reply_to(q, kind=1, body=block(string(1, "/pics"))),
    "no version mark": lambda q: frame(
        message_without_version(q.name, result(attempt(q)), q.sequence, REPLY)
    ),
    "HTTP": lambda _: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "an SSH banner": lambda _: b"SSH-2.0-OpenSSH_9.6\r\n",
    "an empty frame": lambda _: frame(b""),
    "a negative size": lambda _: b"\xff\xff\xff\xff",
    "a frame over the limit": lambda _: struct.pack(">i", 64 * 1024 + 1),
    "a frame of random bytes": lambda _: frame(random.Random(1).randbytes(500)),
    "a frame of zeros": lambda _: frame(bytes(500)),
    "a nesting without end": lambda q: reply_to(q, field(0, 12, b"\x0c\0\7" * 10_000)),
}


@pytest.mark.parametrize("reply", FOREIGN.values(), ids=FOREIGN)
def test_an_answer_outside_the_contract_names_the_peer_foreign(reply: Callable[[Message], bytes]) -> None:
    def serve(conversation: Conversation) -> None:
        question = conversation.question()
        assert question is not None
        if conversation.number == 1:
            conversation.socket.sendall(reply(question))
            question = conversation.question()
        if question is not None:
            conversation.answer(question, result(attempt(question)))
            answer_honestly(conversation)

    with FakePeer(serve) as peer, calling(peer.machine) as call:
        with pytest.raises(ForeignPeer):
            call("attempt-1")
        # What may still come on that connection is nobody's answer.
        assert call("attempt-2").attempt_id == "attempt-2"


@pytest.mark.parametrize("change", [{"sequence": 99}, {"name": "status"}], ids=["number", "name"])
def test_the_connection_of_a_foreign_answer_is_not_used_again(change: dict[str, Any]) -> None:
    closed = threading.Event()

    def serve(conversation: Conversation) -> None:
        question = conversation.question()
        assert question is not None
        if conversation.number == 1:
            conversation.socket.sendall(reply_to(question, **change))
            assert conversation.question() is None
            closed.set()
        else:
            conversation.answer(question, result(attempt(question)))

    with FakePeer(serve) as peer, calling(peer.machine) as call:
        with pytest.raises(ForeignPeer, match=rf"node_1 \({HOST}:{peer.port}\)"):
            call()
        assert closed.wait(PATIENCE_S)
        assert call().width_px == 40
        assert peer.accepted == 2


def test_a_late_answer_never_reaches_the_next_call() -> None:
    second_asked = threading.Event()

    def serve(conversation: Conversation) -> None:
        question = conversation.question()
        assert question is not None
        if conversation.number == 1:
            assert second_asked.wait(PATIENCE_S)
        conversation.answer(question, result(attempt(question)))
        answer_honestly(conversation)

    with FakePeer(serve) as peer, calling(peer.machine) as call:
        with pytest.raises(AnswerLost, match=r"did not answer within 0\.2 s"):
            call("attempt-1", 0.2)
        second_asked.set()
        for number in range(2, 10):
            assert call(f"attempt-{number}").attempt_id == f"attempt-{number}"
        assert peer.accepted == 2


STALE: dict[str, Callable[[Message], bytes]] = {
    "twice in one packet": lambda q: reply_to(q) + reply_to(q),
    "with an older one in one packet": lambda q: reply_to(q) + reply_to(q, sequence=q.sequence - 1),
    "with the next one's in one packet": lambda q: reply_to(q) + reply_to(q, sequence=q.sequence + 1),
    "with the begin of another": lambda q: reply_to(q) + reply_to(q)[:7],
}


@pytest.mark.parametrize("reply", STALE.values(), ids=STALE)
def test_a_connection_with_something_behind_an_answer_is_not_used_again(
    reply: Callable[[Message], bytes],
) -> None:
    def serve(conversation: Conversation) -> None:
        while question := conversation.question():
            conversation.socket.sendall(reply(question))

    with FakePeer(serve) as peer, calling(peer.machine) as call:
        for number in range(4):
            assert call(f"attempt-{number}").attempt_id == f"attempt-{number}"
        assert peer.accepted == 4


def test_an_answer_repeated_later_is_noticed_before_the_next_question() -> None:
    repeated = threading.Event()

    def serve(conversation: Conversation) -> None:
        question = conversation.question()
        assert question is not None
        conversation.answer(question, result(attempt(question)))
        if conversation.number == 1:
            conversation.answer(question, result(attempt(question)))
            repeated.set()
        answer_honestly(conversation)

    with FakePeer(serve) as peer, calling(peer.machine) as call:
        call("attempt-1")
        assert repeated.wait(PATIENCE_S)
        assert call("attempt-2").attempt_id == "attempt-2"
        assert peer.accepted == 2


def test_an_idle_connection_that_the_peer_closed_is_noticed_before_its_reuse() -> None:
    closed = threading.Semaphore(0)

    def serve(conversation: Conversation) -> None:
        question = conversation.question()
        assert question is not None
        conversation.answer(question, result(attempt(question)))
        conversation.socket.close()
        closed.release()

    with FakePeer(serve) as peer, calling(peer.machine) as call:
        for number in range(10):
            assert call(f"attempt-{number}").attempt_id == f"attempt-{number}"
            assert closed.acquire(timeout=PATIENCE_S)
        assert peer.accepted == 10


def test_a_connection_that_rested_too_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakePeer(answer_honestly) as peer, calling(peer.machine) as call:
        call()
        monkeypatch.setattr(connections_module, "MAX_POOLED_IDLE_S", 0.0)
        call()
        assert peer.accepted == 2


REFUSALS: dict[str, tuple[bytes, type[Exception], str]] = {
    "load": (block(sub(1, i32(1, 0), double(2, 0.5), double(3, 0.0))), TaskRejected, "LOAD, p = 0.5"),
    "busy": (block(sub(1, i32(1, 1), double(2, 0.5), double(3, 0.05))), TaskRejected, "BUSY, p = 0.5"),
    "draining": (block(sub(1, i32(1, 2), double(2, 0.5), double(3, 1.0))), TaskRejected, "DRAINING"),
    "a later version's reason": (block(sub(1, i32(1, 99), double(2, 1.0))), TaskRejected, "LOAD, p = 1"),
    "nothing told": (block(sub(1)), TaskRejected, "LOAD, p = 0"),
    "failed": (block(sub(2, string(1, "UNREADABLE"), string(2, "broken"))), TaskFailed, "UNREADABLE: broken"),
    "a later version's code": (block(sub(2, string(1, "MELTED"))), TaskFailed, "INTERNAL: MELTED: no reason"),
    "invalid": (block(sub(3, string(1, "no such directory"))), InvalidRequest, "no such directory"),
}


@pytest.mark.parametrize(("body", "kind", "words"), REFUSALS.values(), ids=REFUSALS)
def test_an_exception_of_the_contract_keeps_the_connection(
    body: bytes, kind: type[Exception], words: str
) -> None:
    def serve(conversation: Conversation) -> None:
        while question := conversation.question():
            conversation.answer(question, body)

    with FakePeer(serve) as peer, calling(peer.machine) as call:
        for _ in range(5):
            with pytest.raises(kind, match=words):
                call()
        assert peer.accepted == 1


def test_exceptions_arrive_with_all_they_carry() -> None:
    def do(asked: Task) -> TaskResult:
        if asked.attempt_id == "refused":
            raise TaskRejected(RejectReason.BUSY, 0.75, 0.05)
        raise TaskFailed(FailureCode.TOO_LARGE, "101 megapixels")

    with listening(quiet_node(QuietNode(do))) as listener:
        machine = Machine("node_1", HOST, listener.port)
        with closing(NodeCaller()) as caller:
            with pytest.raises(TaskRejected) as refused:
                caller.call(machine, task("refused"), Strategy.RANDOM)
            with pytest.raises(TaskFailed) as failed:
                caller.call(machine, task("failed"), Strategy.RANDOM)
    assert refused.value.args == (RejectReason.BUSY, 0.75, 0.05)
    assert failed.value.args == (FailureCode.TOO_LARGE, "101 megapixels")


def test_nothing_listening_is_unreachable() -> None:
    with socket.socket() as reserved:
        reserved.bind((HOST, 0))
        machine = Machine("node_1", HOST, reserved.getsockname()[1])
        with calling(machine) as call, pytest.raises(Unreachable, match="Connection refused"):
            call()


def test_a_name_that_nobody_has_is_unreachable() -> None:
    machine = Machine("node_1", "256.256.256.256", 9)
    with calling(machine) as call, pytest.raises(Unreachable, match="cannot be reached"):
        call()


def test_a_listener_that_never_accepts_loses_the_answer_in_the_given_time() -> None:
    with socket.create_server((HOST, 0), backlog=8) as blackhole:
        machine = Machine("node_1", HOST, blackhole.getsockname()[1])
        began = time.monotonic()
        with calling(machine) as call, pytest.raises(AnswerLost, match=r"within 0\.3 s"):
            call(patience_s=0.3)
        assert 0.25 < time.monotonic() - began < 2


def test_a_listener_whose_backlog_is_full_is_unreachable_in_a_second() -> None:
    with ExitStack() as waiting, socket.create_server((HOST, 0), backlog=0) as blackhole:
        for _ in range(4):
            filler = waiting.enter_context(socket.socket())
            filler.settimeout(0.0)
            filler.connect_ex(blackhole.getsockname())
        machine = Machine("node_1", HOST, blackhole.getsockname()[1])
        began = time.monotonic()
        with calling(machine) as call, pytest.raises(Unreachable, match="did not accept within 1 s"):
            call(patience_s=60.0)
        assert 0.9 < time.monotonic() - began < 3


def test_a_peer_that_takes_no_bytes_loses_the_answer_in_the_given_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server((HOST, 0)) as blackhole:
        blackhole.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        machine = Machine("node_1", HOST, blackhole.getsockname()[1])
        huge = Task("/" + "x" * 20_000_000, "a.png", "attempt-1", patience_s=0.3)
        began = time.monotonic()
        with closing(NodeCaller()) as caller, pytest.raises(AnswerLost):
            caller.call(machine, huge, Strategy.RANDOM)
        assert time.monotonic() - began < 2


def test_an_answer_that_drips_is_lost_in_the_given_time() -> None:
    over = threading.Event()

    def serve(conversation: Conversation) -> None:
        question = conversation.question()
        assert question is not None
        for byte in reply_to(question)[:-1]:
            conversation.socket.sendall(bytes([byte]))
            if over.wait(0.05):
                return

    with FakePeer(serve) as peer, calling(peer.machine) as call:
        began = time.monotonic()
        with pytest.raises(AnswerLost, match=r"within 0\.3 s"):
            call(patience_s=0.3)
        assert time.monotonic() - began < 1.5
        over.set()


@pytest.mark.parametrize("size", [0, 2, 4, 20], ids=lambda size: f"after {size} bytes")
def test_a_connection_that_ends_before_its_answer_does_loses_it(size: int) -> None:
    def serve(conversation: Conversation) -> None:
        question = conversation.question()
        assert question is not None
        conversation.socket.sendall(reply_to(question)[:size])

    with FakePeer(serve) as peer, calling(peer.machine) as call, pytest.raises(AnswerLost, match="was lost"):
        call()


def test_a_connection_that_is_reset_loses_its_answer() -> None:
    def serve(conversation: Conversation) -> None:
        conversation.question()
        conversation.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with FakePeer(serve) as peer, calling(peer.machine) as call, pytest.raises(AnswerLost, match="was lost"):
        call()


def test_a_real_http_server_on_the_port_is_no_node() -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 0.2  # it waits that long for the end of a line

        def log_message(self, *_: object) -> None:
            return

    with http.server.HTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        machine = Machine("node_1", HOST, server.server_address[1])
        with calling(machine) as call, pytest.raises(PeerError):
            call(patience_s=2.0)
        server.shutdown()
        thread.join(PATIENCE_S)


def test_many_threads_each_get_their_own_answer() -> None:
    def work(number: int) -> bool:
        attempts = [f"thread-{number}-{image}" for image in range(50)]
        return [caller.call(machine, task(name), Strategy.RANDOM).attempt_id for name in attempts] == attempts

    with nothing_left_over(), listening(quiet_node(QuietNode())) as listener:
        machine = Machine("node_1", HOST, listener.port)
        with closing(NodeCaller()) as caller, ThreadPoolExecutor(16) as threads:
            assert all(threads.map(work, range(16)))
            assert len(listener._connections) <= 16


def test_abandon_ends_running_calls_and_lets_later_ones_through() -> None:
    asked, abandoned = threading.Semaphore(0), threading.Event()

    def serve(conversation: Conversation) -> None:
        while question := conversation.question():
            if not abandoned.is_set():
                asked.release()
                abandoned.wait(PATIENCE_S)
            conversation.answer(question, result(attempt(question)))

    def call() -> TaskResult:
        return caller.call(peer.machine, task(), Strategy.RANDOM)

    with (
        FakePeer(serve) as peer,
        closing(NodeCaller()) as caller,
        ThreadPoolExecutor(4) as threads,
    ):
        running = [threads.submit(call) for _ in range(4)]
        for _ in running:
            assert asked.acquire(timeout=PATIENCE_S)
        began = time.monotonic()
        caller.abandon(peer.machine)
        errors = [future.exception(PATIENCE_S) for future in running]
        assert all(isinstance(error, AnswerLost) for error in errors), errors
        assert time.monotonic() - began < 1
        abandoned.set()
        assert call().attempt_id == "attempt-1"


def test_abandon_leaves_no_idle_connection_behind() -> None:
    with (
        nothing_left_over(),
        FakePeer(answer_honestly) as peer,
        closing(NodeCaller()) as caller,
    ):
        for _ in range(10):
            caller.call(peer.machine, task(), Strategy.RANDOM)
            caller.abandon(peer.machine)


def test_a_closed_caller_keeps_no_connection() -> None:
    with nothing_left_over(), FakePeer(answer_honestly) as peer:
        with closing(NodeCaller()) as caller:
            caller.call(peer.machine, task(), Strategy.RANDOM)
        caller.close()
        caller.call(peer.machine, task(), Strategy.RANDOM)


def test_a_caller_closed_during_a_call_lets_it_end() -> None:
    asked, answering = threading.Event(), threading.Event()

    def serve(conversation: Conversation) -> None:
        question = conversation.question()
        assert question is not None
        asked.set()
        assert answering.wait(PATIENCE_S)
        conversation.answer(question, result(attempt(question)))
        assert conversation.question() is None

    with nothing_left_over(), FakePeer(serve) as peer, ThreadPoolExecutor(1) as threads:
        caller = NodeCaller()
        future = threads.submit(caller.call, peer.machine, task(), Strategy.RANDOM)
        assert asked.wait(PATIENCE_S)
        pools = list(caller._pools.values())
        caller.close()
        answering.set()
        assert future.result(PATIENCE_S).attempt_id == "attempt-1"
        assert eventually(lambda: not any(pool._busy for pool in pools))


@pytest.mark.parametrize("letter", ["x", "\x01", "\U0001f4f7"], ids=["ascii", "control", "four bytes"])
@pytest.mark.parametrize("kind", [InvalidRequest, TaskFailed])
def test_an_endless_message_of_a_node_is_cut_and_the_node_not_called_foreign(
    kind: type[Exception], letter: str
) -> None:
    """A string in a node's answer has at most 8 KiB, and a path of that length is longer when quoted."""

    def do(_: Task) -> TaskResult:
        if kind is TaskFailed:
            raise TaskFailed(FailureCode.IO, letter * 9000)
        raise InvalidRequest(f"base path {letter * 9000} is wrong")

    with listening(quiet_node(QuietNode(do))) as listener:
        machine = Machine("node_1", HOST, listener.port)
        with (
            closing(NodeCaller()) as caller,
            pytest.raises(kind, match=f"{letter * 900}…{letter * 900}"),
        ):
            caller.call(machine, task(), Strategy.RANDOM)


STATUSES: dict[str, bytes] = {
    "empty": block(sub(0)),
    "no workers": block(sub(0, string(1, "node_1"))),
    "no name": block(sub(0, i32(5, 2))),
    "another type": block(field(0, I64, bytes(8))),
    "less than no workers": block(sub(0, string(1, "node_1"), i32(5, -1))),
    "two billion workers": block(sub(0, string(1, "node_1"), i32(5, 2**31 - 1))),
    **{
        f"a delay of {delay_s}": block(sub(0, string(1, "node_1"), i32(5, 2), double(14, delay_s)))
        for delay_s in (-1.0, math.inf, math.nan, 1e300)
    },
}


@pytest.mark.parametrize("body", STATUSES.values(), ids=STATUSES)
def test_a_status_that_makes_no_sense_is_no_nodes(body: bytes) -> None:
    def serve(conversation: Conversation) -> None:
        while question := conversation.question():
            conversation.answer(question, body)

    with (
        FakePeer(serve) as peer,
        closing(NodeCaller()) as caller,
        pytest.raises(ForeignPeer),
    ):
        caller.ping(peer.machine)


def test_a_status_with_fields_of_a_later_version_is_understood() -> None:
    def serve(conversation: Conversation) -> None:
        while question := conversation.question():
            status = sub(
                0, string(1, "node_1"), double(4, 0.5), i32(5, 2), string(99, "new"), sub(98, i32(1, 1))
            )
            conversation.answer(question, block(status))

    with FakePeer(serve) as peer, closing(NodeCaller()) as caller:
        status = caller.ping(peer.machine)
    assert (status.name, status.load_probability, status.workers) == ("node_1", 0.5, 2)
