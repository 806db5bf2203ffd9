"""An image worker process: what it runs, and what its start needs."""

import ctypes
import dataclasses
import json
import logging
import multiprocessing
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, TypeAlias

from pixfarm import imaging
from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.memory_limit import limit_own_memory
from pixfarm.recipe import Recipe

_log = logging.getLogger(__name__)

MESSAGE_BYTES = 128 * 1024
NO_LANE = -1

# What is done to an image; takes what imaging.draft_image() does.
Work: TypeAlias = Callable[[Path, Path, str, imaging.ImageSettings, Recipe], imaging.Draft]


class Standing(ctypes.Structure):
    """What a worker lets its node see at any moment, in shared memory.

    ``lane`` is the one whose image is in hand (or NO_LANE), ``since_s`` when that was taken up;
    ``resident_bytes`` is the memory it held when it had no image in hand last.
    """

    lane: int
    since_s: float
    images: int
    resident_bytes: int

    _fields_ = (
        ("lane", ctypes.c_int),
        ("since_s", ctypes.c_double),
        ("images", ctypes.c_long),
        ("resident_bytes", ctypes.c_long),
    )


def prepare_fork_server() -> None:
    """Lets the fork server import what all workers need, once, instead of each of them.

    Python 3.11's fork server starts without this process's sys.path and skips in silence what it then
    cannot import (cpython issue 117378), which would cost each worker half a second.
    """
    home = str(Path(__file__).resolve().parents[1])
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if home not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([home, *filter(None, paths)])
    # Each worker runs the starting script's imports again, so the fork server gets all of ours.
    multiprocessing.set_forkserver_preload([name for name in sys.modules if name.startswith("pixfarm")])


@contextmanager
def sigterm_withheld() -> Iterator[None]:
    """What is started meanwhile never gets SIGTERM, unless it asks for it; for one thread.

    A stop of the whole service reaches the fork server, too. It would end, and its node could not replace
    workers while it drains, nor learn how they end. Of itself it only ignores Ctrl-C.
    """
    resource_tracker.ensure_running()  # its start would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(lanes: list[socket.socket], standing: Standing, settings: imaging.ImageSettings, work: Work) -> None:
    """The life of a worker process: images from its lanes in turn, until the node is gone.

    Args:
        lanes: the worker's ends, used in turn so that neither waits for ever.
        standing: in shared memory.
        settings: for the image work.
        work: what is done to each image.
    """
    _make_ready(settings)
    poll = select.poll()
    numbers = {lane.fileno(): number for number, lane in enumerate(lanes)}
    for descriptor in numbers:
        poll.register(descriptor, select.POLLIN)
    statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    standing.resident_bytes = _resident_bytes(statm)
    lanes[0].send(b"ready")
    while True:
        for descriptor, _ in poll.poll():
            number = numbers[descriptor]
            try:
                request = lanes[number].recv(MESSAGE_BYTES)
            except OSError:
                return  # the node is gone
            if not request:
                return
            standing.since_s = time.monotonic()
            standing.lane = number
            answer = json.dumps(_answer(json.loads(request), settings, work))
            standing.lane = NO_LANE
            standing.resident_bytes = _resident_bytes(statm)
            standing.images += 1
            try:
                lanes[number].send(answer.encode())
            except OSError:
                return  # the node is gone


def _make_ready(settings: imaging.ImageSettings) -> None:
    # Ctrl-C and a stop of the whole service reach the workers too; the node decides when they end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    imaging.warm_up()
    if settings.memory_mib:
        limit_own_memory(settings.memory_mib)


def _answer(request: list[Any], settings: imaging.ImageSettings, work: Work) -> list[object]:
    """Code, message and what follows from the code: size of the result, or seconds and draft."""
    source, target, attempt_id, recipe = request
    started_at = time.monotonic()
    try:
        draft = work(Path(source), Path(target), attempt_id, settings, Recipe(**recipe))
    except imaging.NotPublished as failure:
        return [str(failure.code), failure.message, failure.size_bytes]
    except TaskFailed as failure:
        return [str(failure.code), failure.message, 0]
    except Exception as error:  # noqa: BLE001 - top of a process
        _log.exception("a bug: attempt %s failed", attempt_id)
        return [str(FailureCode.INTERNAL), f"the node has a bug ({type(error).__name__}); see its log", 0]
    return ["", "", time.monotonic() - started_at, dataclasses.astuple(draft)]


def _resident_bytes(statm: int) -> int:
    return int(os.pread(statm, 200, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")
