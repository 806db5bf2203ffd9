"""Verification: that the bytes of a result are a whole file of the image that they were made of.

Headers and lengths are looked at, which takes microseconds; pixels are not decoded again.
"""

import struct
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats import ExaminedImage, Format, damaged, examine
from pixfarm.imaging.formats.avif import examine_avif
from pixfarm.imaging.formats.directories import Entry, read_first_directory
from pixfarm.imaging.formats.examined import BROKEN_OFF
from pixfarm.imaging.pixels import Pixels

_JPEG_END = b"\xff\xd9"
_PNG_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
_STRIP_OFFSETS = 273
_STRIP_BYTE_COUNTS = 279
_BITS_PER_SAMPLE = 258
# Channels of an image, and of its file: a BMP has a palette for grey, the others leave out a full opacity.
_MAY_DIFFER = {Format.BMP: (1, 3), Format.WEBP: (4, 3), Format.AVIF: (4, 3)}


def verify(content: bytes, image_format: Format, image: Pixels) -> None:
    """Looks whether a file is one of that format and image, and is all there.

    Args:
        content: the file.
        image_format: that it should have.
        image: what was encoded.

    Raises:
        TaskFailed: INTERNAL, it is not; the message says what is wrong with it.
    """
    wrong = _find_fault(content, image_format, image) if content else "it is empty"
    if wrong:
        height_px, width_px = image.shape[:2]
        raise TaskFailed(
            FailureCode.INTERNAL,
            f"its result is no whole {image_format} of {width_px} x {height_px} px: {wrong}",
        )


def _find_fault(content: bytes, image_format: Format, image: Pixels) -> str:
    try:
        found = examine_avif(content) if image_format is Format.AVIF else examine(content)
        if found.format is not image_format:
            return f"it is a {found.format}"
        if image_format in _IS_WHOLE and not _IS_WHOLE[image_format](content):
            return "it breaks off"
        bits = _read_bits(content, image_format)
    except TaskFailed as error:
        return f"it {error.message.partition(';')[0]}"  # without what sources should be
    except BROKEN_OFF:
        return "it breaks off"
    return _compare(found, image) or _compare_bits(bits, image)


def _compare(found: ExaminedImage, image: Pixels) -> str:
    height_px, width_px = image.shape[:2]
    if (found.width_px, found.height_px) != (width_px, height_px):
        return f"it has {found.width_px} x {found.height_px}"
    channels = 1 if image.ndim == 2 else image.shape[2]
    if found.channels != channels and _MAY_DIFFER.get(found.format) != (channels, found.channels):
        return f"it has {found.channels} channels, not {channels}"
    return ""


def _compare_bits(found: int, image: Pixels) -> str:
    bits = image.dtype.itemsize * 8
    return "" if found == bits else f"it has {found} bits per channel, not {bits}"


def _read_bits(content: bytes, image_format: Format) -> int:
    if image_format is Format.PNG:
        return content[24]
    if image_format is Format.TIFF:
        entry = read_first_directory(content).get(_BITS_PER_SAMPLE)
        return entry.values[0] if entry else 1
    return 8  # the others are, or were found to be


def _jpeg_is_whole(content: bytes) -> bool:
    return content.endswith(_JPEG_END)


def _png_is_whole(content: bytes) -> bool:
    return content.endswith(_PNG_END)


def _bmp_is_whole(content: bytes) -> bool:
    file_bytes, pixels_offset, width_px, height_px, bits = struct.unpack_from("<xxI4xI4xiixxH", content)
    row_bytes = (abs(width_px) * bits + 31) // 32 * 4
    return bool(file_bytes == len(content) >= pixels_offset + row_bytes * abs(height_px))


def _tiff_is_whole(content: bytes) -> bool:
    directory = read_first_directory(content)
    offsets, lengths = directory.get(_STRIP_OFFSETS), directory.get(_STRIP_BYTE_COUNTS)
    if offsets is None or lengths is None or offsets.count != lengths.count:
        return False
    ends = _all_values(offsets, content) + _all_values(lengths, content)
    return bool(ends.max(initial=0) <= len(content))


def _all_values(entry: Entry, content: bytes) -> npt.NDArray[np.int64]:
    if entry.offset + entry.count * np.dtype(entry.letter).itemsize > len(content):
        raise damaged(Format.TIFF)
    return np.frombuffer(content, entry.letter, entry.count, entry.offset).astype(np.int64)


def _webp_is_whole(content: bytes) -> bool:
    (riff_bytes,) = struct.unpack_from("<I", content, 4)
    return int(riff_bytes) + 8 == len(content)


# What examining does not look at.
_IS_WHOLE: Mapping[Format, Callable[[bytes], bool]] = {
    Format.JPEG: _jpeg_is_whole,
    Format.PNG: _png_is_whole,
    Format.BMP: _bmp_is_whole,
    Format.TIFF: _tiff_is_whole,
    Format.WEBP: _webp_is_whole,
}
