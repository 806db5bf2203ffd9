"""PNG: size, animation, orientation and the transparent colour of grey images.

Chunks: W3C, Portable Network Graphics, third edition.
"""

import struct
from collections.abc import Iterator

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats.examined import ExaminedImage, damaged
from pixfarm.imaging.formats.exif import read_orientation
from pixfarm.imaging.formats.signatures import Format

_SIGNATURE_BYTES = 8
_GREY = 0
_CHANNELS = {_GREY: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by colour type; 3 is a palette


def examine_png(content: bytes) -> ExaminedImage:
    """The image, if it is a single one and its chunks are complete.

    Raises:
        TaskFailed: UNSUPPORTED for an animation, UNREADABLE when chunks are missing or there are no pixels.
        BROKEN_OFF: the file breaks off inside a chunk's header.
    """
    width_px, height_px, channels = _read_header(content)
    orientation = 1
    transparent_grey = None
    for kind, payload in iterate_chunks(content):
        if kind == b"acTL":
            _refuse_animation(payload)
        elif kind == b"eXIf":
            orientation = read_orientation(bytes(payload))
        elif kind == b"tRNS":
            transparent_grey = _read_transparent_grey(content, payload)
    return ExaminedImage(
        content=content,
        format=Format.PNG,
        width_px=width_px,
        height_px=height_px,
        channels=channels,
        orientation=orientation,
        transparent_grey=transparent_grey,
    )


def _read_header(content: bytes) -> tuple[int, int, int]:
    kind, width_px, height_px, colour_type = struct.unpack_from(">4sIIxB", content, _SIGNATURE_BYTES + 4)
    if kind != b"IHDR" or colour_type not in _CHANNELS:
        raise damaged(Format.PNG)
    return width_px, height_px, _CHANNELS[colour_type]


def iterate_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """The kind and the payload of each chunk.

    Raises:
        TaskFailed: UNREADABLE when a chunk is cut.
        BROKEN_OFF: the file breaks off inside a chunk's header.
    """
    view = memoryview(content)
    offset = _SIGNATURE_BYTES
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, offset)
        end = offset + 12 + length
        # Found here, a missing end costs no decoding and libpng has nothing to say about it on stderr.
        if end > len(content):
            raise damaged(Format.PNG)
        yield kind, view[offset + 8 : end - 4]
        offset = end


def _refuse_animation(payload: memoryview) -> None:
    (frames,) = struct.unpack_from(">I", payload)
    if frames > 1:
        raise TaskFailed(
            FailureCode.UNSUPPORTED, f"has {frames} frames; only single-image PNGs are processed"
        )


def _read_transparent_grey(content: bytes, payload: memoryview) -> int | None:
    # OpenCV 5.0 makes alpha of a transparent colour or palette entry, but forgets a transparent grey.
    bits, colour_type = content[24], content[25]
    if colour_type != _GREY:
        return None
    (value,) = struct.unpack_from(">H", payload)
    scale = 255 // (2**bits - 1) if bits < 8 else 1
    return int(value) * scale
