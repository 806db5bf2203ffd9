"""The bytes of a source file."""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.faults import STALE, node_fault

_MEBIBYTE = 1024 * 1024

_FAILURES = {
    errno.ENOENT: (FailureCode.NOT_FOUND, "is not there"),
    errno.ENOTDIR: (FailureCode.NOT_FOUND, "is not there"),
    errno.EACCES: (FailureCode.FORBIDDEN, "may not be read; check its permissions"),
    errno.EPERM: (FailureCode.FORBIDDEN, "may not be read; check its permissions"),
    errno.ENXIO: (FailureCode.FORBIDDEN, "is not a regular file"),
    errno.ENAMETOOLONG: (FailureCode.BAD_NAME, "has too long a name"),
    errno.ESTALE: STALE,
}


@dataclass(frozen=True, slots=True)
class Source:
    """A source file as it was read; its modification time in nanoseconds since 1970, device and inode."""

    content: bytes
    mtime_ns: int
    identity: tuple[int, int]


def read_source(path: Path, max_bytes: int) -> Source:
    """The whole content of a regular file, and when it was last modified.

    Raises:
        TaskFailed: it is missing, forbidden, not a regular file, empty, larger than ``max_bytes``, has a name
            that no file can have, or changes while it is read.
    """
    try:
        return _read_again_if_stale(path, max_bytes)
    except OSError as error:
        code, message = node_fault(error) or _FAILURES.get(
            error.errno or 0, (FailureCode.IO, f"cannot be read: {error.strerror or 'unknown error'}")
        )
        raise TaskFailed(code, message) from error
    except ValueError as error:
        raise TaskFailed(FailureCode.BAD_NAME, "has a name that no file can have") from error


def _read_again_if_stale(path: Path, max_bytes: int) -> Source:
    try:
        return _read(path, max_bytes)
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
    return _read(path, max_bytes)  # replaced on the file server while it was open: now the new one is found


def _read(path: Path, max_bytes: int) -> Source:
    # O_NONBLOCK: opening a FIFO without a writer would wait for one for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(descriptor)
        size = _checked_size(before, max_bytes)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(size + 1)  # one more, to see whether it grows
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if len(content) != size or after.st_mtime_ns != before.st_mtime_ns:
        raise TaskFailed(FailureCode.IO, "changed while it was read; run it again when it is complete")
    return Source(content, before.st_mtime_ns, (before.st_dev, before.st_ino))


def _checked_size(status: os.stat_result, max_bytes: int) -> int:
    if stat.S_ISDIR(status.st_mode):
        raise TaskFailed(FailureCode.FORBIDDEN, "is a directory, not an image file")
    if not stat.S_ISREG(status.st_mode):
        raise TaskFailed(FailureCode.FORBIDDEN, "is not a regular file")
    if status.st_size == 0:
        raise TaskFailed(FailureCode.UNREADABLE, "is empty")
    if status.st_size > max_bytes:
        size_mib, limit_mib = status.st_size / _MEBIBYTE, max_bytes / _MEBIBYTE
        raise TaskFailed(FailureCode.TOO_LARGE, f"has {size_mib:.1f} MiB; the limit is {limit_mib:g} MiB")
    return status.st_size
