"""Publishing: a result appears under its name complete, or not at all.

In two steps, because the first needs the result and the second only waits for the disk: whoever made the
result can go on with the next image meanwhile.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.faults import STALE, node_fault
from pixfarm.parts import name_part

_NOT_WRITABLE = (FailureCode.FORBIDDEN, "output_dir is not writable; check its permissions")
_IN_THE_WAY = (FailureCode.IO, "a file in output_dir has the name of a folder that is needed; move it away")
_FAILURES = {
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.EISDIR: (FailureCode.FORBIDDEN, "a folder in output_dir has the name of the result; move it away"),
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.ENAMETOOLONG: (FailureCode.BAD_NAME, "its name is too long for output_dir"),
    errno.ESTALE: (STALE[0], f"output_dir {STALE[1]}"),
}


class NotPublished(TaskFailed):
    """A result that could not be put into its place.

    Args:
        code: machine-readable reason.
        message: one line for a person.
        size_bytes: of the result.
    """

    def __init__(self, code: FailureCode, message: str, size_bytes: int) -> None:
        super().__init__(code, message)
        self.args = (code, message, size_bytes)  # what pickling restores it from
        self.size_bytes = size_bytes


def write_part(content: bytes, target: Path, attempt_id: str) -> None:
    """Write a result to its temporary file beside the target; the folders above it are made.

    Args:
        content: the file.
        target: where the result will go.
        attempt_id: part of the temporary file's name, different for each attempt at the same target.

    Raises:
        NotPublished: it could not be written; nothing is left behind.
        TaskFailed: BAD_NAME, the attempt id cannot be part of a file's name.
    """
    part = target.parent / name_part(target.name, attempt_id)
    with _told_as_not_published(len(content)):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _create(part)
        with _removed_on_error(part), os.fdopen(descriptor, "wb") as file:
            file.write(content)


def put_in_place(target: Path, attempt_id: str, size_bytes: int, *, fsync: bool) -> int:
    """Give a result that was written to its temporary file its name, replacing what was there.

    Args:
        target: where it goes; readers see the old file or the whole new one.
        attempt_id: that of ``write_part()``.
        size_bytes: of the result, to tell of it when this fails.
        fsync: return only when a power cut could not undo it.

    Returns:
        The file's modification time, nanoseconds since 1970.

    Raises:
        NotPublished: it could not be done; nothing is left behind.
    """
    part = target.parent / name_part(target.name, attempt_id)
    with _told_as_not_published(size_bytes):
        with _removed_on_error(part):
            if fsync:
                _sync(part, os.O_NOFOLLOW)
            mtime_ns = part.stat(follow_symlinks=False).st_mtime_ns  # a new name does not change it
            part.replace(target)
        if fsync:
            _sync(target.parent, os.O_DIRECTORY)
    return mtime_ns


@contextmanager
def _told_as_not_published(size_bytes: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code, message = node_fault(error) or _FAILURES.get(
            error.errno or 0, (FailureCode.IO, f"cannot be written: {error.strerror or 'unknown error'}")
        )
        raise NotPublished(code, message, size_bytes) from error


@contextmanager
def _removed_on_error(part: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # The first error is the one to tell about, so a second one is not let through.
        with suppress(OSError):
            part.unlink()
        raise


def _create(part: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(part, flags, 0o666)  # less the umask: results are for everyone the person lets in
    except FileExistsError as error:
        raise TaskFailed(
            FailureCode.IO, "an attempt of the same id is, or was, writing this image"
        ) from error


def _sync(path: Path, flag: int) -> None:
    # Linux tells a new descriptor, too, of an earlier write that failed and that nobody was told of.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flag)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
