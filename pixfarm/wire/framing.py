"""A socket that carries frames (four bytes of length, then that many) under absolute deadlines."""

import math
import socket
import time
from collections.abc import Callable

# What TLS will be: takes a connected socket, returns one that is authenticated and encrypted.
# Called in the connection's own thread, so that a silent peer blocks nobody else.
Secure = Callable[[socket.socket], socket.socket]

_RECEIVE_BYTES = 64 * 1024 + 4


class FrameError(ConnectionError):
    """The peer sent something that is no frame, or one over the limit."""


class FramedSocket:
    """Sends and receives whole frames; not for use by two threads at once.

    Apache's transports time out per recv, so a peer that drips a byte now and then holds them forever;
    here a whole frame has a deadline.

    Args:
        sock: a connected socket; owned from here on.
        max_frame_bytes: largest frame accepted from the peer.
        whole_frame_s: seconds from a frame's first byte to its last.
    """

    def __init__(self, sock: socket.socket, max_frame_bytes: int, whole_frame_s: float) -> None:
        self._socket = sock
        self._max_frame_bytes = max_frame_bytes
        self._whole_frame_s = whole_frame_s
        self._received = bytearray()

    def send(self, payload: bytes, deadline: float) -> None:
        """Sends one frame.

        Args:
            payload: the frame's content.
            deadline: ``time.monotonic()`` by which all of it must be sent.

        Raises:
            OSError: the connection is lost, or the deadline passed (TimeoutError).
        """
        self._socket.settimeout(_remaining(deadline))
        self._socket.sendall(len(payload).to_bytes(4, "big") + payload)

    def receive(self, first_byte_by: float, last_byte_by: float = math.inf) -> bytes | None:
        """The next frame's content; None when the peer closed between frames.

        Args:
            first_byte_by: ``time.monotonic()`` by which the frame must begin.
            last_byte_by: ``time.monotonic()`` by which it must end, where that is before its whole_frame_s.

        Raises:
            FrameError: what came is no frame, or too long a one; nothing was reserved for it.
            OSError: the connection is lost, or the deadline passed (TimeoutError).
        """
        received = self._received
        deadline = self._end_of_frame(last_byte_by) if received else first_byte_by
        while True:
            if len(received) >= 4:
                end = 4 + self._checked_size(received)
                if len(received) >= end:
                    frame = bytes(received[4:end])
                    del received[:end]
                    return frame
            self._socket.settimeout(_remaining(deadline))
            chunk = self._socket.recv(_RECEIVE_BYTES)
            if not chunk:
                if received:
                    raise ConnectionResetError("the connection ended within a frame")
                return None
            if not received:
                deadline = self._end_of_frame(last_byte_by)
            received += chunk

    def shutdown(self, how: int) -> None:
        """Wakes a thread that waits on the socket; the file descriptor stays until close()."""
        try:
            self._socket.shutdown(how)
        except OSError:
            return  # already gone: nobody waits on it any more

    def close(self) -> None:
        """Closes the socket; may be called twice."""
        self._socket.close()

    @property
    def has_more(self) -> bool:
        """Whether bytes were read that belong to no frame received so far."""
        return bool(self._received)

    @property
    def raw(self) -> socket.socket:
        """The socket itself, for looking at its state."""
        return self._socket

    def _end_of_frame(self, last_byte_by: float) -> float:
        return min(time.monotonic() + self._whole_frame_s, last_byte_by)

    def _checked_size(self, received: bytearray) -> int:
        size = int.from_bytes(received[:4], "big", signed=True)
        if not 0 < size <= self._max_frame_bytes:
            raise FrameError(f"frame of {size} bytes; 1 to {self._max_frame_bytes} are accepted")
        return size


def tune(sock: socket.socket) -> None:
    """Sets what every connection needs: no delay, and a dead peer is noticed within half a minute."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 20_000)


def _remaining(deadline: float) -> float:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("deadline passed")
    return remaining
