"""The fault proxy: passes on what it is given, and does each harm that it promises."""

import contextlib
import gc
import socket
import threading
import time
import warnings
from collections.abc import Iterator

import pytest

from tests.acceptance.processes import free_ports
from tests.chaos.fault_plan import Kind
from tests.chaos.fault_proxy import HOST, FaultProxy, Link
from tests.integration.raw_peers import Conversation, FakePeer, RawClient
from tests.integration.thrift_bytes import frame

ANSWERS = [frame(f"answer {number}".encode()) for number in range(100)]


def answer_each_frame(conversation: Conversation) -> None:
    for answer in ANSWERS:
        head = conversation.socket.recv(4, socket.MSG_WAITALL)
        if (
            len(head) < 4
            or len(conversation.socket.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)) == 0
        ):
            return
        conversation.socket.sendall(answer)


@pytest.fixture
def link() -> Iterator[Link]:
    """A link to a peer that answers the frames of a connection with answer 0, answer 1 and so on."""
    with FakePeer(answer_each_frame) as peer, FaultProxy() as proxy:
        yield proxy.link(free_ports(1)[0], peer.port)


def ask(client: RawClient) -> bytes | None:
    client.send(frame(b"question"))
    return client.receive()


def test_frames_pass_unharmed(link: Link) -> None:
    with RawClient(link.port) as client:
        assert [ask(client), ask(client)] == [b"answer 0", b"answer 1"]


@pytest.mark.parametrize("number", [0, 1, 4, 7, 12])
def test_a_reply_is_cut_after_every_number_of_bytes(link: Link, number: int) -> None:
    with RawClient(link.port) as client:
        link.harm(Kind.CUT_REPLY, 0.0, number)
        client.send(frame(b"question"))
        received = b"".join(iter(lambda: client.socket.recv(100), b""))
    assert received == ANSWERS[0][:number]
    assert link.done[Kind.CUT_REPLY] == 1


def test_a_request_is_cut(link: Link) -> None:
    with RawClient(link.port) as client:
        link.harm(Kind.CUT_REQUEST, 0.0, 5)
        assert ask(client) is None


def test_a_reply_comes_twice(link: Link) -> None:
    with RawClient(link.port) as client:
        link.harm(Kind.DUPLICATE, 0.0, 0)
        assert [ask(client), client.receive()] == [b"answer 0"] * 2


def test_a_stale_reply_is_the_one_before(link: Link) -> None:
    with RawClient(link.port) as client:
        assert ask(client) == b"answer 0"
        link.harm(Kind.STALE, 0.0, 0)
        assert ask(client) == b"answer 0"


@pytest.mark.parametrize("number", [2, 3], ids=["length too", "content only"])
def test_garbage_is_no_answer(link: Link, number: int) -> None:
    with RawClient(link.port) as client:
        link.harm(Kind.GARBAGE, 0.0, number)
        client.send(frame(b"question"))
        received = client.socket.recv(100)
    assert len(received) == len(ANSWERS[0])
    assert (received[:4] == ANSWERS[0][:4]) == (number == 3)
    assert received[4:] != ANSWERS[0][4:]


def test_connections_are_reset(link: Link) -> None:
    with RawClient(link.port) as client:
        ask(client)
        link.harm(Kind.RESET, 0.0, 0)
        with pytest.raises(ConnectionResetError):
            client.socket.recv(1)


def test_connections_are_closed(link: Link) -> None:
    with RawClient(link.port) as client:
        ask(client)
        link.harm(Kind.CLOSED, 0.0, 0)
        assert client.socket.recv(1) == b""


def test_while_a_link_is_silent_nothing_passes_and_afterwards_all(link: Link) -> None:
    with RawClient(link.port) as client:
        silence = threading.Thread(target=link.harm, args=(Kind.SILENCE, 0.3, 0))
        started_at = time.monotonic()
        silence.start()
        assert ask(client) == b"answer 0"
        silence.join()
        # The question may have been faster than the silence; it cannot have been in it and answered.
        assert link.done[Kind.SILENCE] == 1
        assert time.monotonic() - started_at >= 0.3
        assert ask(client) == b"answer 1"


def test_a_dripping_link_passes_all_in_the_end(link: Link) -> None:
    with RawClient(link.port) as client:
        drip = threading.Thread(target=link.harm, args=(Kind.DRIP, 0.2, 0))
        drip.start()
        assert ask(client) == b"answer 0"
        drip.join()


def test_who_connects_while_a_link_is_down_is_refused(link: Link) -> None:
    with link.down(), pytest.raises(ConnectionRefusedError):
        RawClient(link.port)
    with RawClient(link.port) as client:
        assert ask(client) == b"answer 0"


def test_nothing_is_left_open_of_whoever_connected_when_a_link_went_down() -> None:
    over = threading.Event()

    def connect_again_and_again(port: int) -> None:
        while not over.is_set():
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
                pass

    with FakePeer(answer_each_frame) as peer:
        with FaultProxy() as proxy:
            link = proxy.link(free_ports(1)[0], peer.port)
            callers = [threading.Thread(target=connect_again_and_again, args=(link.port,)) for _ in range(4)]
            for caller in callers:
                caller.start()
            for _ in range(30):
                with link.down():
                    pass
                time.sleep(0.01)
        over.set()
        for caller in callers:
            caller.join()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gc.collect()
    assert not [str(warning.message) for warning in caught if warning.category is ResourceWarning]
