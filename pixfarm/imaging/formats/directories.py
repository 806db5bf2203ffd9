"""The directories of TIFF files, which EXIF blocks are too.

Layout: TIFF 6.0, section 2; BigTIFF: the libtiff project's design page.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

_BIG_TIFF = 43
_TYPE_LETTERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MAX_VALUES = 16
_MAX_DIRECTORIES = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """The values of a tag, at most the first 16.

    Args:
        values: unsigned integers.
        offset: of the first value in the file.
        letter: the values' type, as ``struct`` writes it, with byte order.
        count: of all values.
    """

    values: tuple[int, ...]
    offset: int
    letter: str
    count: int


Directory: TypeAlias = Mapping[int, Entry]


class _Layout(NamedTuple):
    order: str
    count_letter: str
    offset_letter: str

    def read(self, letter: str, content: bytes, offset: int) -> int:
        return int(struct.unpack_from(self.order + letter, content, offset)[0])

    @property
    def count_bytes(self) -> int:
        return struct.calcsize(self.order + self.count_letter)

    @property
    def offset_bytes(self) -> int:
        return struct.calcsize(self.order + self.offset_letter)

    @property
    def entry_bytes(self) -> int:
        return 4 + 2 * self.offset_bytes


def read_first_directory(content: bytes) -> Directory:
    """The unsigned integer tags of the first directory.

    Raises:
        BROKEN_OFF: the file breaks off.
    """
    layout, start = _read_header(content)
    count = layout.read(layout.count_letter, content, start)
    directory = {}
    for index in range(count):
        offset = start + layout.count_bytes + index * layout.entry_bytes
        entry = _read_entry(layout, content, offset)
        if entry is not None:
            directory[layout.read("H", content, offset)] = entry
    return directory


def count_directories(content: bytes) -> int:
    """How many directories, that is pages, are chained in the file; counting ends at 10,000.

    Raises:
        BROKEN_OFF: the file breaks off.
    """
    layout, offset = _read_header(content)
    seen: set[int] = set()
    while offset and offset not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(offset)
        count = layout.read(layout.count_letter, content, offset)
        next_offset = offset + layout.count_bytes + count * layout.entry_bytes
        offset = layout.read(layout.offset_letter, content, next_offset)
    return len(seen)


def _read_header(content: bytes) -> tuple[_Layout, int]:
    order = "<" if content[0:2] == b"II" else ">"
    if struct.unpack_from(order + "H", content, 2) == (_BIG_TIFF,):
        layout, offset = _Layout(order, "Q", "Q"), 8
    else:
        layout, offset = _Layout(order, "H", "I"), 4
    return layout, layout.read(layout.offset_letter, content, offset)


def _read_entry(layout: _Layout, content: bytes, offset: int) -> Entry | None:
    letter = _TYPE_LETTERS.get(layout.read("H", content, offset + 2))
    if letter is None:
        return None
    count = layout.read(layout.offset_letter, content, offset + 4)
    values_offset = offset + 4 + layout.offset_bytes
    if count * struct.calcsize(layout.order + letter) > layout.offset_bytes:
        values_offset = layout.read(layout.offset_letter, content, values_offset)
    values = struct.unpack_from(f"{layout.order}{min(count, _MAX_VALUES)}{letter}", content, values_offset)
    return Entry(values, values_offset, layout.order + letter, count)
