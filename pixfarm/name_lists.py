"""Lists of names that jobs are about, kept in the server's state directory: one file for each job."""

import logging
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pixfarm.errors import InvalidRequest

_log = logging.getLogger(__name__)

_BLOCK_BYTES = 1024 * 1024
_END = b"\0"
_DRAFT = "."


def separated(file: BinaryIO, separator: bytes) -> Iterator[bytes]:
    """What stands between the separators of a file, block by block; the last one needs none behind it."""
    rest = b""
    while block := file.read(_BLOCK_BYTES):
        *pieces, rest = (rest + block).split(separator)
        yield from pieces
    if rest:
        yield rest


class NameList:
    """The list of one job.

    Args:
        path: its file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> Iterator[str]:
        """The names; streams."""
        with self._path.open("rb") as file:
            for name in separated(file, _END):
                yield os.fsdecode(name)

    def keep(self, job_id: str) -> None:
        """Gives it its name; it survives a power cut from here on.

        Raises:
            InvalidRequest: that cannot be written.
        """
        path = self._path.with_name(job_id)
        try:
            self._path.replace(path)
            _sync(path.parent)
        except OSError as error:
            raise _unwritable(path.parent, error) from error
        self._path = path

    def remove(self) -> None:
        """Removes it; may be called twice."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the list of names %s stays: %s", self._path, error.strerror)


class NameLists:
    """The lists of all jobs of a server.

    Args:
        folder: where they are; made on demand.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def draft(self, names: Iterable[str]) -> NameList:
        """A new list, complete and on the disk, that has no name yet: keep() or remove() must follow.

        Raises:
            InvalidRequest: it cannot be written.
        """
        path = self._folder / f"{_DRAFT}{uuid.uuid4().hex}"
        draft = NameList(path)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                for name in names:
                    file.write(os.fsencode(name) + _END)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            draft.remove()
            raise _unwritable(self._folder, error) from error
        except BaseException:
            draft.remove()
            raise
        return draft

    def of(self, job_id: str) -> NameList:
        """The list of a job that has one.

        Raises:
            InvalidRequest: it is gone.
        """
        path = self._folder / job_id
        if not path.is_file():
            raise InvalidRequest(
                f"the list of names of job {job_id} is gone from {self._folder}; submit it again"
            )
        return NameList(path)

    def clean(self, is_wanted: Callable[[str], bool]) -> None:
        """Removes what a server that died has left: drafts, and lists of jobs that are not wanted any more.

        Args:
            is_wanted: asked with the id of each job that has a list.
        """
        try:
            found = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning("the lists of names in %s are not looked at: %s", self._folder, error.strerror)
            return
        for path in found:
            if path.name.startswith(_DRAFT) or not is_wanted(path.name):
                NameList(path).remove()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(folder: Path, error: OSError) -> InvalidRequest:
    return InvalidRequest(
        f"the server cannot keep the list of names in {folder}: {error.strerror}; make room or mend that, "
        "and submit again"
    )
