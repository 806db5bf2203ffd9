"""WebP: animation, orientation, and whether it is lossless.

Chunks: RFC 9649.
"""

import struct
from collections.abc import Iterator

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats.examined import ExaminedImage, damaged
from pixfarm.imaging.formats.exif import read_orientation
from pixfarm.imaging.formats.signatures import Format

_RIFF_HEADER_BYTES = 12


def examine_webp(content: bytes) -> ExaminedImage:
    """The image, if it is a single one and its chunks are complete.

    Raises:
        TaskFailed: UNSUPPORTED for an animation, UNREADABLE when a chunk is cut.
        BROKEN_OFF: the file breaks off inside a chunk's header.
    """
    frames = 0
    orientation = 1
    lossless = False
    for kind, payload in _iterate_chunks(content):
        if kind == b"ANMF":
            frames += 1
        elif kind == b"EXIF":
            orientation = read_orientation(bytes(payload))
        elif kind == b"VP8L":
            lossless = True
    if frames > 1:
        raise TaskFailed(
            FailureCode.UNSUPPORTED, f"has {frames} frames; only single-image WebPs are processed"
        )
    return ExaminedImage(content=content, format=Format.WEBP, orientation=orientation, lossless=lossless)


def _iterate_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview]]:
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
