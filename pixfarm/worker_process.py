"""An image worker process: what it runs, and what its start needs."""

import json
import logging
import multiprocessing
import os
import select
import signal
import socket
import sys
import time
from collections.abc import MutableSequence
from pathlib import Path

from pixfarm import imaging
from pixfarm.errors import FailureCode, TaskFailed

_log = logging.getLogger(__name__)

MESSAGE_BYTES = 128 * 1024
NO_LANE = -1


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


def run(lanes: list[socket.socket], in_hand: MutableSequence[float], settings: imaging.ImageSettings) -> None:
    """The life of a worker process: images from its lanes in turn, until the node is gone.

    Args:
        lanes: the worker's ends, used in turn so that neither waits for ever.
        in_hand: two shared doubles: the lane whose image is in hand (or -1), and since when.
        settings: for the image work.
    """
    # Ctrl-C and a stop of the whole service reach the workers too; the node decides when they end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    imaging.warm_up()
    poll = select.poll()
    numbers = {lane.fileno(): number for number, lane in enumerate(lanes)}
    for descriptor in numbers:
        poll.register(descriptor, select.POLLIN)
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
            in_hand[1] = time.monotonic()
            in_hand[0] = number
            answer = json.dumps(_answer(json.loads(request), settings))
            in_hand[0] = NO_LANE
            try:
                lanes[number].send(answer.encode())
            except OSError:
                return  # the node is gone


def _answer(request: list[str], settings: imaging.ImageSettings) -> list[object]:
    source, target, attempt_id = request
    started_at = time.monotonic()
    try:
        outcome = imaging.process_image(Path(source), Path(target), attempt_id, settings)
    except TaskFailed as failure:
        return [str(failure.code), failure.message]
    except Exception as error:  # noqa: BLE001 - top of a process
        _log.exception("a bug: attempt %s failed", attempt_id)
        return [str(FailureCode.INTERNAL), f"the node has a bug ({type(error).__name__}); see its log"]
    worked_s = time.monotonic() - started_at
    return ["", outcome.width_px, outcome.height_px, outcome.bytes_written, worked_s]
