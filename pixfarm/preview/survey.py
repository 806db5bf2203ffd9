"""What a job is about: how many images, of what kinds, and how large."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pixfarm.preview.sampling import SourceFile


@dataclass(frozen=True, slots=True)
class Kind:
    """The files of one extension."""

    images: int = 0
    bytes: int = 0

    def and_one_of(self, size_bytes: int) -> "Kind":
        """With one more."""
        return Kind(self.images + 1, self.bytes + size_bytes)


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Args:
        kinds: by extension in lower case.
        folders: how many hold images.
        missing: names of files that cannot be looked at.
        missing_examples: the first of them.
    """

    kinds: dict[str, Kind]
    folders: int
    missing: int
    missing_examples: tuple[str, ...]

    @property
    def images(self) -> int:
        """How many, without those that are missing."""
        return sum(kind.images for kind in self.kinds.values())

    @property
    def bytes(self) -> int:
        """Of all sources together."""
        return sum(kind.bytes for kind in self.kinds.values())


_EXAMPLES = 5


def take_survey(source: Path, names: Iterable[str], on_file: Callable[[SourceFile], None]) -> Survey:
    """Looks at each file once, without opening it.

    Args:
        source: the source directory.
        names: relative to it.
        on_file: called with each file.
    """
    kinds: dict[str, Kind] = {}
    missing: list[str] = []
    folders: set[str] = set()
    number_missing = 0
    for name in names:
        try:
            size_bytes = os.stat(source / name).st_size  # noqa: PTH116 - half the cost of Path.stat
        except OSError:
            number_missing += 1
            if len(missing) < _EXAMPLES:
                missing.append(name)
            continue
        file = SourceFile(name, size_bytes)
        kinds[file.kind] = kinds.get(file.kind, Kind()).and_one_of(size_bytes)
        folders.add(file.folder)
        on_file(file)
    return Survey(kinds, len(folders), number_missing, tuple(missing))
