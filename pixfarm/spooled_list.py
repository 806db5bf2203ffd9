"""A list of files that comes by standard input: kept in a file until the server has read it."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from pixfarm.errors import InvalidRequest
from pixfarm.follow import Display
from pixfarm.list_file import MOST_MIB
from pixfarm.model import JobStatus

_BLOCK_BYTES = 1024 * 1024


class SpooledList:
    """The file; a context manager that removes it.

    Args:
        folder: where it is, as a hidden file; made when what it is in is there. The server must see it, too.
        job_id: part of its name.
        source: what is read, to its end.

    Raises:
        InvalidRequest: it cannot be written, or is too large.
    """

    def __init__(self, folder: Path, job_id: str, source: BinaryIO | None = None) -> None:
        if source is None and sys.stdin is None:  # closed, as by <&-
            raise InvalidRequest("standard input is closed; name a file: --files-from FILE")
        self.path = folder / f".files-{job_id}.txt"
        try:
            folder.mkdir(exist_ok=True)
            with self.path.open("xb") as file:
                _copy(source or sys.stdin.buffer, file)
        except OSError as error:
            self.remove()
            raise InvalidRequest(
                f"the list from standard input cannot be written to {self.path}: {error.strerror}; "
                "write it to a file that the server sees, and name that one: --files-from FILE"
            ) from error
        except BaseException:
            self.remove()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()
        if isinstance(error, InvalidRequest) and os.fspath(self.path) in str(error):
            raise InvalidRequest(str(error).replace(os.fspath(self.path), "standard input")) from error

    def remove(self) -> None:
        """Removes it; may be called twice."""
        with suppress(OSError):
            self.path.unlink()


class FirstNews:
    """A display that also tells when the server has the job.

    Args:
        display: what is shown on.
        on_first: called before progress is drawn.
    """

    def __init__(self, display: Display, on_first: Callable[[], None]) -> None:
        self._display = display
        self._on_first = on_first

    def show(self, status: JobStatus) -> None:
        """Draws progress."""
        self._on_first()
        self._display.show(status)

    def say(self, text: str) -> None:
        """Prints a line."""
        self._display.say(text)


def _copy(source: BinaryIO, file: BinaryIO) -> None:
    left = MOST_MIB * 2**20
    while block := source.read(_BLOCK_BYTES):
        left -= len(block)
        if left < 0:
            raise InvalidRequest(f"the list from standard input has more than {MOST_MIB} MiB; divide it")
        file.write(block)
