"""Directories of TIFF files and EXIF blocks, with all their fields as they are stored.

Layout: TIFF 6.0, section 2; BigTIFF: the libtiff project's design page; types: EXIF 2.32, section 4.6.2.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

LITTLE, BIG = "<", ">"
STARTS = {LITTLE: b"II*\0", BIG: b"MM\0*"}
SHORT, LONG = 3, 4
TYPES = {
    1: "B",
    2: "s",
    3: "H",
    4: "I",
    5: "II",
    6: "b",
    7: "s",
    8: "h",
    9: "i",
    10: "ii",
    11: "f",
    12: "d",
    13: "I",
}
_WHOLE_NUMBERS = frozenset({1, SHORT, LONG, 13})

HEADER_BYTES = 8
_MAX_BYTES = 16 * 1024 * 1024  # of values; fields of hostile files may all claim the whole file
_ENTRY_BYTES = 12
_VALUE_BYTES = 4
_CLASSIC, _BIG_TIFF = 42, 43
_MAX_FIELDS = 500  # real directories have fewer than 100; more would only make hostile ones slow


class Header(NamedTuple):
    """Byte order, as ``struct`` writes it, whether it is a BigTIFF, and where the first directory is."""

    order: str
    is_big_tiff: bool
    first: int


class Span(NamedTuple):
    """Bytes from ``start`` to before ``end``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a directory.

    Args:
        tag: what it is.
        kind: the type of its values, by TIFF's numbers.
        count: of values.
        raw: the values, in the byte order of their file.
    """

    tag: int
    kind: int
    count: int
    raw: bytes | memoryview

    @classmethod
    def of(cls, order: str, tag: int, kind: int, *values: int) -> "Field":
        """A field of whole numbers."""
        return cls(tag, kind, len(values), struct.pack(f"{order}{len(values)}{TYPES[kind]}", *values))

    def numbers(self, order: str) -> tuple[int, ...]:
        """Its values, if they are whole numbers from 0 up; none otherwise."""
        if self.kind not in _WHOLE_NUMBERS:
            return ()
        return struct.unpack(f"{order}{self.count}{TYPES[self.kind]}", self.raw)

    def reordered(self, order: str, wanted: str) -> "Field":
        """The same values in another byte order."""
        letters = TYPES[self.kind]
        if order == wanted or letters == "s":
            return self
        layout = f"{self.count * len(letters)}{letters[0]}"
        return replace(self, raw=struct.pack(wanted + layout, *struct.unpack(order + layout, self.raw)))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field is: its entry, and its values, which may be inside of it."""

    entry: int
    values: Span


@dataclass(frozen=True, slots=True)
class Table:
    """A directory: its fields that are complete, where they all are, and where the next directory is."""

    span: Span
    fields: Mapping[int, Field]
    places: tuple[tuple[int, Place], ...]
    next_first: int


def read_header(content: bytes) -> Header:
    """The header of a TIFF file or an EXIF block.

    Raises:
        ValueError: there is none.
        BROKEN_OFF: the file breaks off.
    """
    order = {b"II": LITTLE, b"MM": BIG}.get(content[:2])
    if order is None:
        raise ValueError("no byte order")
    (magic,) = struct.unpack_from(order + "H", content, 2)
    if magic not in (_CLASSIC, _BIG_TIFF):
        raise ValueError("no TIFF header")
    (first,) = struct.unpack_from(order + ("4xI" if magic == _CLASSIC else "8xQ"), content)
    return Header(order, magic == _BIG_TIFF, first)


def read_table(content: bytes, header: Header, start: int) -> Table:
    """The directory at that offset.

    Raises:
        ValueError: it overlaps the header, or has more than 500 fields.
        BROKEN_OFF: it is not all there.
    """
    order, is_big_tiff, _ = header
    count_letter, offset_letter = ("Q", "Q") if is_big_tiff else ("H", "I")
    (count,) = struct.unpack_from(order + count_letter, content, start)
    if start < HEADER_BYTES or count > _MAX_FIELDS:
        raise ValueError("no directory")
    entries = start + struct.calcsize(order + count_letter)
    entry_bytes = 20 if is_big_tiff else _ENTRY_BYTES
    links = entries + count * entry_bytes
    (next_first,) = struct.unpack_from(order + offset_letter, content, links)
    found = [_read_field(content, header, entries + index * entry_bytes) for index in range(count)]
    fields = {tag: field for tag, _, field in found if field is not None}
    places = tuple((tag, place) for tag, place, _ in found)
    return Table(Span(start, links + struct.calcsize(order + offset_letter)), fields, places, next_first)


def _read_field(content: bytes, header: Header, entry: int) -> tuple[int, Place, Field | None]:
    offset_letter = "Q" if header.is_big_tiff else "I"
    tag, kind, count = struct.unpack_from(f"{header.order}HH{offset_letter}", content, entry)
    room = struct.calcsize(header.order + offset_letter)
    values = entry + 4 + room
    if kind not in TYPES:
        return tag, Place(entry, Span(values, values + room)), None
    size = int(count) * struct.calcsize(header.order + TYPES[kind])
    if size > room:
        (values,) = struct.unpack_from(header.order + offset_letter, content, values)
    span = Span(min(values, len(content)), min(values + size, len(content)))
    is_whole = span.end - span.start == size
    raw = memoryview(content)[span.start : span.end]  # not copied: many fields may claim the whole file
    return tag, Place(entry, span), Field(tag, kind, int(count), raw) if is_whole else None


def write_table(order: str, fields: Iterable[Field], at: int) -> bytes:
    """A directory, the last one, as it is to be written at that offset, and the values it has no room for.

    Args:
        order: byte order, that of the fields.
        fields: in any order.
        at: even.

    Raises:
        ValueError: it would be larger than any sound one.
    """
    chosen = sorted(fields, key=lambda field: field.tag)
    if sum(len(field.raw) for field in chosen) > _MAX_BYTES:
        raise ValueError("too large a directory")
    entries = struct.pack(order + "H", len(chosen))
    values = b""
    end = at + 2 + len(chosen) * _ENTRY_BYTES + 4
    for field in chosen:
        entries += struct.pack(order + "HHI", field.tag, field.kind, field.count)
        if len(field.raw) <= _VALUE_BYTES:
            entries += bytes(field.raw).ljust(_VALUE_BYTES, b"\0")
        else:
            entries += struct.pack(order + "I", end + len(values))
            values += bytes(field.raw) + b"\0" * (len(field.raw) % 2)
    return entries + bytes(4) + values
