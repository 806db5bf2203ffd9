"""Connections to one machine: made when needed, kept while they work, closed on any doubt."""

import select
import socket
import threading
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any, TypeVar

from thrift.Thrift import TApplicationException
from thrift.transport.TTransport import CReadableTransport, TTransportBase

from pixfarm.errors import AnswerLate, AnswerLost, ForeignPeer, Unreachable
from pixfarm.model import Machine
from pixfarm.wire.binding import connect
from pixfarm.wire.framing import FramedSocket, FrameError, Secure, tune
from pixfarm.wire.limits import CONNECT_TIMEOUT_S, MAX_POOLED_IDLE_S, MessageLimits
from pixfarm.wire.protocol import UNDECODABLE, CallProtocol

T = TypeVar("T")


class _CallTransport(TTransportBase, CReadableTransport):  # type: ignore[misc]  # Apache Thrift is untyped
    """One question, one answer: flush() sends the frame and waits for the answering one."""

    def __init__(self, framed: FramedSocket) -> None:
        self._framed = framed
        self._question = bytearray()
        self._answer = BytesIO()
        self.deadline = 0.0

    def write(self, data: bytes) -> None:
        self._question += data

    def flush(self) -> None:
        question, self._question = bytes(self._question), bytearray()
        self._framed.send(question, self.deadline)
        frame = self._framed.receive(self.deadline, self.deadline)
        if frame is None:
            raise ConnectionResetError("the connection was closed instead of an answer")
        self._answer = BytesIO(frame)

    def read(self, size: int) -> bytes:
        return self._answer.read(size)

    @property
    def cstringio_buf(self) -> BytesIO:
        return self._answer

    def cstringio_refill(self, partialread: bytes, reqlen: int) -> BytesIO:  # noqa: ARG002 - Apache's names
        raise EOFError("the answer ends too early")


class _Connection:
    """A generated client on a socket of its own."""

    def __init__(
        self, sock: socket.socket, client_class: Callable[[Any], Any], limits: MessageLimits
    ) -> None:
        tune(sock)
        self._framed = FramedSocket(sock, limits.frame_bytes, limits.whole_frame_s)
        self._transport = _CallTransport(self._framed)
        self.client = client_class(CallProtocol(self._transport, limits))
        self.last_used = time.monotonic()

    def expire_at(self, deadline: float) -> None:
        self._transport.deadline = deadline

    def is_usable(self) -> bool:
        """Whether it may carry another question: rested not too long, and nothing to read.

        Something to read on a connection that waits for nothing is its end, or an answer to nobody.
        """
        if self._framed.has_more or time.monotonic() - self.last_used > MAX_POOLED_IDLE_S:
            return False
        poll = select.poll()
        poll.register(self._framed.raw, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self._framed.close()


class ConnectionPool:
    """Calls one machine from many threads, each call on a connection of its own.

    Args:
        machine: whom to call.
        client_class: the generated client.
        limits: largest answer accepted.
        secure: wraps each connected socket; None for plain TCP.
    """

    def __init__(
        self,
        machine: Machine,
        client_class: Callable[[Any], Any],
        limits: MessageLimits,
        secure: Secure | None = None,
    ) -> None:
        self._machine = machine
        self._client_class = client_class
        self._limits = limits
        self._secure = secure
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._closed = False

    def call(self, question: Callable[[Any], T], timeout_s: float, answers: tuple[type[Exception], ...]) -> T:
        """What a generated client's method returns.

        Args:
            question: calls one method of the client it is given.
            timeout_s: seconds until the whole answer must be there.
            answers: the contract's exceptions, raised as they come; the connection stays good.

        Raises:
            Unreachable: nothing was sent.
            AnswerLost: sent, but not answered; AnswerLate: in time.
            ForeignPeer: answered, but not as the contract says.
        """
        connection = self._checkout()
        good = False
        try:
            connection.expire_at(time.monotonic() + timeout_s)
            result = question(connection.client)
            good = True
        except answers:
            good = True
            raise
        except ForeignPeer as error:
            raise ForeignPeer(f"{self._machine} {error}") from error
        except FrameError as error:
            raise ForeignPeer(f"{self._machine} does not speak this protocol: {error}") from error
        except TimeoutError as error:
            raise AnswerLate(f"{self._machine} did not answer within {timeout_s:g} s") from error
        except OSError as error:
            raise AnswerLost(f"{self._machine} was lost: {error.strerror or error}") from error
        except TApplicationException as error:
            raise ForeignPeer(f"{self._machine} answered: {error.message}") from error
        except UNDECODABLE as error:
            raise ForeignPeer(f"{self._machine} sent no valid answer: {error}") from error
        else:
            return result
        finally:
            self._checkin(connection, good=good)

    def abandon(self) -> None:
        """Ends every running call with AnswerLost: the machine was found dead."""
        with self._lock:
            busy = list(self._busy)
            idle, self._idle = self._idle, []
        for connection in busy:
            connection._framed.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - same module
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Closes idle connections, and busy ones as soon as they are idle; may be called twice."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _checkout(self) -> _Connection:
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection = self._idle.pop()
                self._busy.add(connection)
            if connection.is_usable():
                return connection
            self._checkin(connection, good=False)
        connection = self._connect()
        with self._lock:
            self._busy.add(connection)
        return connection

    def _checkin(self, connection: _Connection, *, good: bool) -> None:
        connection.last_used = time.monotonic()
        with self._lock:
            self._busy.discard(connection)
            keep = good and not self._closed
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()

    def _connect(self) -> _Connection:
        try:
            sock = connect(self._machine, CONNECT_TIMEOUT_S)
            if self._secure is not None:
                sock = self._secure(sock)
        except TimeoutError as error:
            raise Unreachable(f"{self._machine} did not accept within {CONNECT_TIMEOUT_S:g} s") from error
        except OSError as error:
            raise Unreachable(f"{self._machine} cannot be reached: {error.strerror or error}") from error
        return _Connection(sock, self._client_class, self._limits)
