"""A person's list of files: which images of a source directory it names."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pixfarm.errors import InvalidRequest
from pixfarm.listing import SourceTree
from pixfarm.model import OUTPUT_DIR
from pixfarm.name_lists import separated

# Its names are held in memory while it is read, each once.
MOST_MIB = 256

_LOOK_BYTES = 64 * 1024
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def listed_names(path: str, tree: SourceTree) -> Iterator[str]:
    """The names in a list, relative to the source directory, each once, whether or not the files are there.

    In each line one, or with NUL between them, as ``find -print0`` writes them. Empty lines are passed over.

    Args:
        path: of the list, absolute.
        tree: where its images are.

    Raises:
        InvalidRequest: it cannot be read, or a line of it is no name of an image; ``path:line: problem``.
    """
    try:
        with _opened(path) as file:
            yield from _names(path, file, tree)
    except OSError as error:
        raise InvalidRequest(
            f"the list {path} cannot be read on {socket.gethostname()}: {error.strerror}; "
            "it must lie where the server sees it, too"
        ) from error


def _opened(path: str) -> BinaryIO:
    if not path.startswith("/") or "\0" in path:
        raise InvalidRequest(f"the path of the list, {path!r}, is not absolute; write it from / on")
    status = os.stat(path)  # noqa: PTH116 - before it is opened: a pipe without a writer would hold us there
    if not stat.S_ISREG(status.st_mode):
        raise InvalidRequest(f"the list {path} is no file; write --files-from - for standard input")
    if status.st_size > MOST_MIB * 2**20:
        raise InvalidRequest(
            f"the list {path} has {status.st_size:,} bytes, and {MOST_MIB} MiB are allowed; "
            "divide it between several jobs"
        )
    return Path(path).open("rb")


def _names(path: str, file: BinaryIO, tree: SourceTree) -> Iterator[str]:
    start = file.read(_LOOK_BYTES)
    file.seek(len(_UTF8_MARK) if start.startswith(_UTF8_MARK) else 0)
    if start.startswith(_UTF16_MARKS):
        raise InvalidRequest(f"the list {path} is written in UTF-16; write it in UTF-8")
    separator = b"\0" if b"\0" in start else b"\n"
    sources = _Sources(tree)
    seen: set[str] = set()
    for number, line in enumerate(separated(file, separator), start=1):
        text = os.fsdecode(line if separator == b"\0" else line.removesuffix(b"\r"))
        if not text:
            continue
        try:
            name = sources.name_of(text)
        except InvalidRequest as error:
            raise InvalidRequest(f"{path}:{number}: {error}") from None
        if name not in seen:
            seen.add(name)
            yield name


class _Sources:
    """The source directory as lists write it."""

    def __init__(self, tree: SourceTree) -> None:
        self._tree = tree
        real = os.path.realpath(tree.source)
        self._roots = tuple(os.path.join(root, "") for root in (tree.source, real))  # noqa: PTH118 - for its /
        own = tree.source_dir
        # Somebody who looks at the base path writes that in front, where it is not wanted.
        self._own = f"{own}/" if own and not (tree.source / own).is_dir() else ""

    def name_of(self, text: str) -> str:
        name = self._relative(text) if text.startswith("/") else text
        while name.startswith("./"):  # as find writes them
            name = name.removeprefix("./")
        parts = name.split("/")
        if "\0" in name or any(part in {"", ".", ".."} for part in parts):
            raise InvalidRequest(
                f"{text!r} is not the plain path of a file; write it without .. and without / at its end"
            )
        if parts[-1].startswith("."):
            raise InvalidRequest(f"{text!r} is a hidden file, which is never an image of a job; leave it out")
        if parts[0] == OUTPUT_DIR:
            raise InvalidRequest(f"{text!r} is among the results; write the path of the source")
        if self._own and name.startswith(self._own):
            raise InvalidRequest(
                f"{text!r} must be relative to {self._tree.source}; write {name.removeprefix(self._own)!r}"
            )
        return name

    def _relative(self, text: str) -> str:
        for root in self._roots:
            if text.startswith(root):
                return text.removeprefix(root)
        raise InvalidRequest(f"{text!r} does not lie below {self._tree.source}; leave it out")
