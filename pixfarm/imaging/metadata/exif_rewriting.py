"""EXIF blocks written anew, of what TIFF files and other blocks say.

Tags: TIFF 6.0; EXIF 2.32; the rating and title fields: Microsoft, photo metadata policies.
"""

import struct

from pixfarm.imaging.metadata.exif_block import EXIF, GPS, INTEROPERABILITY
from pixfarm.imaging.metadata.tables import (
    HEADER_BYTES,
    LONG,
    SHORT,
    STARTS,
    Field,
    Header,
    Table,
    read_header,
    read_table,
    write_table,
)

_MAKER_NOTE = 0x927C

_BYTES, _TEXT, _RATIO = 1, 2, 5
_RESOLUTION = {282: _RATIO, 283: _RATIO, 296: SHORT}
# What says something about the image, not about how its pixels are stored: description, make, model,
# software, date, artist, host, copyright, ratings, and Windows' title, comment, author, keywords, subject.
_NOTES = {
    **dict.fromkeys((270, 271, 272, 305, 306, 315, 316, 33432), _TEXT),
    **dict.fromkeys((0x4746, 0x4749), SHORT),
    **dict.fromkeys(range(40091, 40096), _BYTES),
}


def rewritten_exif(content: bytes, order: str) -> bytes:
    """A new EXIF block, in that byte order, of what a TIFF file or another block says.

    The maker's note is left out: offsets in it would point to nowhere, and its byte order is not known. So is
    the directory about interoperability, which says nothing about the image.

    Returns:
        The block; empty if there is nothing to say but a resolution.

    Raises:
        ValueError: what is there is too large or too broken.
        BROKEN_OFF: the file breaks off.
    """
    header = read_header(content)
    first = read_table(content, header, header.first)
    notes = [field.reordered(header.order, order) for field in descriptive_fields(first)]
    block = bytearray(STARTS[order] + bytes(4))
    for tag in (EXIF, GPS):
        inner = _inner_fields(content, header, first, tag)
        if inner:
            notes.append(Field.of(order, tag, LONG, len(block)))
            block += write_table(order, (field.reordered(header.order, order) for field in inner), len(block))
    if all(field.tag in _RESOLUTION for field in notes):
        return b""
    struct.pack_into(order + "I", block, HEADER_BYTES - 4, len(block))
    return bytes(block + write_table(order, notes, len(block)))


def descriptive_fields(table: Table) -> list[Field]:
    """The fields of a first directory that describe the image, if they have the form they should have."""
    forms = _RESOLUTION | _NOTES
    return [field for tag, field in table.fields.items() if field.kind == forms.get(tag) and field.raw]


def _inner_fields(content: bytes, header: Header, first: Table, tag: int) -> list[Field]:
    starts = first.fields[tag].numbers(header.order) if tag in first.fields else ()
    if len(starts) != 1:
        return []
    inner = read_table(content, header, starts[0])
    return [field for tag, field in inner.fields.items() if tag not in (_MAKER_NOTE, INTEROPERABILITY)]
