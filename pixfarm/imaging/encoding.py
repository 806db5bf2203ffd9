"""Encoding: from pixels to the bytes of an image file."""

import cv2

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats import Format
from pixfarm.imaging.pixels import Pixels

_QUALITY = 95

_SETTINGS = {
    Format.JPEG: [cv2.IMWRITE_JPEG_QUALITY, _QUALITY],
    # Run lengths of differences to the row above: 42 ms for 2 megapixels where OpenCV's default
    # (differences to the left) takes 46 and deflate 50, at 0.64 to 1.03 times the default's size. Huffman
    # codes alone are sometimes faster on photographs, but make flat drawings 20 times as large.
    Format.PNG: [
        *(cv2.IMWRITE_PNG_COMPRESSION, 1),
        *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
        *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
    ],
    Format.BMP: [],
    # Deflate takes 3 to 5 times as long as LZW and saves 1 to 11 %.
    Format.TIFF: [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_LZW],
    Format.WEBP: [cv2.IMWRITE_WEBP_QUALITY, _QUALITY],
}

# Plain lossless mode is free to change the colours under full transparency.
_LOSSLESS_WEBP = [cv2.IMWRITE_WEBP_LOSSLESS_MODE, cv2.IMWRITE_WEBP_LOSSLESS_PRESERVE_COLOR]


def encode(image: Pixels, image_format: Format, *, lossless: bool) -> bytes:
    """An image file without metadata.

    Args:
        image: BGR or BGRA; uint16 only for PNG and TIFF, BGRA not for JPEG.
        image_format: of the file.
        lossless: matters for WebP alone, which can be either.

    Raises:
        TaskFailed: INTERNAL, OpenCV refuses without a reason.
        cv2.error: there is not enough memory (code ``cv2.Error.StsNoMem``).
    """
    is_lossless_webp = image_format is Format.WEBP and lossless
    settings = _LOSSLESS_WEBP if is_lossless_webp else _SETTINGS[image_format]
    succeeded, content = cv2.imencode(f".{image_format.lower()}", image, settings)
    if not succeeded:
        raise TaskFailed(FailureCode.INTERNAL, f"its result could not be encoded as {image_format}")
    return content.tobytes()
