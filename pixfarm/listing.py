"""Which files of a base path are images to be done, and where their results go."""

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pixfarm.errors import FailureCode, InvalidRequest, TaskFailed
from pixfarm.model import EXTENSIONS, INPUT_DIR, OUTPUT_DIR

_SUFFIXES = tuple(f".{extension}" for extension in EXTENSIONS)


@dataclass(frozen=True, slots=True)
class SourceTree:
    """Where the sources of a base path are and where results go.

    Args:
        base: the base path.
        source: directory of the sources.
        target: directory of the results.
    """

    base: Path
    source: Path
    target: Path

    @property
    def source_dir(self) -> str:
        """Name of the source directory below the base path; empty when that is the base path itself."""
        return "" if self.source == self.base else self.source.name

    def source_of(self, filename: str) -> Path:
        """The path of a source.

        Raises:
            TaskFailed: FORBIDDEN, the name could leave the directory.
        """
        return self.source / _plain(filename)

    def target_of(self, result: str) -> Path:
        """The path of a result, given relative to the directory of the results.

        Raises:
            TaskFailed: FORBIDDEN, the name could leave the directory.
        """
        return self.target / _plain(result)


def source_tree(base_path: str, source_dir: str | None = None, output_dir: str = "") -> SourceTree:
    """Source and target directory of a base path.

    Args:
        base_path: the base path.
        source_dir: where the sources are below it; None for ``input_dir`` when there is such a directory, and
            else the base path itself.
        output_dir: absolute directory of the results; empty for ``output_dir`` below the base path.

    Raises:
        InvalidRequest: the base path is not an absolute path of an existing directory, or that of the results
            is not absolute.
    """
    base = _absolute("base path", base_path)
    target = _absolute("output directory", output_dir) if output_dir else base / OUTPUT_DIR
    try:
        if not base.is_dir():
            what = "is not a directory" if base.exists() else "does not exist"
            raise InvalidRequest(f"base path {base_path!r} {what} on {socket.gethostname()}")
        if source_dir is None:
            source_dir = INPUT_DIR if (base / INPUT_DIR).is_dir() else ""
    except OSError as error:
        raise InvalidRequest(f"base path {base_path!r} cannot be read: {error.strerror}") from error
    return SourceTree(base, base / source_dir, target)


def check_apart(tree: SourceTree) -> None:
    """Makes sure that no result can take the place of a source, wherever links lead.

    Raises:
        InvalidRequest: the directory of the results is, holds, or lies in that of the sources; as long as
            it is, or is in, the folder at the top that eligible_files() passes over.
    """
    if tree.target != tree.base / OUTPUT_DIR and os.path.lexists(tree.target) and not tree.target.is_dir():
        raise InvalidRequest(f"{tree.target} is no directory; choose another --output")
    source, target = (Path(os.path.realpath(path)) for path in (tree.source, tree.target))
    is_inside = target.is_relative_to(source) and not target.is_relative_to(source / OUTPUT_DIR)
    is_same = target.exists() and target.samefile(source)  # a bind mount has no name of another place
    if is_inside or is_same or source.is_relative_to(target):
        where = f"in {target}" if target == tree.target else f"{tree.target} leads to {target}, where"
        raise InvalidRequest(f"{where} results would mix with the originals in {source}; {_way_out(tree)}")


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


def _way_out(tree: SourceTree) -> str:
    if tree.target == tree.base / OUTPUT_DIR:
        return "remove that link or mount, or move the originals"
    return "choose an output directory that neither holds the originals nor lies among them"


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link in a circle, or to where we may not look: the node that reads it says so
        return True


def _absolute(what: str, path: str) -> Path:
    if not path.startswith("/") or "\0" in path:
        raise InvalidRequest(f"{what} {path!r} is not absolute; write it from / on")
    return Path(path)


def _plain(name: str) -> str:
    if "\0" in name or any(part in {"", ".", ".."} for part in name.split("/")):
        raise TaskFailed(FailureCode.FORBIDDEN, "the name must be a plain path below the source directory")
    return name
