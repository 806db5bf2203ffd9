"""TIFF: metadata in its first directory.

Tags: TIFF 6.0; EXIF 2.32; ICC.1:2022, annex B.3; XMP Specification, part 3.
"""

import struct

from pixfarm.imaging.formats.examined import BROKEN_OFF
from pixfarm.imaging.metadata.bundle import Metadata
from pixfarm.imaging.metadata.exif_block import EXIF, GPS
from pixfarm.imaging.metadata.exif_rewriting import descriptive_fields, rewritten_exif
from pixfarm.imaging.metadata.tables import (
    LONG,
    SHORT,
    STARTS,
    Field,
    Table,
    read_header,
    read_table,
    write_table,
)

_XMP, _ICC = 700, 34675
_BITS_PER_SAMPLE, _STRIP_OFFSETS = 258, 273
_SAMPLES_PER_PIXEL, _EXTRA_SAMPLES = 277, 338
_UNASSOCIATED = 2
_BYTE, _UNDEFINED = 1, 7


def read_tiff(content: bytes) -> Metadata:
    """EXIF without the maker's note, XMP and colour profile."""
    try:
        header = read_header(content)
        first = read_table(content, header, header.first)
    except (*BROKEN_OFF, ValueError):
        return Metadata()
    return Metadata(
        exif=_rewritten_or_nothing(content, header.order),
        xmp=_raw(first, _XMP).rstrip(b"\0"),
        icc=_raw(first, _ICC),
    )


def embed_tiff(content: bytes, metadata: Metadata) -> bytes:
    """With all of it, in a new first directory at the end of the file.

    The EXIF block becomes the start of the file, so that offsets in it, also those of maker's notes, go on
    being right; the image moves behind it. Its byte order becomes that of the file, so that where 16 bit
    pixels demand the other one, the block is written anew, without the maker's note.
    """
    header = read_header(content)
    image = read_table(content, header, header.first)
    has_opacity = image.fields[_SAMPLES_PER_PIXEL].numbers(header.order) == (4,)
    if not (metadata or has_opacity):
        return content
    exif = metadata.exif
    if exif and 16 in image.fields[_BITS_PER_SAMPLE].numbers(header.order):
        exif = exif if read_header(exif).order == header.order else _rewritten_or_nothing(exif, header.order)
    order = read_header(exif).order if exif else header.order
    start = exif + b"\0" * (len(exif) % 2)
    moved = [_moved(field, header.order, len(start)) for field in image.fields.values()]
    fields = {field.tag: field.reordered(header.order, order) for field in moved} | _described(exif)
    if metadata.xmp:
        fields[_XMP] = Field(_XMP, _BYTE, len(metadata.xmp), metadata.xmp)
    if metadata.icc:
        fields[_ICC] = Field(_ICC, _UNDEFINED, len(metadata.icc), metadata.icc)
    if has_opacity:
        # OpenCV does not say that the fourth channel is opacity, nor that colours are not multiplied by it.
        fields[_EXTRA_SAMPLES] = Field.of(order, _EXTRA_SAMPLES, SHORT, _UNASSOCIATED)
    file = bytearray(start + content + b"\0" * (len(content) % 2))
    first = len(file)
    file += write_table(order, fields.values(), first)
    struct.pack_into(order + "4sI", file, 0, STARTS[order], first)
    return bytes(file)


def _rewritten_or_nothing(content: bytes, order: str) -> bytes:
    try:
        return rewritten_exif(content, order)
    except (*BROKEN_OFF, ValueError):
        return b""


def _raw(table: Table, tag: int) -> bytes:
    field = table.fields.get(tag)
    return bytes(field.raw) if field else b""


def _moved(field: Field, order: str, by: int) -> Field:
    if field.tag != _STRIP_OFFSETS:
        return field
    return Field.of(order, field.tag, LONG, *(offset + by for offset in field.numbers(order)))


def _described(exif: bytes) -> dict[int, Field]:
    if not exif:
        return {}
    header = read_header(exif)
    table = read_table(exif, header, header.first)
    links = [table.fields[tag] for tag in (EXIF, GPS) if tag in table.fields]
    return {field.tag: field for field in (*descriptive_fields(table), *links)}
