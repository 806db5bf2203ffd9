"""The temporary files that results are written to: their names, and how those that were left behind go."""

import hashlib
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pixfarm.errors import FailureCode, TaskFailed

_log = logging.getLogger(__name__)

_MAX_NAME_BYTES = 255
_HASH_LETTERS = 32
# What name_part() makes of the attempt ids of a server: its token and a number.
_OF_A_SERVER = re.compile(r"\..+\.(?P<token>[0-9a-f]{32})-[0-9]+\.part", re.DOTALL)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


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


def token_of(name: str) -> str | None:
    """The token of the server whose temporary file has this name; None for every other name."""
    match = _OF_A_SERVER.fullmatch(name)
    return match["token"] if match else None


def remove_part(target: Path, attempt_id: str) -> bool:
    """Removes the temporary file of one attempt at a target, and nothing else; whether there was one.

    Raises:
        OSError: there is one, and it cannot be removed.
        TaskFailed: BAD_NAME, the attempt id cannot be part of a file's name.
    """
    name = name_part(target.name, attempt_id)
    try:
        with _opened(target.parent) as folder:
            if not _regular(name, folder):
                return False
            os.unlink(name, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def sweep(root: Path, is_dead: Callable[[str, float], bool], stop: Callable[[], bool]) -> int:
    """Removes the temporary files of dead servers' attempts from a folder and those below it.

    Only regular files whose name is exactly ``.<anything>.<32 lower-case hex letters>-<number>.part`` are
    ever removed. Links to folders are not followed, except that the root may be one. Folders that vanish
    meanwhile, or may not be read, are passed over and logged. Memory does not grow with the files.

    Args:
        root: where to begin; may be missing.
        is_dead: asked with a server's token, and the seconds since the file was last written to (by this
            machine's clock), whether nobody will go on with it.
        stop: asked before each name whether to leave off.

    Returns:
        How many files were removed.
    """
    removed = 0
    folders: list[tuple[str, ...]] = [()]
    while folders and not stop():
        inner = folders.pop()
        try:
            with _opened(root, inner) as folder:
                # Not removed while listing: what a listing then still tells is up to the file system.
                for name in _found(folder, inner, folders, stop):
                    removed += _removed(folder, name, is_dead)
        except (FileNotFoundError, NotADirectoryError) as error:
            _log.debug("%s is not swept: %s", root.joinpath(*inner), error.strerror)
        except OSError as error:
            _log.warning("%s is not swept: %s", root.joinpath(*inner), error.strerror)
    return removed


def _found(
    folder: int, inner: tuple[str, ...], folders: list[tuple[str, ...]], stop: Callable[[], bool]
) -> list[str]:
    """The names of temporary files in a folder; adds the folders in it to those still to be done."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if stop():
                return []
            if entry.is_dir(follow_symlinks=False):
                folders.append((*inner, entry.name))
            elif token_of(entry.name):
                found.append(entry.name)
    return found


def _removed(folder: int, name: str, is_dead: Callable[[str, float], bool]) -> bool:
    try:
        status = _regular(name, folder)
        if not status or not is_dead(token_of(name) or "", time.time() - status.st_mtime):
            return False
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:  # published, or swept by another, just now
        return False
    except OSError as error:
        _log.warning("the temporary file %r cannot be removed: %s", name, error.strerror)
        return False
    return True


def _regular(name: str, folder: int) -> os.stat_result | None:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return status if stat.S_ISREG(status.st_mode) else None


@contextmanager
def _opened(root: Path, inner: tuple[str, ...] = ()) -> Iterator[int]:
    """A descriptor of a folder that is reached from the root without following a link."""
    folder = os.open(root, _FOLDER)
    try:
        for name in inner:
            deeper = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = deeper
        yield folder
    finally:
        os.close(folder)
