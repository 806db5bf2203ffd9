"""JPEG: size, orientation, and how many bits a channel has.

Segments: ITU-T T.81, annex B.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats.examined import ExaminedImage, damaged
from pixfarm.imaging.formats.exif import read_orientation
from pixfarm.imaging.formats.signatures import Format

# Like decoders, this passes over stray bytes between segments.
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_APPLICATION_1 = 0xE1
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_EXIF = b"Exif\0\0"


class _Frame(NamedTuple):
    bits: int
    height_px: int
    width_px: int
    channels: int


def _colour_stretch(segment: bytes) -> int:
    """How many times coarser colours are along one axis than along the other: 4:1:1 is 4, 4:2:2 is 2."""
    across = [factors >> 4 for factors in segment[7::3]]
    down = [factors & 15 for factors in segment[7::3]]
    ratios = [(max(across) * y, max(down) * x) for x, y in zip(across, down, strict=True) if x and y]
    return max((-(-max(pair) // min(pair)) for pair in ratios), default=1)


def examine_jpeg(content: bytes) -> ExaminedImage:
    """The image, if it has 8 bits per channel.

    Raises:
        TaskFailed: UNSUPPORTED for 12 or 16 bits per channel, UNREADABLE if no frame starts, or one
            without pixels.
        BROKEN_OFF: the file breaks off before it says.
    """
    frame, orientation, stretch = None, None, 1
    for marker, segment in _iterate_segments(content):
        if marker in _START_OF_FRAME:
            frame = _Frame._make(struct.unpack_from(">BHHB", segment))
            stretch = _colour_stretch(segment)
        elif marker == _APPLICATION_1 and orientation is None and segment.startswith(_EXIF):
            orientation = read_orientation(segment)
    if frame is None:
        raise damaged(Format.JPEG)
    if frame.bits != 8:
        raise TaskFailed(
            FailureCode.UNSUPPORTED, f"has {frame.bits} bits per channel; only 8 bit JPEGs are processed"
        )
    return ExaminedImage(
        content=content,
        format=Format.JPEG,
        width_px=frame.width_px,
        height_px=frame.height_px,
        channels=frame.channels,
        colour_only=True,
        orientation=orientation or 1,
        colour_stretch=stretch,
        lossless=False,
    )


def _iterate_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers and what follows their lengths, up to the first pixels."""
    offset = 2
    while match := _MARKER.search(content, offset):
        offset = match.end()
        marker = content[offset - 1]
        if marker == _START_OF_SCAN:
            return
        if marker not in _WITHOUT_LENGTH:
            end = offset + content[offset] * 256 + content[offset + 1]
            yield marker, content[offset + 2 : end]
            offset = end
