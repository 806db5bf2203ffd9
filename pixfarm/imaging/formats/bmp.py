"""BMP: size, and whether it has alpha.

Headers: Microsoft, BITMAPINFOHEADER and BITMAPV5HEADER.
"""

import struct

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats.examined import ExaminedImage
from pixfarm.imaging.formats.signatures import Format

_FILE_HEADER_BYTES = 14
_CORE_HEADER_BYTES = 12
_FIRST_HEADER_WITH_ALPHA_MASK = 56
_PALETTE_BITS = 8
_COLOURS = 3
_INFO_HEADER_BYTES = 40
_RLE8, _BIT_FIELDS = 1, 3
_USUAL_MASKS = (0xFF0000, 0xFF00, 0xFF)


def examine_bmp(content: bytes) -> ExaminedImage:
    """The image; ``colour_only`` unless it has a palette or real alpha.

    OpenCV 5.0 takes 24 bit OS/2 bitmaps for grey, and the unused fourth byte of 32 bit ones for alpha.

    Raises:
        TaskFailed: UNREADABLE when there are no pixels, UNSUPPORTED for those that OpenCV garbles.
        BROKEN_OFF: the file breaks off inside its headers.
    """
    (header_bytes,) = struct.unpack_from("<I", content, _FILE_HEADER_BYTES)
    layout = "<HHxxH" if header_bytes == _CORE_HEADER_BYTES else "<iixxH"
    width_px, height_px, bits = struct.unpack_from(layout, content, _FILE_HEADER_BYTES + 4)
    alpha_mask = 0
    if header_bytes >= _FIRST_HEADER_WITH_ALPHA_MASK and bits == 32:
        (alpha_mask,) = struct.unpack_from("<I", content, _FILE_HEADER_BYTES + 52)
    if header_bytes >= _INFO_HEADER_BYTES:
        _refuse_what_opencv_garbles(content, header_bytes, width_px, bits)
    return ExaminedImage(
        content=content,
        format=Format.BMP,
        width_px=width_px,
        height_px=abs(height_px),  # negative when the rows stand from top to bottom
        channels=_COLOURS + bool(alpha_mask),
        colour_only=bits > _PALETTE_BITS and alpha_mask == 0,
    )


def _refuse_what_opencv_garbles(content: bytes, header_bytes: int, width_px: int, bits: int) -> None:
    (compression,) = struct.unpack_from("<I", content, _FILE_HEADER_BYTES + 16)
    if compression == _RLE8 and _has_too_long_rows(content, width_px):
        # ImageMagick writes them. OpenCV 5.0 goes on in the next row with what is too much.
        what = "has compressed rows that are longer than it is wide; save it without compression"
    elif compression == _BIT_FIELDS and bits == 16 and header_bytes > _INFO_HEADER_BYTES:
        what = "has 16 bits per pixel behind a long header; save it with 24"
    elif compression == _BIT_FIELDS and bits == 32 and header_bytes == _INFO_HEADER_BYTES:
        if struct.unpack_from("<3I", content, _FILE_HEADER_BYTES + _INFO_HEADER_BYTES) == _USUAL_MASKS:
            return
        what = "has its colours in an unusual order; save it with 24 bits per pixel"
    else:
        return
    raise TaskFailed(FailureCode.UNSUPPORTED, f"is a BMP that {what}")


def _has_too_long_rows(content: bytes, width_px: int) -> bool:
    (at,) = struct.unpack_from("<I", content, 10)
    x = 0
    while at + 1 < len(content):
        count, value = content[at], content[at + 1]
        at += 2
        if count:
            x += count
        elif value == 0:  # end of the row
            x = 0
        elif value == 1:  # of the image
            return False
        elif value == 2:  # a jump
            x += content[at]
            at += 2
        else:  # so many pixels as they are
            x += value
            at += value + value % 2
        if x > width_px:
            return True
    return False
