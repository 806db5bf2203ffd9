"""PNG: metadata in its chunks.

Chunks: W3C, Portable Network Graphics, third edition; the XMP's keyword: XMP Specification, part 3.
"""

import struct
import zlib

from pixfarm.imaging.formats.png import iterate_chunks
from pixfarm.imaging.metadata.bundle import MAX_PART_BYTES, Metadata

_XMP = b"XML:com.adobe.xmp"
_EXIF_PREFIX = b"Exif\0\0"
_PROFILE_NAME = b"icc"
_HEADER_END = 8 + 25  # signature and IHDR, behind which everything else may stand
_COMPRESSED = b"\1\0"
_NOT_COMPRESSED = b"\0\0"


def read_png(content: bytes) -> Metadata:
    """EXIF, XMP and colour profile; texts of other programs, "Raw profile type", are no EXIF."""
    exif = xmp = icc = b""
    for kind, payload in iterate_chunks(content):
        if kind == b"eXIf":
            exif = bytes(payload).removeprefix(_EXIF_PREFIX)
        elif kind == b"iTXt" and bytes(payload[: len(_XMP) + 1]) == _XMP + b"\0":
            xmp = _text_of(bytes(payload[len(_XMP) + 1 :])).rstrip(b"\0")
        elif kind == b"iCCP":
            icc = _profile_of(bytes(payload))
    return Metadata(exif, xmp, icc)


def embed_png(content: bytes, metadata: Metadata) -> bytes:
    """With all of it, between IHDR and what follows."""
    chunks = b""
    if metadata.icc:
        chunks += _chunk(b"iCCP", _PROFILE_NAME + b"\0\0" + zlib.compress(metadata.icc))
    if metadata.exif:
        chunks += _chunk(b"eXIf", metadata.exif)
    if metadata.xmp:
        chunks += _chunk(b"iTXt", _XMP + b"\0" + _NOT_COMPRESSED + b"\0\0" + metadata.xmp)
    return content[:_HEADER_END] + chunks + content[_HEADER_END:]


def _text_of(rest: bytes) -> bytes:
    """The text of an iTXt chunk; ``rest`` begins with whether and how it is compressed."""
    _, _, text = rest[2:].partition(b"\0")[2].partition(b"\0")
    return _inflated(text) if rest[:2] == _COMPRESSED else text


def _profile_of(payload: bytes) -> bytes:
    _, _, rest = payload.partition(b"\0")
    return _inflated(rest[1:])


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, MAX_PART_BYTES)
    except zlib.error:
        return b""
    return inflated if inflater.eof else b""


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))
