"""WebP: metadata in its chunks.

Chunks: RFC 9649, section 2.7.
"""

import struct

from pixfarm.imaging.formats.webp import examine_webp, iterate_chunks
from pixfarm.imaging.metadata.bundle import Metadata

_EXIF_PREFIX = b"Exif\0\0"
_HAS_ICC, _HAS_ALPHA, _HAS_EXIF, _HAS_XMP = 0x20, 0x10, 0x08, 0x04


def read_webp(content: bytes) -> Metadata:
    """EXIF, XMP and colour profile."""
    chunks = {
        kind: bytes(payload)
        for kind, payload in iterate_chunks(content)
        if kind in (b"EXIF", b"XMP ", b"ICCP")
    }
    return Metadata(
        exif=chunks.get(b"EXIF", b"").removeprefix(_EXIF_PREFIX),
        xmp=chunks.get(b"XMP ", b"").rstrip(b"\0"),
        icc=chunks.get(b"ICCP", b""),
    )


def embed_webp(content: bytes, metadata: Metadata) -> bytes:
    """With all of it, in the extended form that has a place for it."""
    image = b"".join(_chunk(kind, bytes(part)) for kind, part in iterate_chunks(content) if kind != b"VP8X")
    body = b"WEBP" + b"".join(
        [
            _canvas(content, metadata),
            _chunk(b"ICCP", metadata.icc),
            image,
            _chunk(b"EXIF", metadata.exif),
            _chunk(b"XMP ", metadata.xmp),
        ]
    )
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _canvas(content: bytes, metadata: Metadata) -> bytes:
    examined = examine_webp(content)
    flags = (
        _HAS_ICC * bool(metadata.icc)
        | _HAS_ALPHA * (examined.channels == 4)
        | _HAS_EXIF * bool(metadata.exif)
        | _HAS_XMP * bool(metadata.xmp)
    )
    width, height = (size_px - 1 for size_px in (examined.width_px, examined.height_px))
    return _chunk(
        b"VP8X", bytes((flags, 0, 0, 0)) + width.to_bytes(3, "little") + height.to_bytes(3, "little")
    )


def _chunk(kind: bytes, payload: bytes) -> bytes:
    if not payload:
        return b""
    return struct.pack("<4sI", kind, len(payload)) + payload + b"\0" * (len(payload) % 2)
