"""JPEG: how many bits a channel has.

Orientation is left to OpenCV, which applies it when it decodes to BGR. Segments: ITU-T T.81, annex B.
"""

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats.examined import ExaminedImage
from pixfarm.imaging.formats.signatures import Format

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def examine_jpeg(content: bytes) -> ExaminedImage:
    """The image, if it has 8 bits per channel.

    Raises:
        TaskFailed: UNSUPPORTED for 12 or 16 bits per channel.
        IndexError: the file breaks off before it says.
    """
    bits = _read_bits_per_channel(content)
    if bits not in (None, 8):
        raise TaskFailed(
            FailureCode.UNSUPPORTED, f"has {bits} bits per channel; only 8 bit JPEGs are processed"
        )
    return ExaminedImage(content=content, format=Format.JPEG, colour_only=True, lossless=False)


def _read_bits_per_channel(content: bytes) -> int | None:
    offset = 2
    while True:
        # Decoders skip stray bytes between segments and repeated 0xFF before a marker, so this does too.
        while content[offset] != 0xFF or content[offset + 1] in (0x00, 0xFF):
            offset += 1
        marker = content[offset + 1]
        if marker in _START_OF_FRAME:
            return content[offset + 4]
        if marker == _START_OF_SCAN:
            return None
        offset += 2
        if marker not in _WITHOUT_LENGTH:
            offset += content[offset] * 256 + content[offset + 1]
