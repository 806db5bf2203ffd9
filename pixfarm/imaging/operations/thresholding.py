"""The operation `threshold`: black and white by brightness."""

from enum import StrEnum
from typing import Annotated

import cv2

from pixfarm.imaging.operations.channels import grey_of
from pixfarm.imaging.operations.declaration import Declared, operation
from pixfarm.imaging.operations.tone import visible
from pixfarm.imaging.pixels import Pixels, full_value

_DEFAULT_VALUE = 50
_DEFAULT_BLOCK = 31
_DEFAULT_OFFSET = 4


class Threshold(StrEnum):
    """What a pixel is compared with."""

    FIXED = "fixed"
    OTSU = "otsu"
    ADAPTIVE = "adaptive"


_NEEDS = {"value": Threshold.FIXED, "block": Threshold.ADAPTIVE, "offset": Threshold.ADAPTIVE}


def _check_threshold(*, method: Threshold, **given: float | None) -> None:
    for name, needed in _NEEDS.items():
        number = given[name]
        if number is not None and method is not needed:
            raise ValueError(f"{name}={number:g} needs method={needed}, and this is method={method}")


@operation("threshold", _check_threshold, example="method=otsu", sees_grey=True)
def threshold(
    image: Pixels,
    *,
    method: Annotated[Threshold, Declared("a value, Otsu's, or the mean of a pixel's surroundings")] = (
        Threshold.FIXED
    ),
    value: Annotated[float | None, Declared("brightness (fixed; else 50)", "%", 0, 100)] = None,
    block: Annotated[
        int | None, Declared("side of the surroundings (adaptive; else 31)", "px", 3, 999, odd=True)
    ] = None,
    offset: Annotated[
        float | None, Declared("taken from the mean (adaptive; else 4)", "%", -100, 100)
    ] = None,
    invert: Annotated[bool, Declared("white for what is darker")] = False,
) -> Pixels:
    """Makes what is brighter than a threshold white, and the rest black.

    Brightness is BT.601's, of an image with alpha as it looks on white; Otsu's (1979) threshold is that of
    the pixels that are not fully transparent.

    Returns:
        Grey, of the type of the image.
    """
    grey = grey_on_white(image)
    if method is Threshold.ADAPTIVE:
        level = _DEFAULT_OFFSET if offset is None else offset
        return _adaptive(grey, _DEFAULT_BLOCK if block is None else block, level / 100, invert=invert)
    if method is Threshold.OTSU:
        limit = _otsu(grey, visible(image))
    else:
        limit = (_DEFAULT_VALUE if value is None else value) / 100 * full_value(image)
    return _compare(grey, limit, full_value(image), invert=invert)


def grey_on_white(image: Pixels) -> Pixels:
    """Grey by BT.601, of a BGRA image after it was laid on white."""
    grey = grey_of(image)
    if image.ndim == 2 or image.shape[2] == 3:
        return grey
    dark = cv2.multiply(cv2.bitwise_not(grey), cv2.extractChannel(image, 3), scale=1 / full_value(image))
    return cv2.bitwise_not(dark)


def _adaptive(grey: Pixels, block: int, offset: float, *, invert: bool) -> Pixels:
    # The mean is rounded, as cv2.adaptiveThreshold does, which takes 8 bits only: then a plain surface is
    # equal to its mean.
    mean = cv2.blur(grey, (block, block), borderType=cv2.BORDER_REPLICATE)
    above = cv2.subtract(grey, mean, dtype=cv2.CV_32F)
    full = full_value(grey)
    return _compare(above, -offset * full, full, invert=invert).astype(grey.dtype)


def _otsu(grey: Pixels, seen: Pixels | None) -> float:
    pixels = grey if seen is None else grey[seen > 0]
    return cv2.threshold(pixels, 0, 0, cv2.THRESH_OTSU)[0]


def _compare(values: Pixels, limit: float, white: int, *, invert: bool) -> Pixels:
    return cv2.threshold(values, limit, white, cv2.THRESH_BINARY_INV if invert else cv2.THRESH_BINARY)[1]
