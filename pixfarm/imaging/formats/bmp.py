"""BMP: whether it has alpha.

Headers: Microsoft, BITMAPINFOHEADER and BITMAPV5HEADER.
"""

import struct

from pixfarm.imaging.formats.examined import ExaminedImage
from pixfarm.imaging.formats.signatures import Format

_FILE_HEADER_BYTES = 14
_CORE_HEADER_BYTES = 12
_FIRST_HEADER_WITH_ALPHA_MASK = 56
_PALETTE_BITS = 8


def examine_bmp(content: bytes) -> ExaminedImage:
    """The image; ``colour_only`` unless it has a palette or real alpha.

    OpenCV 5.0 takes 24 bit OS/2 bitmaps for grey, and the unused fourth byte of 32 bit ones for alpha.

    Raises:
        BROKEN_OFF: the file breaks off inside its headers.
    """
    (header_bytes,) = struct.unpack_from("<I", content, _FILE_HEADER_BYTES)
    bits_offset = 10 if header_bytes == _CORE_HEADER_BYTES else 14
    (bits,) = struct.unpack_from("<H", content, _FILE_HEADER_BYTES + bits_offset)
    alpha_mask = 0
    if header_bytes >= _FIRST_HEADER_WITH_ALPHA_MASK and bits == 32:
        (alpha_mask,) = struct.unpack_from("<I", content, _FILE_HEADER_BYTES + 52)
    return ExaminedImage(
        content=content, format=Format.BMP, colour_only=bits > _PALETTE_BITS and alpha_mask == 0
    )
