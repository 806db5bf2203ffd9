"""WebP: size, animation, orientation, and whether it is lossless.

Chunks: RFC 9649.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats.examined import ExaminedImage, damaged
from pixfarm.imaging.formats.exif import read_orientation
from pixfarm.imaging.formats.signatures import Format

_RIFF_HEADER_BYTES = 12
_LOSSY_START = b"\x9d\x01\x2a"
_LOSSLESS_START = b"\x2f"
_14_BITS = 0x3FFF
_LOSSLESS_ALPHA = 1 << 28
_CANVAS_ALPHA = 0x10


class _Size(NamedTuple):
    width_px: int
    height_px: int
    channels: int


def examine_webp(content: bytes) -> ExaminedImage:
    """The image, if it is a single one and its chunks are complete.

    Raises:
        TaskFailed: UNSUPPORTED for an animation, UNREADABLE when a chunk is cut or none says the size.
        BROKEN_OFF: the file breaks off inside a chunk's header.
    """
    frames = 0
    orientation = 1
    lossless = False
    size = None
    for kind, payload in iterate_chunks(content):
        if kind == b"ANMF":
            frames += 1
        elif kind == b"EXIF":
            orientation = read_orientation(bytes(payload))
        elif kind == b"VP8L":
            lossless = True
        if size is None and kind in _SIZES:  # the first one has that of the whole image
            size = _SIZES[kind](payload)
    if frames > 1:
        raise TaskFailed(
            FailureCode.UNSUPPORTED, f"has {frames} frames; only single-image WebPs are processed"
        )
    if size is None:
        raise damaged(Format.WEBP)
    return ExaminedImage(
        content=content,
        format=Format.WEBP,
        width_px=size.width_px,
        height_px=size.height_px,
        channels=size.channels,
        orientation=orientation,
        lossless=lossless,
    )


def _size_of_canvas(payload: memoryview) -> _Size:
    flags, width, width_high, height, height_high = struct.unpack_from("<B3xHBHB", payload)
    channels = 4 if flags & _CANVAS_ALPHA else 3
    return _Size(1 + width + (width_high << 16), 1 + height + (height_high << 16), channels)


def _size_of_lossy(payload: memoryview) -> _Size:
    start, width, height = struct.unpack_from("<3x3sHH", payload)
    if start != _LOSSY_START:
        raise damaged(Format.WEBP)
    return _Size(width & _14_BITS, height & _14_BITS, 3)  # the upper two bits are a scale for showing it


def _size_of_lossless(payload: memoryview) -> _Size:
    start, bits = struct.unpack_from("<sI", payload)
    if start != _LOSSLESS_START:
        raise damaged(Format.WEBP)
    channels = 4 if bits & _LOSSLESS_ALPHA else 3
    return _Size(1 + (bits & _14_BITS), 1 + (bits >> 14 & _14_BITS), channels)


_SIZES: Mapping[bytes, Callable[[memoryview], _Size]] = {
    b"VP8X": _size_of_canvas,
    b"VP8 ": _size_of_lossy,
    b"VP8L": _size_of_lossless,
}


def iterate_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """The kind and the payload of each chunk.

    Raises:
        TaskFailed: UNREADABLE when a chunk is cut.
        BROKEN_OFF: the file breaks off inside a chunk's header.
    """
    view = memoryview(content)
    (riff_size,) = struct.unpack_from("<I", content, 4)
    offset = _RIFF_HEADER_BYTES
    while offset < riff_size + 8:
        kind, length = struct.unpack_from("<4sI", content, offset)
        start = offset + 8
        if start + length > len(content):
            raise damaged(Format.WEBP)
        yield kind, view[start : start + length]
        offset = start + length + length % 2
