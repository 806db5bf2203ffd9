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


class Part:
    """A result in its temporary file beside the target; the folders above it are made.

    Args:
        content: the file.
        target: where the result goes.
        attempt_id: part of the temporary file's name, different for each attempt at the same target.

    Raises:
        NotPublished: it could not be written; nothing is left behind.
        TaskFailed: BAD_NAME, the attempt id cannot be part of a file's name.
    """

    def __init__(self, content: bytes, target: Path, attempt_id: str) -> None:
        self._target = target
        self._path = target.parent / name_part(target.name, attempt_id)
        self._size_bytes = len(content)
        with _told_as_not_published(self._size_bytes):
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _create(self._path)
            try:
                self._file = os.fdopen(descriptor, "wb")
            except BaseException:
                self._path.unlink()
                raise
            with self._discarded_on_error():
                self._file.write(content)
                self._file.flush()

    def publish(self, *, fsync: bool) -> int:
        """Gives the result its name, replacing what was there; readers see the old file or the whole new one.

        Args:
            fsync: return only when a power cut could not undo it.

        Returns:
            The file's modification time, nanoseconds since 1970.

        Raises:
            NotPublished: it could not be done; no temporary file is left behind.
        """
        with _told_as_not_published(self._size_bytes):
            with self._discarded_on_error():
                descriptor = self._file.fileno()
                if fsync:
                    os.fsync(descriptor)
                mtime_ns = os.fstat(descriptor).st_mtime_ns  # a new name does not change it
                self._file.close()
                self._path.replace(self._target)
            if fsync:
                _sync_directory(self._target.parent)
        return mtime_ns

    @contextmanager
    def _discarded_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # The first error is the one to tell about, so a second one is not let through.
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._path.unlink()
            raise


@contextmanager
def _told_as_not_published(size_bytes: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        code, message = node_fault(error) or _FAILURES.get(
            error.errno or 0, (FailureCode.IO, f"cannot be written: {error.strerror or 'unknown error'}")
        )
        raise NotPublished(code, message, size_bytes) from error


def _create(part: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(part, flags, 0o666)  # less the umask: results are for everyone the person lets in
    except FileExistsError as error:
        raise TaskFailed(
            FailureCode.IO, "an attempt of the same id is, or was, writing this image"
        ) from error


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
