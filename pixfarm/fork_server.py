"""The fork server, from which image workers are started: what it imports, and what it outlives."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path


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
