"""An image file whose headers have been looked at."""

import struct
from dataclasses import dataclass

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats.signatures import Format

# What reading beyond the end of a file raises: from ``struct``, by index, and for offsets beyond all memory.
BROKEN_OFF = (struct.error, IndexError, OverflowError)


_LYING = range(5, 9)  # the orientations that exchange width and height


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedImage:
    """An image file, and what OpenCV has to be told, or corrected in, to decode it whole.

    Args:
        content: the file; may differ from what is on disk where that mends the decoding.
        format: by its magic bytes.
        width_px: as stored, before any orientation is applied; at least 1.
        height_px: as stored, likewise.
        channels: as stored, with opacity; the colours of a palette count as 3.
        colour_only: decode to BGR; the other decodings of this source would be wrong.
        colour_stretch: how many times coarser colours are stored along one axis than along the other.
        orientation: EXIF's 1 to 8, still to be applied after decoding.
        transparent_grey: grey value that means transparent, on the scale of the decoded image.
        inverted: the decoded values count from white to black.
        premultiplied: the decoded colours are those on black; to be divided by opacity.
        lossless: the format, as used by this file, keeps every pixel.
    """

    content: bytes
    format: Format
    width_px: int
    height_px: int
    channels: int
    colour_only: bool = False
    orientation: int = 1
    colour_stretch: int = 1
    transparent_grey: int | None = None
    inverted: bool = False
    premultiplied: bool = False
    lossless: bool = True

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1:
            raise damaged(self.format)

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the image when ``orientation`` has been applied."""
        size = (self.width_px, self.height_px)
        return size[::-1] if self.orientation in _LYING else size


def damaged(image_format: Format) -> TaskFailed:
    """The failure to raise when a file starts like an image and does not go on like one."""
    return TaskFailed(FailureCode.UNREADABLE, f"is a damaged or truncated {image_format}")
