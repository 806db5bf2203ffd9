"""BMP: size, and whether it has alpha.

Headers: Microsoft, BITMAPINFOHEADER and BITMAPV5HEADER.
"""

import struct

from pixfarm.imaging.formats.examined import ExaminedImage
from pixfarm.imaging.formats.signatures import Format

_FILE_HEADER_BYTES = 14
_CORE_HEADER_BYTES = 12
_FIRST_HEADER_WITH_ALPHA_MASK = 56
_PALETTE_BITS = 8
_COLOURS = 3


def examine_bmp(content: bytes) -> ExaminedImage:
    """The image; ``colour_only`` unless it has a palette or real alpha.

    OpenCV 5.0 takes 24 bit OS/2 bitmaps for grey, and the unused fourth byte of 32 bit ones for alpha.

    Raises:
        TaskFailed: UNREADABLE when there are no pixels.
        BROKEN_OFF: the file breaks off inside its headers.
    """
    (header_bytes,) = struct.unpack_from("<I", content, _FILE_HEADER_BYTES)
    layout = "<HHxxH" if header_bytes == _CORE_HEADER_BYTES else "<iixxH"
    width_px, height_px, bits = struct.unpack_from(layout, content, _FILE_HEADER_BYTES + 4)
    alpha_mask = 0
    if header_bytes >= _FIRST_HEADER_WITH_ALPHA_MASK and bits == 32:
        (alpha_mask,) = struct.unpack_from("<I", content, _FILE_HEADER_BYTES + 52)
    return ExaminedImage(
        content=content,
        format=Format.BMP,
        width_px=width_px,
        height_px=abs(height_px),  # negative when the rows stand from top to bottom
        channels=_COLOURS + bool(alpha_mask),
        colour_only=bits > _PALETTE_BITS and alpha_mask == 0,
    )
