"""Decoding: from the bytes of an examined image to its pixels, upright."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats import ExaminedImage, Format, damaged
from pixfarm.imaging.pixels import Pixels, full_value

# EXIF orientation -> what makes the decoded image upright. OpenCV does it for TIFF; with IMREAD_UNCHANGED,
# which alone keeps alpha, it leaves PNG and WebP as they are. Of JPEG the planner has to know it beforehand.
_UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: cv2.transpose,
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.flip(cv2.transpose(image), -1),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}

_COLOUR = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_GREY = {
    1: cv2.IMREAD_GRAYSCALE,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}


@dataclass(frozen=True, slots=True)
class Decoding:
    """How much of a JPEG is decoded.

    Args:
        fraction: 1 for all pixels, or 2, 4 or 8: the sides are that many times shorter, rounded up.
        grey: without its colours.
    """

    fraction: int = 1
    grey: bool = False


WHOLE = Decoding()


def decode(source: ExaminedImage, decoding: Decoding = WHOLE) -> Pixels:
    """The upright image: grey, BGR or BGRA, uint8 or uint16.

    Args:
        source: the file.
        decoding: for JPEG only; other formats are decoded whole.

    Raises:
        TaskFailed: UNREADABLE when it is damaged or truncated, TOO_LARGE for more pixels than OpenCV takes.
        cv2.error: there is not enough memory (code ``cv2.Error.StsNoMem``).
    """
    image = _decode_as_stored(source, _flags(source, decoding))
    if source.inverted:
        image = cv2.bitwise_not(image)
    if source.premultiplied:
        image = _straight(image)
    if source.transparent_grey is not None:
        image = _with_alpha(image, source.transparent_grey)
    if source.orientation in _UPRIGHT:
        image = _UPRIGHT[source.orientation](image)
    return image


def _flags(source: ExaminedImage, decoding: Decoding) -> int:
    if source.format is Format.JPEG:
        is_grey = decoding.grey or source.channels == 1
        return (_GREY if is_grey else _COLOUR)[decoding.fraction] | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.IMREAD_COLOR if source.colour_only else cv2.IMREAD_UNCHANGED


def _decode_as_stored(source: ExaminedImage, flags: int) -> Pixels:
    try:
        image = cv2.imdecode(np.frombuffer(source.content, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise
        if "CV_IO_MAX_IMAGE" in str(error):
            raise TaskFailed(FailureCode.TOO_LARGE, "has more pixels than OpenCV takes (2^30)") from error
        raise damaged(source.format) from error
    if image is None:
        raise damaged(source.format)
    return image


def _with_alpha(grey: Pixels, transparent: int) -> Pixels:
    alpha = np.where(grey == transparent, 0, full_value(grey)).astype(grey.dtype)
    return cv2.merge([grey, grey, grey, alpha])


def _straight(image: Pixels) -> Pixels:
    """Colours divided by opacity, rounded; black where nothing can be seen."""
    full, result = full_value(image), np.empty_like(image)
    for row, straight in zip(image, result, strict=True):  # by rows: all at once takes 12 times the memory
        alpha = row[:, 3:].astype(np.uint32)
        colour = (row[:, :3] * np.uint32(full) + alpha // 2) // np.maximum(alpha, 1)
        straight[:, :3] = np.minimum(colour, full) * (alpha > 0)
        straight[:, 3:] = alpha
    return result
