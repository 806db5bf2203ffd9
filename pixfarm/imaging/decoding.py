"""Decoding: from the bytes of an examined image to its pixels, upright."""

from collections.abc import Callable

import cv2
import numpy as np

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats import ExaminedImage, damaged
from pixfarm.imaging.pixels import Pixels, full_value

# EXIF orientation -> what makes the decoded image upright. OpenCV does it for JPEG and TIFF; with
# IMREAD_UNCHANGED, which alone keeps alpha, it leaves PNG and WebP as they are.
_UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: cv2.transpose,
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.flip(cv2.transpose(image), -1),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def decode(source: ExaminedImage) -> Pixels:
    """The upright image: grey, BGR or BGRA, uint8 or uint16.

    Raises:
        TaskFailed: UNREADABLE when it is damaged or truncated, TOO_LARGE for more pixels than OpenCV takes.
        cv2.error: there is not enough memory (code ``cv2.Error.StsNoMem``).
    """
    image = _decode_as_stored(source)
    if source.inverted:
        image = cv2.bitwise_not(image)
    if source.transparent_grey is not None:
        image = _with_alpha(image, source.transparent_grey)
    if source.orientation in _UPRIGHT:
        image = _UPRIGHT[source.orientation](image)
    return image


def _decode_as_stored(source: ExaminedImage) -> Pixels:
    flag = cv2.IMREAD_COLOR if source.colour_only else cv2.IMREAD_UNCHANGED
    try:
        image = cv2.imdecode(np.frombuffer(source.content, np.uint8), flag)
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
