"""Which files of a base path are images to be done, and where their results go."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from pixfarm.errors import FailureCode, InvalidRequest, TaskFailed
from pixfarm.model import EXTENSIONS, INPUT_DIR, OUTPUT_DIR, SourceTree

_SUFFIXES = tuple(f".{extension}" for extension in EXTENSIONS)


def source_tree(base_path: str) -> SourceTree:
    """Source and target directory of a base path.

    ``input_dir`` below the base path is the source directory, or the base path itself when there is
    no such directory.

    Raises:
        InvalidRequest: the base path is not an absolute path of an existing directory.
    """
    if not base_path.startswith("/") or "\0" in base_path:
        raise InvalidRequest(f"base path {base_path!r} is not absolute; write it from / on")
    base = Path(base_path)
    try:
        if not base.is_dir():
            what = "is not a directory" if base.exists() else "does not exist"
            raise InvalidRequest(f"base path {base_path!r} {what} on {socket.gethostname()}")
        source = base / INPUT_DIR
        return SourceTree(source if source.is_dir() else base, base / OUTPUT_DIR)
    except OSError as error:
        raise InvalidRequest(f"base path {base_path!r} cannot be read: {error.strerror}") from error


def source_and_target(base_path: str, filename: str) -> tuple[Path, Path]:
    """Paths of one image's source and of its result.

    Raises:
        InvalidRequest: the base path is wrong.
        TaskFailed: the file name could leave the source directory.
    """
    parts = filename.split("/")
    if "\0" in filename or any(part in {"", ".", ".."} for part in parts):
        raise TaskFailed(FailureCode.FORBIDDEN, "the name must be a plain path below the source directory")
    tree = source_tree(base_path)
    return tree.source / filename, tree.target / filename


def eligible_files(
    tree: SourceTree, on_error: Callable[[str, OSError], None], below: str = ""
) -> Iterator[str]:
    """Names of the eligible files, relative to the source directory, in the directory's own order.

    Streams: memory does not grow with the number of files. Hidden files and folders are passed over,
    links to files are followed, links to folders are not. A folder called output_dir at the top is passed
    over, too: it holds the results of a run over the source directory itself.

    Args:
        tree: where to look.
        on_error: told the relative name of each folder that cannot be listed.
        below: only in this folder, a relative name that ends in ``/``.
    """
    folders = [below]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(tree.source / folder) as entries:
                for entry in entries:
                    name = folder + entry.name
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if name != OUTPUT_DIR:
                            folders.append(f"{name}/")
                    elif entry.name.lower().endswith(_SUFFIXES) and _is_file(entry):
                        yield name
        except OSError as error:
            on_error(folder, error)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link in a circle, or to where we may not look: the node that reads it says so
        return True
