"""AVIF: metadata as further items and properties.

Boxes: ISO/IEC 14496-12 (ISOBMFF), 23008-12 (HEIF), annex A for EXIF; the AV1 image file format.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats.examined import BROKEN_OFF
from pixfarm.imaging.metadata.bundle import Metadata

# As the libavif in OpenCV writes it: boxes of version 0, each kind once, one extent for each item, offsets
# and lengths of 4 bytes, no base offset. Anything else is refused.
_VERSION_0 = bytes(4)
_LOCATION_SIZES = b"\x44\0"
_LOCATION = struct.Struct(">HHHII")  # item, in this file, extents, offset, length
_BOX_HEADER_BYTES = 8
_EXIF_OFFSET = bytes(4)  # of the TIFF header in what follows
_LARGEST_INDEX = 127


class _Location(NamedTuple):
    offset: int
    length: int


class _Item(NamedTuple):
    entry: bytes
    content: bytes


class _Unforeseen(ValueError):
    """Boxes that are not as libavif writes them."""


def embed_avif(content: bytes, metadata: Metadata) -> bytes:
    """With all of it.

    Raises:
        TaskFailed: INTERNAL when the boxes are not as libavif writes them.
    """
    try:
        return _embedded(content, metadata)
    except (*BROKEN_OFF, KeyError, _Unforeseen) as error:
        raise TaskFailed(
            FailureCode.INTERNAL,
            "its metadata has no place in the AVIF that OpenCV wrote; use --strip-metadata",
        ) from error


def _embedded(content: bytes, metadata: Metadata) -> bytes:
    boxes = dict(_iterate_boxes(content))
    meta = dict(_iterate_boxes(_body(boxes[b"meta"])))
    (primary,) = struct.unpack(">H", _body(meta[b"pitm"]))
    stored = _read_locations(meta[b"iloc"])
    items = list(_items_of(metadata))
    numbers = range(1 + max(stored), 1 + max(stored) + len(items))
    meta[b"iinf"] = _with_entries(meta[b"iinf"], dict(zip(numbers, items, strict=True)))
    meta[b"iref"] = meta.get(b"iref", _VERSION_0) + b"".join(
        _box(b"cdsc", struct.pack(">HHH", number, 1, primary)) for number in numbers
    )
    if metadata.icc:
        meta[b"iprp"] = _with_profile(meta[b"iprp"], primary, metadata.icc)
    data = _box(b"mdat", b"".join(item.content for item in items)) if items else b""
    # An entry is as large whatever the offset in it, so the box can be measured before offsets are known.
    unplaced = dict.fromkeys(numbers, _Location(0, 0))
    old_end = len(_box(b"ftyp", boxes[b"ftyp"])) + len(_box(b"meta", boxes[b"meta"]))
    end = len(_box(b"ftyp", boxes[b"ftyp"])) + len(_meta_box(meta, stored | unplaced))
    shift = end + len(data) - old_end
    moved = {number: _Location(at.offset + shift, at.length) for number, at in stored.items()}
    at = end + _BOX_HEADER_BYTES
    for number, item in zip(numbers, items, strict=True):
        moved[number] = _Location(at, len(item.content))
        at += len(item.content)
    return _box(b"ftyp", boxes[b"ftyp"]) + _meta_box(meta, moved) + data + content[old_end:]


def _items_of(metadata: Metadata) -> Iterator[_Item]:
    if metadata.exif:
        yield _Item(b"Exif\0", _EXIF_OFFSET + metadata.exif)
    if metadata.xmp:
        yield _Item(b"mime\0application/rdf+xml\0", metadata.xmp)


def _iterate_boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = 0
    while offset < len(content):
        size, kind = struct.unpack_from(">I4s", content, offset)
        if not _BOX_HEADER_BYTES <= size <= len(content) - offset:
            raise _Unforeseen
        yield kind, content[offset + _BOX_HEADER_BYTES : offset + size]
        offset += size


def _body(payload: bytes) -> bytes:
    if not payload.startswith(_VERSION_0):
        raise _Unforeseen
    return payload[len(_VERSION_0) :]


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", _BOX_HEADER_BYTES + len(payload), kind) + payload


def _meta_box(boxes: Mapping[bytes, bytes], locations: Mapping[int, _Location]) -> bytes:
    entries = b"".join(_LOCATION.pack(number, 0, 1, *place) for number, place in locations.items())
    iloc = _VERSION_0 + _LOCATION_SIZES + struct.pack(">H", len(locations)) + entries
    return _box(b"meta", _VERSION_0 + b"".join(_box(*box) for box in {**boxes, b"iloc": iloc}.items()))


def _read_locations(iloc: bytes) -> dict[int, _Location]:
    body = _body(iloc)
    if not body.startswith(_LOCATION_SIZES):
        raise _Unforeseen
    locations = {}
    for number, file, extents, *place in _LOCATION.iter_unpack(body[len(_LOCATION_SIZES) + 2 :]):
        if file or extents != 1:
            raise _Unforeseen
        locations[number] = _Location(*place)
    return locations


def _with_entries(iinf: bytes, items: Mapping[int, _Item]) -> bytes:
    (count,) = struct.unpack_from(">H", _body(iinf))
    entries = b"".join(
        _box(b"infe", b"\2\0\0\0" + struct.pack(">HH", number, 0) + item.entry)
        for number, item in items.items()
    )
    return _VERSION_0 + struct.pack(">H", count + len(items)) + _body(iinf)[2:] + entries


def _with_profile(iprp: bytes, primary: int, profile: bytes) -> bytes:
    boxes = dict(_iterate_boxes(iprp))
    boxes[b"ipco"] += _box(b"colr", b"prof" + profile)
    index = sum(1 for _ in _iterate_boxes(boxes[b"ipco"]))
    links = bytearray(_body(boxes[b"ipma"]))
    # The primary image is the first one that libavif lists.
    if struct.unpack_from(">H", links, 4) != (primary,) or index > _LARGEST_INDEX:
        raise _Unforeseen
    count = links[6]
    links[6] += 1
    links.insert(7 + count, index)
    boxes[b"ipma"] = _VERSION_0 + bytes(links)
    return b"".join(_box(*box) for box in boxes.items())
