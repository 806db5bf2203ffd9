"""Image files for the tests, made without the code under test: by Pillow, or else byte by byte."""

import io
import struct
import zlib
from typing import Any

import cv2  # noqa: TID251 - the independent formulation of an operation is written with OpenCV as well
import numpy as np
import numpy.typing as npt
from PIL import Image

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.pixels import Pixels

Array = npt.NDArray[Any]
ORIENTATION_TAG = 0x0112


def picture(height: int = 24, width: int = 40) -> Array:
    """An RGB picture with slopes and a few hard edges; no two of its eight orientations are alike."""
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.stack([columns * 5, rows * 9, rows + columns], axis=-1).astype(np.uint8)
    image[2 : height // 2, 3 : width // 3] = (250, 240, 20)
    image[height // 2 :, width // 2 :] = (10, 30, 220)
    return image


def wide(image: Array) -> Array:
    """The image with 16 bit values whose lower bytes differ from the upper ones."""
    return image.astype(np.uint16) * 256 + 255 - image


def slope(height: int = 24, width: int = 40) -> Array:
    """A plane of alpha values, none of them 0."""
    columns = np.arange(width, dtype=np.uint8)
    return np.tile(255 - columns * 5, (height, 1))


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[ORIENTATION_TAG] = orientation
    return block


def to_bgr(image: Array) -> Array:
    """RGB or RGBA in OpenCV's order."""
    return image[..., [2, 1, 0, *range(3, image.shape[2])]]


def expected_edges(image: Array) -> Array:
    """The operation `edges` by its definition, as plainly as it can be written."""
    white = np.iinfo(image.dtype).max
    eight_bit: Pixels = image if image.dtype == np.uint8 else (image // 256).astype(np.uint8)
    if image.ndim == 3:
        eight_bit = cv2.cvtColor(np.ascontiguousarray(eight_bit[..., :3]), cv2.COLOR_BGR2GRAY)
    edges = cv2.Canny(cv2.blur(eight_bit, (3, 3)), 50, 150)
    result = image.copy() if image.ndim == 3 else np.dstack([image] * 3)
    result[..., :3] //= 2
    result[edges > 0, :3] = (0, white, 0)
    return result


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png(rows: Array, colour_type: int, bits: int, extra: bytes = b"", width: int | None = None) -> bytes:
    """A PNG of rows as they are stored; ``extra`` chunks stand before the pixels."""
    lines = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width or rows.shape[1], rows.shape[0], bits, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tiff(image: Array, tags: dict[int, int | list[int]] | None = None, order: str = "<") -> bytes:
    """An uncompressed TIFF of one strip; ``tags`` are added or replace what follows from the array."""
    height, width = image.shape[:2]
    channels = image.shape[2] if image.ndim == 3 else 1
    pixels = (image if order == "<" else image.byteswap()).tobytes()
    all_tags: dict[int, int | list[int]] = {256: width, 257: height, 277: channels, 278: height}
    all_tags |= {258: [image.dtype.itemsize * 8] * channels, 259: 1, 262: 2 if channels >= 3 else 1}
    all_tags |= {273: 0, 279: len(pixels), **(tags or {})}
    values_start = 8 + 2 + 12 * len(all_tags) + 4
    packed = {tag: _pack_tag(tag, value, order) for tag, value in all_tags.items()}
    all_tags[273] = values_start + sum(len(values) for _, values in packed.values() if len(values) > 4)
    packed[273] = _pack_tag(273, all_tags[273], order)
    entries, long_values = b"", b""
    for tag in sorted(packed):
        letter, values = packed[tag]
        count = len(values) // struct.calcsize(letter)
        entries += struct.pack(order + "HHI", tag, {"H": 3, "I": 4}[letter], count)
        if len(values) > 4:
            entries += struct.pack(order + "I", values_start + len(long_values))
            long_values += values
        else:
            entries += values.ljust(4, b"\0")
    magic = b"II*\0" if order == "<" else b"MM\0*"
    start = struct.pack(order + "IH", 8, len(packed))
    return magic + start + entries + b"\0\0\0\0" + long_values + pixels


def _pack_tag(tag: int, value: int | list[int], order: str) -> tuple[str, bytes]:
    values = value if isinstance(value, list) else [value]
    letter = "I" if tag in (273, 279) else "H"
    return letter, struct.pack(f"{order}{len(values)}{letter}", *values)


def bmp(
    pixels: bytes,
    width: int,
    bits: int,
    header_bytes: int = 40,
    masks: tuple[int, ...] = (),
    *,
    height: int = 4,
) -> bytes:
    """An uncompressed BMP; ``masks`` (red, green, blue, alpha) stand in or behind its header."""
    compression = 3 if masks else 0
    header = struct.pack(
        "<IiiHHIIiiII", header_bytes, width, height, 1, bits, compression, len(pixels), 0, 0, 0, 0
    )
    if header_bytes == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    header = (header + struct.pack(f"<{len(masks)}I", *masks)).ljust(header_bytes, b"\0")
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + pixels


def failure(code: FailureCode, error: TaskFailed) -> str:
    """The message of a failure that has the expected code and is fit for a person's eyes."""
    assert error.code is code, error
    assert "/" not in error.message
    assert "\n" not in error.message
    assert len(error.message) < 110
    return error.message
