"""The node's own check: what failed through the node's own fault is tried again until it works."""

import contextlib
import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.faults import NODE_FAULTS, node_fault
from pixfarm.imaging import NotPublished

_log = logging.getLogger(__name__)

PAUSE_S = 1.0
_FORGET_S = 600.0
_BLOCK = bytes(1024 * 1024)
_MAX_BYTES = 16 * 1024 * 1024
_DESCRIPTORS = 16
_CLOSE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a result could not be written, its size, and when that was on the monotonic clock.

    ``root`` is where a folder that can be written to is looked for no further up.
    """

    folder: Path
    size_bytes: int
    noted_at: float
    root: Path


class SelfCheck:
    """Remembers the node's faults and tries, in a thread of its own, whether they are over.

    Args:
        pool_fault: tells why no image can be worked on, as the worker pool sees it; empty when it can.
        fsync: whether results are to survive a power cut: then the check writes as they are written.
        pause_s: seconds between two tries.
    """

    def __init__(self, pool_fault: Callable[[], str], *, fsync: bool, pause_s: float = PAUSE_S) -> None:
        self._pool_fault = pool_fault
        self._fsync = fsync
        self._pause_s = pause_s
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._notes = 0
        self._shortage = ""  # of descriptors, memory or processes
        self._unwritable: dict[Path, _Place] = {}  # by directory of results, or base path
        self._thread = threading.Thread(target=self._check, name="self check", daemon=True)
        self._thread.start()

    @property
    def fault(self) -> str:
        """What no image can be done without, in one line; empty when all works."""
        return self._shortage or self._pool_fault()

    @property
    def unwritable(self) -> tuple[str, ...]:
        """Where results could not be written at the last try: base paths, or chosen directories.

        Never waits for a file system.
        """
        return tuple(str(base) for base in list(self._unwritable))

    def note(self, failure: TaskFailed, target: Path, base_path: Path, place: Path | None = None) -> None:
        """Takes note of a failed image, unless that was not the node's fault.

        Args:
            failure: how it failed.
            target: where its result was to go.
            base_path: of its job; nothing outside is tried, unless results go elsewhere.
            place: the directory of the results, if one was chosen; a fault of it is none of the base path's.
        """
        if failure.code not in NODE_FAULTS or self._stop.is_set():
            return
        place = place or base_path
        with self._changed:
            if failure.code is FailureCode.NO_RESOURCES:
                is_news, self._shortage = not self._shortage, failure.message
            else:
                size_bytes = failure.size_bytes if isinstance(failure, NotPublished) else 0
                known = self._unwritable.get(place)
                is_news = known is None
                size_bytes = max(size_bytes, known.size_bytes if known else 0)
                root = place if place == base_path else place.parent  # where it is to be made
                self._unwritable[place] = _Place(target.parent, size_bytes, time.monotonic(), root)
            self._notes += 1
            self._changed.notify()
        if is_news:
            _log.warning(
                "%s (%s); trying every %g s whether that is over", failure.message, place, self._pause_s
            )

    def close(self) -> None:
        """Ends the thread; may be called twice."""
        self._stop.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(_CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            _log.warning("a file system hangs; %s may be left in an output_dir", _file_name())

    def _check(self) -> None:
        while not self._stop.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._shortage or self._unwritable or self._stop.is_set())
            if not self._stop.wait(self._pause_s):
                self._try_again()

    def _try_again(self) -> None:
        with self._changed:
            notes, unwritable, is_short = self._notes, dict(self._unwritable), bool(self._shortage)
        # Not under the lock: any of this may hang as long as a file system does.
        still = {base: place for base, place in unwritable.items() if self._still_fails(place)}
        shortage = (_fault_of(_take_some) or self._pool_fault()) if is_short else ""
        with self._changed:
            if self._notes != notes:
                return  # another image failed meanwhile: what was found may be outdated
            self._unwritable, self._shortage = still, shortage
        for base in unwritable.keys() - still.keys():
            _log.info("results of %s can be written again", base)
        if is_short and not shortage:
            _log.info("what had failed on this node works again")

    def _still_fails(self, place: _Place) -> bool:
        if time.monotonic() - place.noted_at > _FORGET_S:
            return False  # its job has ended; if not, the next image tells
        return bool(_fault_of(partial(self._write_below, place)))

    def _write_below(self, place: _Place) -> None:
        # The folder may not have been made yet, for the same reason; a check makes none.
        for candidate in (place.folder, *place.folder.parents):
            if candidate.is_dir():
                self._write(candidate / _file_name(), min(place.size_bytes, _MAX_BYTES))
                return
            if candidate == place.root:
                return  # gone, and with it what could not be written to

    def _write(self, path: Path, size_bytes: int) -> None:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # of a node that was killed and had the same process id, as in a container
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as file:
                left = size_bytes
                while left > 0 and not self._stop.is_set():
                    left -= file.write(_BLOCK[:left])
                if self._fsync:
                    os.fsync(file.fileno())
        finally:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _fault_of(action: Callable[[], None]) -> str:
    try:
        action()
    except OSError as error:
        fault = node_fault(error)
        if fault:
            return fault[1]
        _log.debug("the self check ended otherwise: %s", error)  # images will tell whose fault that is
    return ""


def _take_some() -> None:
    descriptors: list[int] = []
    try:
        for _ in range(_DESCRIPTORS):
            descriptors.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))  # noqa: PERF401 - closed below
        bytearray(_MAX_BYTES)
    except MemoryError as error:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)) from error
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _file_name() -> str:
    """Hidden, so no image; not of the form that a sweep removes."""
    return f".pixfarm-check.{socket.gethostname()}.{os.getpid()}.part"
