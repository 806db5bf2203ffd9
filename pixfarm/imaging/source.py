"""The bytes of a source file."""

import errno
import os
import stat
from pathlib import Path

from pixfarm.errors import FailureCode, TaskFailed

_MEBIBYTE = 1024 * 1024

_FAILURES = {
    errno.ENOENT: (FailureCode.NOT_FOUND, "is not there"),
    errno.ENOTDIR: (FailureCode.NOT_FOUND, "is not there"),
    errno.EACCES: (FailureCode.FORBIDDEN, "may not be read; check its permissions"),
    errno.EPERM: (FailureCode.FORBIDDEN, "may not be read; check its permissions"),
    errno.ENXIO: (FailureCode.FORBIDDEN, "is not a regular file"),
    errno.ENAMETOOLONG: (FailureCode.BAD_NAME, "has too long a name"),
}


def read_source(path: Path, max_bytes: int) -> bytes:
    """The whole content of a regular file.

    Raises:
        TaskFailed: it is missing, forbidden, not a regular file, empty, larger than ``max_bytes``, has a name
            that no file can have, or changes while it is read.
    """
    try:
        content = _read(path, max_bytes)
    except OSError as error:
        code, message = _FAILURES.get(
            error.errno or 0, (FailureCode.IO, f"cannot be read: {error.strerror or 'unknown error'}")
        )
        raise TaskFailed(code, message) from error
    except ValueError as error:
        raise TaskFailed(FailureCode.BAD_NAME, "has a name that no file can have") from error
    return content


def _read(path: Path, max_bytes: int) -> bytes:
    # O_NONBLOCK: opening a FIFO without a writer would wait for one for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = _checked_size(os.fstat(descriptor), max_bytes)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(size + 1)  # one more, to see whether it grows
    finally:
        os.close(descriptor)
    if len(content) != size:
        raise TaskFailed(FailureCode.IO, "changed while it was read; run it again when it is complete")
    return content


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
