"""JPEG: how many bits a channel has.

Orientation is left to OpenCV, which applies it when it decodes to BGR. Segments: ITU-T T.81, annex B.
"""

import re

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats.examined import ExaminedImage, damaged
from pixfarm.imaging.formats.signatures import Format

# Like decoders, this passes over stray bytes between segments.
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def examine_jpeg(content: bytes) -> ExaminedImage:
    """The image, if it has 8 bits per channel.

    Raises:
        TaskFailed: UNSUPPORTED for 12 or 16 bits per channel, UNREADABLE if no frame starts.
        BROKEN_OFF: the file breaks off before it says.
    """
    bits = _read_bits_per_channel(content)
    if bits != 8:
        raise TaskFailed(
            FailureCode.UNSUPPORTED, f"has {bits} bits per channel; only 8 bit JPEGs are processed"
        )
    return ExaminedImage(content=content, format=Format.JPEG, colour_only=True, lossless=False)


def _read_bits_per_channel(content: bytes) -> int:
    offset = 2
    while match := _MARKER.search(content, offset):
        offset = match.end()
        marker = content[offset - 1]
        if marker in _START_OF_FRAME:
            return content[offset + 2]
        if marker not in _WITHOUT_LENGTH:
            offset += content[offset] * 256 + content[offset + 1]
    raise damaged(Format.JPEG)
