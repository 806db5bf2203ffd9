import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from pixfarm.errors import NotReady
from pixfarm.model import Machine
from pixfarm.wire import Listener, bind, is_caller_gone
from pixfarm.wire import listener as listener_module
from pixfarm.wire.limits import ListenerLimits, MessageLimits
from tests.integration.own_resources import nothing_left_over
from tests.integration.quiet_tiers import ANY_PORT, listening
from tests.integration.raw_peers import HOST, RawClient
from tests.integration.thrift_bytes import frame
from tests.integration.waiting import PATIENCE_S, eventually


def echo(request: bytes) -> bytes:
    return request.upper()


def echo_listener(answer: Callable[[bytes], bytes] = echo, limits: ListenerLimits | None = None) -> Listener:
    return Listener(bind(ANY_PORT), answer, limits=limits)


@pytest.fixture
def no_leftovers() -> Iterator[None]:
    with nothing_left_over():
        yield


class Gate:
    """An answer that waits until it may be given."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def answer(self, request: bytes) -> bytes:
        self.entered.set()
        assert self.opened.wait(PATIENCE_S)
        return echo(request)


def works(client: RawClient, word: bytes = b"word") -> bool:
    client.send(frame(word))
    return client.receive() == word.upper()


@pytest.mark.usefixtures("no_leftovers")
def test_a_listener_answers_between_start_and_close() -> None:
    with listening(echo_listener()) as listener, RawClient(listener.port) as client:
        assert works(client)
        assert works(client)
        assert listener.address == f"{HOST}:{listener.port}"


@pytest.mark.usefixtures("no_leftovers")
def test_a_connection_made_before_the_start_is_answered() -> None:
    with closing(echo_listener()) as listener, RawClient(listener.port) as client:
        client.send(frame(b"early"))
        listener.start()
        assert client.receive() == b"EARLY"


@pytest.mark.usefixtures("no_leftovers")
def test_close_may_be_called_twice_and_without_a_start() -> None:
    never_started, started = echo_listener(), echo_listener()
    started.start()
    for listener in (never_started, started, never_started, started):
        listener.close()


@pytest.mark.usefixtures("no_leftovers")
def test_the_port_is_free_after_close_though_clients_are_connected() -> None:
    with listening(echo_listener()) as listener, RawClient(listener.port) as client:
        assert works(client)
        with pytest.raises(NotReady, match=f"port {listener.port} on 127.0.0.1 is in use"):
            bind(ANY_PORT, listener.port)
        listener.close()
        assert client.is_closed()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, listener.port), 1.0)
        with (
            listening(Listener(bind(ANY_PORT, listener.port), echo)),
            RawClient(listener.port) as next_client,
        ):
            assert works(next_client)


@pytest.mark.usefixtures("no_leftovers")
def test_close_lets_a_running_request_answer_and_then_ends_its_connection() -> None:
    gate = Gate()
    with listening(echo_listener(gate.answer)) as listener, RawClient(listener.port) as client:
        client.send(frame(b"slow"))
        assert gate.entered.wait(PATIENCE_S)
        closer = threading.Thread(target=listener.close)
        closer.start()
        assert eventually(listener._closing.is_set)
        gate.opened.set()
        assert client.receive() == b"SLOW"
        assert client.is_closed()
        closer.join(PATIENCE_S)
        assert not closer.is_alive()


@pytest.mark.usefixtures("no_leftovers")
def test_close_does_not_wait_longer_than_its_grace() -> None:
    gate = Gate()
    with listening(echo_listener(gate.answer)) as listener, RawClient(listener.port) as client:
        client.send(frame(b"endless"))
        assert gate.entered.wait(PATIENCE_S)
        began = time.monotonic()
        listener.close(grace_s=0.1)
        assert time.monotonic() - began < 3
        assert client.is_closed()
        gate.opened.set()


@pytest.mark.usefixtures("no_leftovers")
def test_an_idle_connection_is_closed_after_the_limit_and_a_used_one_is_not() -> None:
    limits = ListenerLimits(idle_s=0.4)
    with (
        listening(echo_listener(limits=limits)) as listener,
        RawClient(listener.port) as idle,
        RawClient(listener.port) as used,
    ):
        began = time.monotonic()
        ended = threading.Event()

        def watch() -> None:
            if idle.is_closed():
                ended.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        while not ended.wait(0.05):
            assert works(used)
        watcher.join(PATIENCE_S)
        assert 0.3 < time.monotonic() - began < 3
        assert works(used)


def test_a_peer_that_drips_a_frame_is_cut_off_after_the_whole_frame_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener_module, "REQUEST_LIMITS", MessageLimits(1000, 100, 10, whole_frame_s=0.4))
    with listening(echo_listener()) as listener, RawClient(listener.port) as client:
        client.socket.settimeout(0.05)  # the pace of the drip: a wait for an answer that does not come
        began = time.monotonic()
        closed = False
        client.send(b"\0\0\3\0")
        while not closed and time.monotonic() - began < PATIENCE_S:
            try:
                closed = client.is_closed()
            except TimeoutError:
                client.send(b"x")
            except ConnectionError:
                closed = True
        assert closed
        assert 0.3 < time.monotonic() - began < 3


@pytest.mark.usefixtures("no_leftovers")
def test_connections_over_the_cap_are_closed_and_the_others_go_on() -> None:
    with (
        listening(echo_listener(limits=ListenerLimits(connections=2))) as listener,
        RawClient(listener.port) as first,
        RawClient(listener.port) as second,
    ):
        assert works(first)
        assert works(second)
        for _ in range(5):
            with RawClient(listener.port) as extra:
                assert extra.is_closed()
        assert works(first)
        assert works(second)


@pytest.mark.usefixtures("no_leftovers")
def test_a_place_under_the_cap_is_free_again_when_its_connection_ends() -> None:
    with listening(echo_listener(limits=ListenerLimits(connections=1))) as listener:
        for _ in range(5):
            assert eventually(lambda: not listener._connections)
            with RawClient(listener.port) as client:
                assert works(client)


@pytest.mark.usefixtures("no_leftovers")
def test_fifty_idle_connections_do_not_starve_a_working_one() -> None:
    with listening(echo_listener()) as listener, ExitStack() as idle:
        for _ in range(50):
            idle.enter_context(RawClient(listener.port))
        with RawClient(listener.port) as client:
            began = time.monotonic()
            assert all(works(client, b"word %d" % number) for number in range(200))
            assert time.monotonic() - began < 5


@pytest.mark.usefixtures("no_leftovers")
def test_close_ends_fifty_idle_connections_at_once() -> None:
    with ExitStack() as idle, listening(echo_listener()) as listener:
        clients = [idle.enter_context(RawClient(listener.port)) for _ in range(50)]
        assert all(works(client) for client in clients)
        began = time.monotonic()
        listener.close()
        assert time.monotonic() - began < 2
        assert all(client.is_closed() for client in clients)


@pytest.mark.usefixtures("no_leftovers")
def test_a_peer_that_resets_its_connection_harms_nobody() -> None:
    with listening(echo_listener()) as listener, RawClient(listener.port) as client:
        for _ in range(20):
            with RawClient(listener.port) as rude:
                rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                rude.send(frame(b"gone before the answer"))
        assert works(client)


def test_a_peer_that_never_reads_is_cut_off_after_the_send_deadline() -> None:
    with (
        listening(echo_listener(lambda _: b"x" * 4_000_000, ListenerLimits(send_s=0.3))) as listener,
        RawClient(listener.port) as deaf,
    ):
        for _ in range(8):
            deaf.send(frame(b"more"))
        assert eventually(lambda: len(listener._connections) == 1)
        assert eventually(lambda: not listener._connections)


def test_a_request_that_the_answer_refuses_closes_only_its_own_connection() -> None:
    def refuse(request: bytes) -> bytes:
        if request == b"stranger":
            raise ValueError("not a request")
        return echo(request)

    with (
        listening(echo_listener(refuse)) as listener,
        RawClient(listener.port) as friend,
        RawClient(listener.port) as stranger,
    ):
        assert works(friend)
        stranger.send(frame(b"stranger"))
        assert stranger.is_closed()
        assert works(friend)


def test_a_bug_in_an_answer_closes_its_connection_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: bytes) -> bytes:
        raise ZeroDivisionError

    with listening(echo_listener(fail)) as listener, RawClient(listener.port) as client:
        client.send(frame(b"?"))
        assert client.is_closed()
    assert "a request could not be answered" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_strangers_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with listening(echo_listener()) as listener:
        for _ in range(20):
            with RawClient(listener.port) as stranger:
                stranger.send(b"GET / HTTP/1.1\r\n\r\n")
                assert stranger.is_closed()
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1


def test_an_ipv6_listener_says_its_address_in_brackets() -> None:
    try:
        sock = bind(Machine("node_1", "::1", 0), 0)
    except NotReady as error:
        pytest.skip(f"no IPv6 here: {error}")
    with listening(Listener(sock, echo)) as listener:
        assert listener.address == f"[::1]:{listener.port}"


@pytest.mark.usefixtures("no_leftovers")
def test_a_long_request_can_tell_that_its_caller_has_hung_up() -> None:
    seen: list[bool] = []
    asked, noticed = threading.Event(), threading.Event()

    def wait_for_the_caller_to_leave(request: bytes) -> bytes:
        seen.append(is_caller_gone())
        asked.set()
        if eventually(is_caller_gone):
            noticed.set()
        return request

    with listening(echo_listener(wait_for_the_caller_to_leave)) as listener:
        with RawClient(listener.port) as client:
            client.send(frame(b"long"))
            assert asked.wait(PATIENCE_S)
        assert noticed.wait(PATIENCE_S)
    assert seen == [False]
