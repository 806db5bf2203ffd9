"""EXIF blocks: made true for a result, without moving a byte of what they keep.

Fields: EXIF 2.32 (CIPA DC-008). Makers' notes may count offsets from the start of the block, so it is patched
where it is and never written anew.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from pixfarm.imaging.formats.examined import BROKEN_OFF
from pixfarm.imaging.formats.exif import read_orientation
from pixfarm.imaging.metadata.pictures import find_pictures
from pixfarm.imaging.metadata.tables import (
    HEADER_BYTES,
    LONG,
    SHORT,
    Header,
    Span,
    Table,
    read_header,
    read_table,
)

ORIENTATION = 0x0112
EXIF, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005

_WIDTHS = frozenset({0x0100, 0xA002})  # ImageWidth, PixelXDimension
_HEIGHTS = frozenset({0x0101, 0xA003})
_PICTURE_STARTS = {0x0201: 0x0202, 0x0111: 0x0117}  # where a thumbnail's bytes are -> how many
_MAX_DIRECTORIES = 8  # chained after the first one; cameras write one or two
_MAX_STRIPS = 64
_LARGEST_SHORT = 65535


def fit_exif(block: bytes, width_px: int, height_px: int) -> bytes:
    """The block for an upright image of that size, without the thumbnail and other pictures in it.

    Returns:
        The block; empty if it is too broken to be patched safely.
    """
    try:
        fitted = _fitted(block, width_px, height_px)
    except (*BROKEN_OFF, ValueError):
        return b""
    return fitted if read_orientation(fitted) == 1 else b""


def _fitted(block: bytes, width_px: int, height_px: int) -> bytes:
    header = read_header(block)
    if header.is_big_tiff:
        raise ValueError("no EXIF block")
    tables = _read_tables(block, header)
    thumbnails = list(_chained(block, header, tables[0].next_first))
    all_tables = [Span(0, HEADER_BYTES), *(table.span for table in (*tables, *thumbnails))]
    _require_apart(all_tables)
    pictures = [span for table in thumbnails for span in _pictures_of(table, header.order)]
    kept = [*all_tables[: 1 + len(tables)], *(place.values for table in tables for _, place in table.places)]
    _require_outside(pictures, kept)
    # A maker's note may well hold a picture, so these may be inside of values.
    found = list(find_pictures(block))
    _require_outside(found, all_tables)
    patched = bytearray(block)
    for table in tables:
        _patch(patched, table, header.order, width_px, height_px)
    patched[tables[0].span.end - 4 : tables[0].span.end] = bytes(4)
    _blank(patched, [*pictures, *found, *(table.span for table in thumbnails)])
    return _without_blank_end(patched, kept) if thumbnails else bytes(patched)


def _read_tables(block: bytes, header: Header) -> list[Table]:
    """The first directory and those that it links to."""
    first = read_table(block, header, header.first)
    exif = _linked(block, header, first, EXIF)
    inner = [table for outer in exif for table in _linked(block, header, outer, INTEROPERABILITY)]
    return [first, *exif, *_linked(block, header, first, GPS), *inner]


def _linked(block: bytes, header: Header, table: Table, tag: int) -> list[Table]:
    if tag not in {found for found, _ in table.places}:
        return []
    numbers = table.fields[tag].numbers(header.order) if tag in table.fields else ()
    if len(numbers) != 1:
        raise ValueError("a broken link")
    return [read_table(block, header, numbers[0])]


def _chained(block: bytes, header: Header, start: int) -> Iterator[Table]:
    for _ in range(_MAX_DIRECTORIES):
        if not start:
            return
        table = read_table(block, header, start)
        yield table
        start = table.next_first
    raise ValueError("too long a chain of directories")


def _pictures_of(table: Table, order: str) -> Iterator[Span]:
    for start_tag, length_tag in _PICTURE_STARTS.items():
        starts = table.fields[start_tag].numbers(order) if start_tag in table.fields else ()
        lengths = table.fields[length_tag].numbers(order) if length_tag in table.fields else ()
        if len(starts) != len(lengths) or len(starts) > _MAX_STRIPS:
            raise ValueError("a thumbnail that cannot be found")
        yield from (Span(start, start + length) for start, length in zip(starts, lengths, strict=True))


def _require_apart(spans: Iterable[Span]) -> None:
    if any(before.end > after.start for before, after in pairwise(sorted(spans))):
        raise ValueError("directories overlap")


def _require_outside(pictures: Iterable[Span], kept: Sequence[Span]) -> None:
    if any(
        picture.start < span.end and span.start < picture.end
        for picture in pictures
        if picture.start < picture.end
        for span in kept
    ):
        raise ValueError("a picture overlaps what is kept")


def _patch(patched: bytearray, table: Table, order: str, width_px: int, height_px: int) -> None:
    for tag, place in table.places:
        if tag == ORIENTATION:
            struct.pack_into(order + "HIHH", patched, place.entry + 2, SHORT, 1, 1, 0)
        elif tag in _WIDTHS or tag in _HEIGHTS:
            size_px = width_px if tag in _WIDTHS else height_px
            (kind,) = struct.unpack_from(order + "H", patched, place.entry + 2)
            if kind == SHORT and size_px <= _LARGEST_SHORT:
                struct.pack_into(order + "HIHH", patched, place.entry + 2, SHORT, 1, size_px, 0)
            else:
                struct.pack_into(order + "HII", patched, place.entry + 2, LONG, 1, size_px)


def _blank(patched: bytearray, spans: Iterable[Span]) -> None:
    for start, end in spans:
        patched[start:end] = bytes(len(patched[start:end]))  # it may say that it goes on behind the end


def _without_blank_end(patched: bytearray, kept: Iterable[Span]) -> bytes:
    end = max(span.end for span in kept)
    return bytes(patched[:end] + patched[end:].rstrip(b"\0"))
