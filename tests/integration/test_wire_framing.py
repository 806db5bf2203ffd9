import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pixfarm.wire import Listener, bind
from pixfarm.wire.framing import FramedSocket, FrameError
from pixfarm.wire.limits import REQUEST_LIMITS
from tests.integration.quiet_tiers import ANY_PORT, listening
from tests.integration.raw_peers import RawClient
from tests.integration.thrift_bytes import frame

LIMIT = 1000


@dataclass(frozen=True)
class Pair:
    """A framed socket and the bare other end."""

    framed: FramedSocket
    peer: socket.socket

    def receive(self, within_s: float = 5.0) -> bytes | None:
        return self.framed.receive(time.monotonic() + within_s)


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    framed = FramedSocket(ours, LIMIT, whole_frame_s=0.5)
    with theirs:
        yield Pair(framed, theirs)
        framed.close()


def test_a_frame_that_comes_byte_by_byte_is_whole(pair: Pair) -> None:
    for byte in frame(b"a word"):
        pair.peer.send(bytes([byte]))
    assert pair.receive() == b"a word"


def test_frames_in_one_packet_are_told_apart(pair: Pair) -> None:
    pair.peer.send(frame(b"one") + frame(b"two") + frame(b"three")[:5])
    assert pair.receive() == b"one"
    assert pair.receive() == b"two"
    pair.peer.send(frame(b"three")[5:])
    assert pair.receive() == b"three"


def test_a_frame_of_the_limit_is_accepted(pair: Pair) -> None:
    pair.peer.send(frame(b"x" * LIMIT))
    assert pair.receive() == b"x" * LIMIT


SIZES = {
    "zero": b"\0\0\0\0",
    "minus one": b"\xff\xff\xff\xff",
    "most negative": b"\x80\0\0\0",
    "limit and one": (LIMIT + 1).to_bytes(4, "big"),
    "two gigabytes": b"\x7f\xff\xff\xff",
    "HTTP": b"HTTP",
}


@pytest.mark.parametrize("head", SIZES.values(), ids=SIZES)
def test_a_wrong_size_is_refused_as_soon_as_it_is_read(pair: Pair, head: bytes) -> None:
    pair.peer.send(head)
    with pytest.raises(FrameError, match=r"frame of -?[0-9]+ bytes; 1 to 1000 are accepted"):
        pair.receive()


def test_an_end_between_frames_is_an_end(pair: Pair) -> None:
    pair.peer.send(frame(b"last"))
    pair.peer.shutdown(socket.SHUT_WR)
    assert pair.receive() == b"last"
    assert pair.receive() is None


@pytest.mark.parametrize("size", [1, 3, 4, 7], ids=lambda size: f"after {size} bytes")
def test_an_end_within_a_frame_is_a_lost_connection(pair: Pair, size: int) -> None:
    pair.peer.send(frame(b"word")[:size])
    pair.peer.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionResetError, match="ended within a frame"):
        pair.receive()


def test_a_frame_that_does_not_begin_times_out(pair: Pair) -> None:
    with pytest.raises(TimeoutError):
        pair.receive(within_s=0.05)


def test_a_frame_that_has_begun_gets_the_whole_frame_time(pair: Pair) -> None:
    began = time.monotonic()
    pair.peer.send(frame(b"word")[:6])
    with pytest.raises(TimeoutError):
        pair.receive(within_s=60.0)
    assert 0.4 < time.monotonic() - began < 5


def test_a_frame_that_nobody_reads_times_out(pair: Pair) -> None:
    with pytest.raises(TimeoutError):
        pair.framed.send(b"x" * 50_000_000, time.monotonic() + 0.1)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with listening(Listener(bind(ANY_PORT), lambda request: request)) as listener:
        yield listener.port


def test_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    with RawClient(port) as client:
        client.send(b"".join(frame(b"%d" % number) for number in range(100)))
        assert [client.receive() for _ in range(100)] == [b"%d" % number for number in range(100)]


def test_a_request_in_one_byte_packets_is_answered(port: int) -> None:
    with RawClient(port) as client:
        for byte in frame(b"drip") * 3:
            client.send(bytes([byte]))
        assert [client.receive() for _ in range(3)] == [b"drip"] * 3


def test_a_request_of_the_limit_is_answered(port: int) -> None:
    request = b"x" * REQUEST_LIMITS.frame_bytes
    with RawClient(port) as client:
        client.send(frame(request))
        assert client.receive() == request


REFUSED = {
    "zero": frame(b""),
    "negative": b"\xff\xff\xff\xf0",
    "limit and one": (64 * 1024 + 1).to_bytes(4, "big"),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100"),
    "end within a size": b"\0\0",
    "end within a frame": frame(b"word")[:-1],
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_what_is_no_frame_is_answered_by_the_end_of_its_connection(port: int, sent: bytes) -> None:
    with RawClient(port) as stranger, RawClient(port) as friend:
        stranger.send(sent)
        stranger.socket.shutdown(socket.SHUT_WR)
        assert stranger.is_closed()
        friend.send(frame(b"word"))
        assert friend.receive() == b"word"


def test_an_answered_request_before_garbage_keeps_its_answer(port: int) -> None:
    with RawClient(port) as client:
        client.send(frame(b"word") + b"\0\0\0\0")
        assert client.receive() == b"word"
        assert client.is_closed()
