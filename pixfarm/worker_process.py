"""An image worker process: what it runs."""

import ctypes
import dataclasses
import io
import json
import logging
import os
import queue
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from pixfarm import imaging
from pixfarm.allocator import keep_one_arena
from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.memory_limit import limit_own_memory
from pixfarm.recipe import EDGES, Recipe

_log = logging.getLogger(__name__)

MESSAGE_BYTES = 128 * 1024
_LOOK_AGAIN_S = 1.0
LANES_PER_WORKER = 2

# What is done to an image; takes what imaging.draft_image() does.
Work: TypeAlias = Callable[[Path, Path, str, imaging.ImageSettings, Recipe], imaging.Draft]


class Stage(IntEnum):
    """How far a lane's image is."""

    WAITING = 0
    DRAFTING = 1
    PUBLISHING = 2


class Standing(ctypes.Structure):
    """What a worker lets its node see at any moment, in shared memory.

    ``stages`` are those of its lanes' images, ``since_s`` when each was taken up; ``resident_bytes`` is the
    memory that it held when it had no image in its hands last, ``loaded_bytes`` what functions of people's
    own took of that on their first image: a model, perhaps, which is no leak.
    """

    stages: ctypes.Array[ctypes.c_int]
    since_s: ctypes.Array[ctypes.c_double]
    images: int
    resident_bytes: int
    loaded_bytes: int

    _fields_ = (
        ("stages", ctypes.c_int * LANES_PER_WORKER),
        ("since_s", ctypes.c_double * LANES_PER_WORKER),
        ("images", ctypes.c_long),
        ("resident_bytes", ctypes.c_long),
        ("loaded_bytes", ctypes.c_long),
    )


def run(lanes: list[socket.socket], standing: Standing, settings: imaging.ImageSettings, work: Work) -> None:
    """The life of a worker process: images from its lanes in turn, until the node is gone.

    Args:
        lanes: the worker's ends, used in turn so that neither waits for ever.
        standing: in shared memory.
        settings: for the image work.
        work: what is done to each image.
    """
    keep_one_arena()
    with _Desk(lanes, standing, fsync=settings.fsync) as desk:
        _make_ready(settings)
        # Else a process that a function forks off would keep them open when this one has died.
        os.register_at_fork(after_in_child=partial(_close_all, lanes))
        desk.note_memory()
        lanes[0].send(b"ready")
        poll = select.poll()
        numbers = {lane.fileno(): number for number, lane in enumerate(lanes)}
        for descriptor in numbers:
            poll.register(descriptor, select.POLLIN)
        turns = list(numbers.values())
        while True:
            ready = poll.poll()
            if any(events & select.POLLHUP for _, events in ready):
                return  # the node is gone: what still waits in a lane is another's now
            waiting = {numbers[descriptor] for descriptor, _ in ready}
            number = next(turn for turn in turns if turn in waiting)
            turns.remove(number)
            turns.append(number)
            request = desk.receive(number)
            if request is None:
                return
            _draft(number, request, settings, work, desk)


class _Desk:
    """What comes in and goes out of a worker; drafts are published in threads, one for each lane.

    A context manager, which has published all of them when it is left.
    """

    def __init__(self, lanes: list[socket.socket], standing: Standing, *, fsync: bool) -> None:
        self._lanes = lanes
        self._standing = standing
        self._fsync = fsync
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._answering = threading.Condition()
        self._loaded: set[str] = set()
        self._drafts: queue.SimpleQueue[tuple[int, imaging.Draft] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._publish_all, daemon=True) for _ in lanes]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in self._threads:
            self._drafts.put(None)
        for thread in self._threads:
            thread.join()

    def receive(self, number: int) -> list[Any] | None:
        """The lane's next image, which is in hand from here on; None when the node is gone.

        An image for a function of people's own waits until the one before it is published: holding the
        interpreter lock to its last second, such a function would make the other late, too, and earlier.
        """
        try:
            request = self._lanes[number].recv(MESSAGE_BYTES)
        except OSError:
            return None
        if not request:
            return None
        words: list[Any] = json.loads(request)
        if Recipe.of(words[-1]).has_own_functions:
            self._wait_until_published()
        self._standing.since_s[number] = time.monotonic()
        self._standing.stages[number] = Stage.DRAFTING
        return words

    def publish(self, number: int, draft: imaging.Draft) -> None:
        """Has the lane's draft published, and the node told."""
        self._standing.stages[number] = Stage.PUBLISHING
        self._drafts.put((number, draft))

    def answer(self, number: int, *words: object) -> None:
        """Tells the node what came of the lane's image."""
        message = json.dumps(words).encode()
        with self._answering:
            self._standing.stages[number] = Stage.WAITING
            self._standing.images += 1
            with suppress(OSError):  # the node is gone, as the lanes tell as well
                self._lanes[number].send(message)
            self._answering.notify_all()

    def note_memory(self, recipe: Recipe = EDGES) -> None:
        """Lets the node see how much memory the process holds, now that an image is done by that recipe."""
        pages = int(os.pread(self._statm, 200, 0).split()[1])
        held_bytes = pages * os.sysconf("SC_PAGE_SIZE")
        if recipe.has_own_functions and recipe.pipeline not in self._loaded:
            self._loaded.add(recipe.pipeline)
            # First this: at no moment may the node see growth that is none.
            self._standing.loaded_bytes += max(0, held_bytes - self._standing.resident_bytes)
        self._standing.resident_bytes = held_bytes

    def _wait_until_published(self) -> None:
        with self._answering:
            while Stage.PUBLISHING in self._standing.stages:
                self._answering.wait(_LOOK_AGAIN_S)

    def _publish_all(self) -> None:
        try:
            while (taken := self._drafts.get()) is not None:
                number, draft = taken
                self.answer(number, *self._published(number, draft))
        except BaseException:  # noqa: BLE001 - top of a thread
            _log.exception("a bug ends a worker process")
            os._exit(os.EX_SOFTWARE)  # with nobody to publish, images would wait for their deadlines

    def _published(self, number: int, draft: imaging.Draft) -> tuple[object, ...]:
        try:
            outcome = draft.publish(fsync=self._fsync)
        except Exception as error:  # noqa: BLE001 - top of a thread
            return _failure(error)
        return "", "", time.monotonic() - self._standing.since_s[number], dataclasses.asdict(outcome)


def _draft(number: int, request: list[Any], settings: imaging.ImageSettings, work: Work, desk: _Desk) -> None:
    source, target, attempt_id, fields = request
    recipe = Recipe.of(fields)
    draft, failure = None, ("", "", 0)
    try:
        draft = work(Path(source), Path(target), attempt_id, settings, recipe)
    except Exception as error:  # noqa: BLE001 - top of a process
        failure = _failure(error)
    desk.note_memory(recipe)  # the image is gone, and so is the error that still held it
    if draft is None:
        desk.answer(number, *failure)
    else:
        desk.publish(number, draft)


def _failure(error: Exception) -> tuple[str, str, int]:
    """Code, message and size of a result that could not be published."""
    match error:
        case imaging.NotPublished():
            return str(error.code), error.message, error.size_bytes
        case TaskFailed():
            return str(error.code), error.message, 0
    _log.error("a bug: an image failed", exc_info=error)
    return str(FailureCode.INTERNAL), f"the node has a bug ({type(error).__name__}); see its log", 0


def _make_ready(settings: imaging.ImageSettings) -> None:
    # Ctrl-C and a stop of the whole service reach the workers too; the node decides when they end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What functions of people's own start must not inherit that: Popen.terminate() would do nothing.
    signal.signal(signal.SIGTERM, _pass_over)
    os.setsid()  # that is a group to be ended with its worker, and Ctrl-C does not reach it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    _print_to_stderr()
    imaging.warm_up(settings.memory_mib)
    if settings.memory_mib:
        limit_own_memory(settings.memory_mib)


def _close_all(lanes: list[socket.socket]) -> None:
    for lane in lanes:
        lane.close()


def _pass_over(number: int, frame: object) -> None:
    """A signal that does nothing here."""


def _print_to_stderr() -> None:
    """What functions of people's own print must not come between the lines of a node, which programs read."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stderr is not None:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        sys.stdout.reconfigure(line_buffering=True)  # else it is lost with a worker that is ended
