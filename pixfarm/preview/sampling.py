"""A few files of very many: as different from each other in folder, kind and size as they can be."""

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

_MOST_GROUPS = 1024


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source: its path relative to the source directory, and its size."""

    name: str
    size_bytes: int

    @property
    def kind(self) -> str:
        """Its extension in lower case, without the dot."""
        return PurePosixPath(self.name).suffix.lower().removeprefix(".")

    @property
    def folder(self) -> str:
        """Where it is; empty for the source directory itself."""
        return self.name.rpartition("/")[0]


class _Group(NamedTuple):
    folder: str
    kind: str
    magnitude: int


class Sampler:
    """Sees a stream of files once, in memory that does not grow with it.

    Files of the same folder, kind and order of size (a power of two) are a group. Of each it keeps some, each
    with the same chance (Vitter 1985, algorithm R), and of too many groups a part.

    Args:
        number: how many files will be chosen, 1 or more.
        rng: source of chance.
    """

    def __init__(self, number: int, rng: random.Random) -> None:
        self._number = number
        self._rng = rng
        self._groups: dict[_Group, list[SourceFile]] = {}
        self._seen: Counter[_Group] = Counter()
        self._passed_over = 0

    def add(self, file: SourceFile) -> None:
        """Sees one file."""
        group = _Group(file.folder, file.kind, file.size_bytes.bit_length())
        if group not in self._groups and not self._makes_room():
            return
        kept = self._groups.setdefault(group, [])
        self._seen[group] += 1
        if len(kept) < self._number:
            kept.append(file)
        elif (place := self._rng.randrange(self._seen[group])) < self._number:
            kept[place] = file

    def choose(self) -> list[SourceFile]:
        """The files, by name; fewer than asked for where there are no more."""
        left = {group: list(files) for group, files in self._shuffled()}
        taken: Counter[tuple[str, object]] = Counter()
        chosen: list[SourceFile] = []
        while left and len(chosen) < self._number:
            group = min(left, key=lambda group: sum(taken[aspect] for aspect in _aspects(group)))
            files = left[group]
            chosen.append(files.pop(self._rng.randrange(len(files))))
            taken.update(_aspects(group))
            if not files:
                del left[group]
        return sorted(chosen, key=lambda file: file.name)

    def _shuffled(self) -> list[tuple[_Group, list[SourceFile]]]:
        """The groups in any order: of equally good ones the first is chosen."""
        groups = list(self._groups.items())
        self._rng.shuffle(groups)
        return groups

    def _makes_room(self) -> bool:
        """Whether another group is taken; of too many, in the place of any other."""
        if len(self._groups) < _MOST_GROUPS:
            return True
        self._passed_over += 1
        if self._rng.randrange(_MOST_GROUPS + self._passed_over) >= _MOST_GROUPS:
            return False
        gone = self._rng.choice(list(self._groups))
        del self._groups[gone], self._seen[gone]
        return True


def _aspects(group: _Group) -> list[tuple[str, object]]:
    return [("folder", group.folder), ("kind", group.kind), ("magnitude", group.magnitude)]
