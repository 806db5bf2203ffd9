"""This side of an image worker process: its lanes, its life and its death."""

import contextlib
import multiprocessing
import os
import select
import signal
import socket
import threading
import time
from multiprocessing.process import BaseProcess

from pixfarm import imaging, worker_process
from pixfarm.errors import NotReady
from pixfarm.fork_server import sigterm_withheld
from pixfarm.worker_process import LANES_PER_WORKER, MESSAGE_BYTES, Stage, Standing, Work

END_TIMEOUT_S = 1.0

# multiprocessing asks after all its children whenever one is started, and of two threads that ask after the
# same one the second is told that it ended with exit code 255.
_asking_after_children = threading.Lock()


class Worker:
    """One process and this side of its lanes.

    ``free`` are the numbers of the lanes that nobody uses, ``is_lost`` whether it gets no more images because
    it is dead or does not come to an end; both are for whoever hands the lanes out.

    Args:
        settings: for the image work.
        work: what is done to each image.

    Raises:
        OSError: no descriptors, memory or processes are left.
        EOFError: the fork server has just ended.
    """

    def __init__(self, settings: imaging.ImageSettings, work: Work) -> None:
        context = multiprocessing.get_context("forkserver")
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(LANES_PER_WORKER)]
        self.lanes = [ours for ours, _ in pairs]
        self.free = list(range(LANES_PER_WORKER))
        self.is_lost = False
        self._standing = context.RawValue(Standing)
        self._warm_bytes = 0
        self._ending = threading.Lock()
        self._is_closed = False
        self._death = ""
        self._killed_for: int | None = None
        theirs = [theirs for _, theirs in pairs]
        self.process: BaseProcess = context.Process(
            target=worker_process.run,
            args=(theirs, self._standing, settings, work),
            name="image worker",
            daemon=True,
        )
        try:
            with _asking_after_children, sigterm_withheld():
                self.process.start()
        except (OSError, EOFError):
            for lane in self.lanes:
                lane.close()
            raise
        finally:
            for lane in theirs:
                lane.close()
        self.pid = self.process.pid or 0

    @property
    def in_flight(self) -> int:
        """How many images it has."""
        return LANES_PER_WORKER - len(self.free)

    @property
    def images(self) -> int:
        """How many images it has come to an end with."""
        return int(self._standing.images)

    @property
    def is_at_work(self) -> bool:
        """Whether it has an image in hand, or died with one."""
        return any(map(self.has_in_hand, range(LANES_PER_WORKER)))

    @property
    def grown_bytes(self) -> int:
        """How much more resident memory it keeps between images than when it was warm and had done none.

        What functions of people's own have loaded does not count: another worker would load it, too.
        """
        return int(self._standing.resident_bytes) - int(self._standing.loaded_bytes) - self._warm_bytes

    def has_in_hand(self, number: int) -> bool:
        """Whether it works, or died while it worked, on that lane's image."""
        return bool(self._standing.stages[number] != Stage.WAITING)

    def is_to_blame(self, number: int) -> bool:
        """Whether that lane's image may be why it died.

        Not the one that was only being published meanwhile, nor any but the one that it was killed for.
        """
        is_drafted = self._standing.stages[number] == Stage.DRAFTING
        return bool(is_drafted) and self._killed_for in (None, number)

    def seconds_on(self, number: int) -> float:
        """How long it has worked on that lane's image; 0 while that waits for its turn."""
        return time.monotonic() - self._standing.since_s[number] if self.has_in_hand(number) else 0.0

    def wait_until_ready(self, timeout_s: float) -> None:
        """Waits for its word that it is warm.

        Raises:
            NotReady: it died, or said nothing in time.
        """
        self.lanes[0].settimeout(timeout_s)
        try:
            if self.lanes[0].recv(MESSAGE_BYTES):
                self._warm_bytes = int(self._standing.resident_bytes)
                return
        except OSError as error:
            raise NotReady(f"an image worker did not start: {error}") from error
        raise NotReady("an image worker died at its start; its own message is above")

    def fileno(self) -> int:
        """For select.poll(): hung up when the process has ended, readable when it says that it is warm."""
        return self.lanes[0].fileno()

    def has_ended(self, within_s: float = 0.0) -> bool:
        """Whether the process ends in time; it touches no file any more then.

        Not asked of multiprocessing, for which a process has ended when the fork server has.
        """
        poll = select.poll()
        poll.register(self, 0)  # a hang-up is always told
        return bool(poll.poll(1000 * within_s))

    def death(self) -> str:
        """How it ended, in words."""
        with self._ending:
            if not self._is_closed:
                self._take_note()
            return self._death

    def kill(self, number: int | None = None) -> None:
        """Ends it at once; does not wait.

        Args:
            number: the lane whose image is why.
        """
        with self._ending:
            if not self._is_closed:
                if self._killed_for is None:
                    self._killed_for = number
                self._kill()

    def hang_up(self) -> None:
        """Asks it to end after the image that it has in hand, if any."""
        for lane in self.lanes:
            with contextlib.suppress(OSError):  # it has ended
                lane.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Ends the process, by force if need be, and waits for that; may be called twice.

        Who waits at a lane is told that it broke off, but should have left it before.
        """
        with self._ending:
            if self._is_closed:
                return
            self.hang_up()
            if not self.has_ended(END_TIMEOUT_S):
                self._kill()
            self._take_note()
            self._is_closed = True
            for lane in self.lanes:
                lane.close()
            with contextlib.suppress(ValueError):  # it will not end
                self.process.close()  # else a traceback that somebody keeps would keep its descriptors, too

    def _kill(self) -> None:
        if not self.has_ended():
            for end in (os.killpg, os.kill):  # what it has started, too; it has no group before it is warm
                with contextlib.suppress(ProcessLookupError):
                    end(self.pid, signal.SIGKILL)

    def _take_note(self) -> None:
        if not self.has_ended(END_TIMEOUT_S):
            self._death = "the worker process does not end, though it was killed"
            return
        with _asking_after_children:
            self.process.join(END_TIMEOUT_S)  # the fork server tells a moment later
            code = self.process.exitcode
        if code is not None and code < 0:
            self._death = f"the worker process was ended by signal {-code} ({signal.strsignal(-code)})"
        else:
            self._death = f"the worker process ended with exit code {code}"


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
