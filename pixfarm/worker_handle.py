"""This side of an image worker process: its lanes, its life and its death."""

import multiprocessing
import signal
import socket
import time
from multiprocessing.process import BaseProcess

from pixfarm import imaging, worker_process
from pixfarm.errors import NotReady
from pixfarm.worker_process import MESSAGE_BYTES, NO_LANE

LANES_PER_WORKER = 2


class Worker:
    """One process and this side of its lanes.

    Args:
        settings: for the image work.
    """

    def __init__(self, settings: imaging.ImageSettings) -> None:
        context = multiprocessing.get_context("forkserver")
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(LANES_PER_WORKER)]
        self.lanes = [ours for ours, _ in pairs]
        self.free = list(range(LANES_PER_WORKER))
        # Written by the worker, read when it is late or dead: whose image it has in hand, since when.
        self._in_hand = context.RawArray("d", [NO_LANE, 0.0])
        self.is_dead = False
        self._is_closed = False
        self.death = ""
        theirs = [theirs for _, theirs in pairs]
        self.process: BaseProcess = context.Process(
            target=worker_process.run,
            args=(theirs, self._in_hand, settings),
            name="image worker",
            daemon=True,
        )
        try:
            self.process.start()
        except (OSError, EOFError):
            for lane in self.lanes:
                lane.close()
            raise
        finally:
            for lane in theirs:
                lane.close()

    @property
    def in_flight(self) -> int:
        """How many images it has."""
        return LANES_PER_WORKER - len(self.free)

    def has_in_hand(self, number: int) -> bool:
        """Whether it works, or died while it worked, on that lane's image."""
        return int(self._in_hand[0]) == number

    def seconds_on(self, number: int) -> float:
        """How long it has worked on that lane's image; 0 while that waits for its turn."""
        return time.monotonic() - self._in_hand[1] if self.has_in_hand(number) else 0.0

    def wait_until_ready(self, timeout_s: float) -> None:
        """Waits for its word that it is warm.

        Raises:
            NotReady: it died, or said nothing in time.
        """
        self.lanes[0].settimeout(timeout_s)
        try:
            if self.lanes[0].recv(MESSAGE_BYTES):
                return
        except OSError as error:
            raise NotReady(f"an image worker did not start: {error}") from error
        raise NotReady("an image worker died at its start; its own message is above")

    def bury(self) -> None:
        """Takes note of how it died; for one thread."""
        self.is_dead = True
        try:
            self.process.join(1.0)
            code = self.process.exitcode
        except (EOFError, OSError):  # the fork server, which knows the exit code, is gone as well
            code = None
        if code is not None and code < 0:
            self.death = f"the worker process was ended by signal {-code} ({signal.strsignal(-code)})"
        else:
            self.death = f"the worker process ended with exit code {code}"

    def close(self) -> None:
        """Ends the process and waits for its end; may be called twice."""
        for lane in self.lanes:
            lane.close()
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self.process.join(1.0)
            if self.process.exitcode is None:
                self.process.kill()
                self.process.join(5.0)
            self.process.close()  # else a traceback that somebody keeps would keep its descriptors, too
        except (EOFError, OSError, ValueError):
            return  # the fork server is gone, and with it who could say how the process ended


def started(settings: imaging.ImageSettings, timeout_s: float) -> Worker:
    """A new worker, ready.

    Raises:
        NotReady: it did not start.
    """
    try:
        worker = Worker(settings)
    except (OSError, EOFError) as error:  # no descriptors or memory, or the fork server is just dying
        raise NotReady(f"an image worker cannot be started: {error}") from error
    try:
        worker.wait_until_ready(timeout_s)
    except NotReady:
        worker.close()
        raise
    return worker


def receive(lane: socket.socket) -> bytes | None:
    """The next message, or None when none came in time.

    Raises:
        ConnectionResetError: the other end is gone.
    """
    try:
        message = lane.recv(MESSAGE_BYTES)
    except TimeoutError:
        return None
    if not message:
        raise ConnectionResetError("the worker process is gone")
    return message
