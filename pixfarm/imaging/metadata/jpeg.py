"""JPEG: metadata in its application segments.

Segments: ITU-T T.81, annex B; EXIF 2.32, section 4.7; XMP Specification, part 3; ICC.1:2022, annex B.4.
"""

import re
import struct
from collections.abc import Iterator, Mapping

from pixfarm.imaging.metadata.bundle import Metadata

_MARKER = re.compile(rb"\xff[^\x00\xff]")
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_APP0, _APP1, _APP2, _SCAN = 0xE0, 0xE1, 0xE2, 0xDA
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_LARGEST_PAYLOAD = 65533
_MAX_PARTS = 255
_PART_BYTES = _LARGEST_PAYLOAD - len(_ICC) - 2


def read_jpeg(content: bytes) -> Metadata:
    """The first EXIF block and XMP packet, and the whole colour profile.

    Extended XMP, which follows in further segments, is left out.
    """
    exif = xmp = b""
    parts: dict[int, bytes] = {}
    parts_wanted = -1
    for marker, payload in _iterate_segments(content):
        if marker == _APP1 and not exif and payload.startswith(_EXIF):
            exif = payload.removeprefix(_EXIF)
        elif marker == _APP1 and not xmp and payload.startswith(_XMP):
            xmp = payload.removeprefix(_XMP).rstrip(b"\0")
        elif marker == _APP2 and payload.startswith(_ICC) and len(payload) > len(_ICC) + 2:
            number, parts_wanted = payload[len(_ICC)], payload[len(_ICC) + 1]
            parts[number] = payload[len(_ICC) + 2 :]
    return Metadata(exif, xmp, _joined(parts, parts_wanted))


def embed_jpeg(content: bytes, metadata: Metadata) -> bytes:
    """With EXIF and XMP if each fits into a segment, and the profile in as many as it takes."""
    parts = [metadata.icc[at : at + _PART_BYTES] for at in range(0, len(metadata.icc), _PART_BYTES)]
    segments = [
        _segment(_APP1, _EXIF, metadata.exif),
        _segment(_APP1, _XMP, metadata.xmp),
        *(
            _segment(_APP2, _ICC + bytes((number, len(parts))), part)
            for number, part in enumerate(parts[:_MAX_PARTS], start=1)
            if len(parts) <= _MAX_PARTS
        ),
    ]
    # JFIF wants to be the first segment, and readers of EXIF look behind it.
    at = 4 + int.from_bytes(content[4:6]) if content[2:4] == bytes((0xFF, _APP0)) else 2
    return b"".join([content[:at], *segments, content[at:]])


def _iterate_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker and payload of the segments before the first scan; ends where they break off."""
    offset = 2
    while match := _MARKER.search(content, offset):
        offset = match.end()
        marker = content[offset - 1]
        if marker == _SCAN:
            return
        if marker not in _WITHOUT_LENGTH:
            end = offset + int.from_bytes(content[offset : offset + 2])
            if marker in (_APP1, _APP2):
                yield marker, content[offset + 2 : end]
            offset = end


def _joined(parts: Mapping[int, bytes], wanted: int) -> bytes:
    if parts.keys() != set(range(1, wanted + 1)):
        return b""
    return b"".join(parts[number] for number in sorted(parts))


def _segment(marker: int, name: bytes, payload: bytes) -> bytes:
    if not payload or len(name) + len(payload) > _LARGEST_PAYLOAD:
        return b""
    return struct.pack(">BBH", 0xFF, marker, 2 + len(name) + len(payload)) + name + payload
