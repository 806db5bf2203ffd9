"""Publishing: a result appears under its name complete, or not at all."""

import contextlib
import errno
import hashlib
import os
from pathlib import Path

from pixfarm.errors import FailureCode, TaskFailed

_MAX_NAME_BYTES = 255
_HASH_LETTERS = 32

_NOT_WRITABLE = (FailureCode.FORBIDDEN, "output_dir is not writable; check its permissions")
_IN_THE_WAY = (FailureCode.IO, "a file in output_dir has the name of a folder that is needed; move it away")
_FAILURES = {
    errno.ENOSPC: (FailureCode.NO_SPACE, "no space left for output_dir"),
    errno.EDQUOT: (FailureCode.NO_SPACE, "the disk quota for output_dir is used up"),
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.EROFS: _NOT_WRITABLE,
    errno.EISDIR: (FailureCode.FORBIDDEN, "a folder in output_dir has the name of the result; move it away"),
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.ENAMETOOLONG: (FailureCode.BAD_NAME, "its name is too long for output_dir"),
}


def publish(content: bytes, target: Path, attempt_id: str, *, fsync: bool) -> None:
    """Put a file in its place, replacing what was there; the folders above it are made.

    Args:
        content: the file.
        target: where it goes; readers see the old file or the whole new one.
        attempt_id: part of the temporary file's name, different for each attempt at the same target.
        fsync: return only when a power cut could not undo it.

    Raises:
        TaskFailed: it could not be written; nothing is left behind.
    """
    part = target.parent / name_part(target.name, attempt_id)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_and_rename(content, part, target, fsync=fsync)
        if fsync:
            _sync_directory(target.parent)
    except OSError as error:
        code, message = _FAILURES.get(
            error.errno or 0, (FailureCode.IO, f"cannot be written: {error.strerror or 'unknown error'}")
        )
        raise TaskFailed(code, message) from error


def name_part(name: str, attempt_id: str) -> str:
    """The name of a temporary file: ``.<name>.<attempt_id>.part``, with a hash for too long a name.

    Raises:
        TaskFailed: BAD_NAME, the attempt id cannot be part of a file's name.
    """
    plain = f".{name}.{attempt_id}.part"
    if len(os.fsencode(plain)) > _MAX_NAME_BYTES:
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:_HASH_LETTERS]
        plain = f".{digest}.{attempt_id}.part"
    # The id comes over the wire: it must not lead out of the target's folder.
    if "/" in attempt_id or "\0" in attempt_id or len(os.fsencode(plain)) > _MAX_NAME_BYTES:
        raise TaskFailed(FailureCode.BAD_NAME, "its attempt id cannot be part of a file's name")
    return plain


def _write_and_rename(content: bytes, part: Path, target: Path, *, fsync: bool) -> None:
    descriptor = _create(part)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if fsync:
                os.fsync(descriptor)
        part.replace(target)
    except BaseException:
        # The first error is the one to tell about, so a second one is not let through.
        with contextlib.suppress(OSError):
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


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
