"""Encoding: from pixels to the bytes of an image file."""

import cv2

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats import Format
from pixfarm.imaging.pixels import Pixels

_LOSSLESS_SETTINGS = {
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
    # Plain lossless mode is free to change the colours under full transparency.
    Format.WEBP: [cv2.IMWRITE_WEBP_LOSSLESS_MODE, cv2.IMWRITE_WEBP_LOSSLESS_PRESERVE_COLOR],
}

_QUALITY_SETTINGS = {
    Format.JPEG: (cv2.IMWRITE_JPEG_QUALITY, 95),
    Format.WEBP: (cv2.IMWRITE_WEBP_QUALITY, 95),
    Format.AVIF: (cv2.IMWRITE_AVIF_QUALITY, 75),
}

# Of photographs at the same PSNR, speed 9 makes files 10 to 23 % larger than 6 does, in a tenth of the time:
# 20 to 50 ms for a megapixel, and not 160 to 580. 8 saves 0 to 8 % of that at three times its time; 10 is 9.
_MORE_SETTINGS = {Format.AVIF: [cv2.IMWRITE_AVIF_SPEED, 9]}

# What libjpeg, libpng and libwebp write, and libavif reads; OpenCV does not say that a side was too long.
_LONGEST_SIDE_PX = {
    Format.JPEG: 65_500,
    Format.PNG: 1_000_000,
    Format.WEBP: 16_383,
    Format.AVIF: 32_768,
}


def encode(
    image: Pixels, image_format: Format, *, quality: int | None = None, lossless: bool = False
) -> bytes:
    """An image file without metadata.

    Args:
        image: grey, BGR or BGRA, as ``fit()`` makes it.
        image_format: of the file.
        quality: 1 to 100, for formats that have one; None for the format's default. 100 is lossless in AVIF.
        lossless: matters for WebP alone, which can be either.

    Raises:
        TaskFailed: UNSUPPORTED when the format cannot have this size, or this OpenCV not write the format;
            INTERNAL when OpenCV refuses without a reason.
        cv2.error: there is not enough memory (code ``cv2.Error.StsNoMem``).
    """
    extension = f".{image_format.lower()}"
    _refuse_too_long(image, image_format)
    if not cv2.haveImageWriter(extension):
        raise TaskFailed(
            FailureCode.UNSUPPORTED,
            f"OpenCV writes no {image_format} on this node; install opencv-python-headless there",
        )
    settings = _settings(image_format, quality, lossless=lossless)
    succeeded, content = cv2.imencode(extension, image, settings)
    if not succeeded:
        raise TaskFailed(FailureCode.INTERNAL, f"its result could not be encoded as {image_format}")
    return content.tobytes()


def _settings(image_format: Format, quality: int | None, *, lossless: bool) -> list[int]:
    if image_format not in _QUALITY_SETTINGS or (image_format is Format.WEBP and lossless):
        return _LOSSLESS_SETTINGS[image_format]
    name, default = _QUALITY_SETTINGS[image_format]
    return [name, default if quality is None else quality, *_MORE_SETTINGS.get(image_format, [])]


def _refuse_too_long(image: Pixels, image_format: Format) -> None:
    height_px, width_px = image.shape[:2]
    longest_px = _LONGEST_SIDE_PX.get(image_format, height_px + width_px)
    if max(height_px, width_px) > longest_px:
        raise TaskFailed(
            FailureCode.UNSUPPORTED,
            f"its result has {width_px} x {height_px} px, and {image_format} allows {longest_px} on a side; "
            "resize it or change --format",
        )
