"""Fitting: the pixels of a result as the format of its file can hold them."""

import cv2
import numpy as np

from pixfarm.imaging.formats import Format
from pixfarm.imaging.operations.channels import is_opaque, without_alpha
from pixfarm.imaging.pixels import Pixels, full_value

_WITHOUT_ALPHA = frozenset({Format.JPEG})
_WITHOUT_GREY = frozenset({Format.WEBP})
_EIGHT_BIT = frozenset({Format.JPEG, Format.BMP, Format.WEBP, Format.AVIF})


def fit(image: Pixels, image_format: Format) -> Pixels:
    """The image itself where the format can hold it, else the nearest that it can.

    What is transparent is laid on white, values of 16 bits become the nearest of 8 (white stays white), and
    grey becomes colour.
    """
    if image_format in _WITHOUT_ALPHA and image.ndim == 3 and image.shape[2] == 4:
        image = _on_white(image)
    if image_format in _EIGHT_BIT and image.dtype == np.uint16:
        # OpenCV itself would cut values off at 255. 65535 = 255 * 257, and no value lies half-way.
        image = cv2.convertScaleAbs(image, alpha=1 / 257)
    if image_format in _WITHOUT_GREY and image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return image


def _on_white(image: Pixels) -> Pixels:
    colour = without_alpha(image)
    if is_opaque(image):
        return colour
    opacity = cv2.cvtColor(image[..., 3], cv2.COLOR_GRAY2BGR)
    darkness = cv2.bitwise_not(colour)
    return cv2.bitwise_not(cv2.multiply(darkness, opacity, scale=1 / full_value(image)))
