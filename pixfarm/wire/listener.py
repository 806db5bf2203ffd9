"""A small server for framed messages that can be stopped, and that no peer can occupy."""

import errno
import logging
import select
import socket
import threading
import time
from collections.abc import Callable

from pixfarm.wire.framing import FramedSocket, FrameError, Secure, tune
from pixfarm.wire.limits import REQUEST_LIMITS, ListenerLimits

_log = logging.getLogger(__name__)
_ACCEPT_PAUSE_S = 0.1
_WARNING_EVERY_S = 10.0


_serving = threading.local()


def is_caller_gone() -> bool:
    """Whether the caller whose request this thread answers has hung up; for requests that take long."""
    poll = select.poll()
    poll.register(_serving.framed.raw, select.POLLRDHUP)
    return bool(poll.poll(0))


def hang_up() -> None:
    """Closes the connection of the caller whose request this thread answers; it gets no answer."""
    _serving.framed.shutdown(socket.SHUT_RDWR)


class Listener:
    """Answers frames on a bound socket, a thread per connection.

    Args:
        sock: a listening socket; owned from here on.
        answer: the reply to a request frame; raises ValueError when the frame is no request, which
            closes the connection.
        limits: how many connections, and how long an idle one is kept.
        secure: wraps each accepted socket; None for plain TCP.
    """

    def __init__(
        self,
        sock: socket.socket,
        answer: Callable[[bytes], bytes],
        *,
        limits: ListenerLimits | None = None,
        secure: Secure | None = None,
    ) -> None:
        self._socket = sock
        self._answer = answer
        self._limits = limits or ListenerLimits()
        self._secure = secure
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, FramedSocket] = {}
        self._last_warning = -_WARNING_EVERY_S
        self.host, self.port = sock.getsockname()[:2]
        self._accepting = threading.Thread(target=self._accept, name="accept", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, as host:port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def start(self) -> None:
        """Begins to accept; connections made since the socket was bound are not lost."""
        self._accepting.start()

    def close(self, grace_s: float = 5.0) -> None:
        """Stops accepting, lets running requests answer, and closes everything; may be called twice.

        Args:
            grace_s: seconds that running requests have.
        """
        self._closing.set()
        _shutdown(self._socket)  # close() alone would leave accept() blocked and the port open
        self._socket.close()
        if self._accepting.ident is not None:
            self._accepting.join(grace_s)
        with self._lock:
            connections = dict(self._connections)
        for framed in connections.values():
            framed.shutdown(socket.SHUT_RD)  # ends idle ones; a running request can still answer
        deadline = time.monotonic() + grace_s
        for thread, framed in connections.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            framed.shutdown(socket.SHUT_RDWR)
        for thread in connections:
            thread.join(1.0)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                sock, _ = self._socket.accept()
            except OSError as error:
                if self._closing.is_set():
                    return
                if error.errno not in {errno.ECONNABORTED, errno.EINTR}:
                    # Out of descriptors or memory: what runs goes on, and what ends frees some.
                    self._warn("cannot accept connections: %s", error.strerror)
                    self._closing.wait(_ACCEPT_PAUSE_S)
                continue
            self._admit(sock)

    def _admit(self, sock: socket.socket) -> None:
        framed = _framed(sock)
        thread = threading.Thread(target=self._serve, args=(framed,), name="connection", daemon=True)
        with self._lock:
            admitted = len(self._connections) < self._limits.connections
            if admitted:
                self._connections[thread] = framed
        try:
            if admitted:
                thread.start()
                return
            self._warn("more than %d connections; closing new ones", self._limits.connections)
        except RuntimeError as error:
            self._warn("cannot start a thread: %s", error)
            with self._lock:
                del self._connections[thread]
        framed.close()

    def _serve(self, framed: FramedSocket) -> None:
        try:
            tune(framed.raw)
            if self._secure is not None:
                framed = _framed(self._secure(framed.raw))
                with self._lock:
                    self._connections[threading.current_thread()] = framed
            _serving.framed = framed
            while not self._closing.is_set():
                frame = framed.receive(time.monotonic() + self._limits.idle_s)
                if frame is None:
                    return
                framed.send(self._answer(frame), time.monotonic() + self._limits.send_s)
        except (FrameError, ValueError) as error:
            self._warn("closing a connection that is not one of ours: %s", error)
        except OSError as error:
            _log.debug("connection lost: %s", error)
        except Exception:  # noqa: BLE001 - top of a thread
            _log.exception("a request could not be answered")
        finally:
            framed.close()
            with self._lock:
                self._connections.pop(threading.current_thread(), None)

    def _warn(self, message: str, *values: object) -> None:
        """Logs at most one warning in ten seconds: strangers must not be able to fill the disk."""
        now = time.monotonic()
        if now - self._last_warning >= _WARNING_EVERY_S:
            self._last_warning = now
            _log.warning(message, *values)
        else:
            _log.debug(message, *values)


def _framed(sock: socket.socket) -> FramedSocket:
    return FramedSocket(sock, REQUEST_LIMITS.frame_bytes, REQUEST_LIMITS.whole_frame_s)


def _shutdown(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already closed
