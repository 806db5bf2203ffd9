"""The other side of a connection, played by a bare socket: a client, or a server with a script."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pixfarm.model import Machine
from tests.integration.thrift_bytes import REPLY, Message, Reader, frame, message
from tests.integration.waiting import PATIENCE_S

HOST = "127.0.0.1"


class RawClient:
    """A connected socket that speaks frames; every wait ends after 10 seconds."""

    def __init__(self, port: int, timeout_s: float = PATIENCE_S) -> None:
        self.socket = socket.create_connection((HOST, port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def receive(self) -> bytes | None:
        """The next frame's content; None when the peer closed."""
        head = self._receive(4)
        return None if head is None else self._receive(struct.unpack(">i", head)[0])

    def ask(self, payload: bytes) -> Message | None:
        """The answer to a message; None when the peer closed instead."""
        with contextlib.suppress(ConnectionError):
            self.send(frame(payload))
        answer = self.receive()
        return None if answer is None else Reader(answer).message()

    def is_closed(self) -> bool:
        """Whether the peer closes; waits for it."""
        return self._receive(1) is None

    def _receive(self, size: int) -> bytes | None:
        content = b""
        try:
            while len(content) < size:
                chunk = self.socket.recv(size - len(content))
                if not chunk:
                    return None
                content += chunk
        except ConnectionError:
            return None
        return content


class Conversation:
    """One accepted connection of a FakePeer."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.socket = sock
        self.number = number

    def question(self) -> Message | None:
        """The next call; None when the caller closed."""
        head = self._receive(4)
        content = None if head is None else self._receive(struct.unpack(">i", head)[0])
        return None if content is None else Reader(content).message()

    def answer(self, question: Message, body: bytes, kind: int = REPLY, sequence_off: int = 0) -> None:
        reply = message(question.name, body, question.sequence + sequence_off, kind)
        self.socket.sendall(frame(reply))

    def _receive(self, size: int) -> bytes | None:
        content = self.socket.recv(size, socket.MSG_WAITALL)
        return content if len(content) == size else None


class FakePeer:
    """A listening socket whose every connection is served by a function, in a thread of its own."""

    def __init__(self, serve: Callable[[Conversation], None]) -> None:
        self._serve = serve
        self._listening = socket.create_server((HOST, 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, name="fake peer")
        self.port: int = self._listening.getsockname()[1]
        self.machine = Machine("node_1", HOST, self.port)

    @property
    def accepted(self) -> int:
        """Connections so far."""
        return len(self._sockets)

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join(PATIENCE_S)
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listening.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(sock)
                conversation = Conversation(sock, len(self._sockets))
                thread = threading.Thread(target=self._converse, args=(conversation,), name="conversation")
                self._threads.append(thread)
                thread.start()

    def _converse(self, conversation: Conversation) -> None:
        with contextlib.suppress(OSError), conversation.socket:
            self._serve(conversation)
