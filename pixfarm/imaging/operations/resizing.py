"""The operations `resize` and `thumbnail`, and the filter that both sample with."""

from enum import StrEnum
from typing import Annotated

import cv2
import numpy as np

from pixfarm.imaging.operations.channels import on_visible
from pixfarm.imaging.operations.declaration import Declared, operation
from pixfarm.imaging.pixels import Pixels

_MOST_PX = 65500  # the longest side that libjpeg writes
# Larger blocks overflow in INTER_AREA of OpenCV 5.0: 8000 x 8000 px of 255 become 2 x 2 px of 0.
_MOST_AVERAGED_PX = 256
_LANCZOS_LOBES = 3


class Fit(StrEnum):
    """How an image comes to a width and a height."""

    INSIDE = "inside"
    COVER = "cover"
    EXACT = "exact"


def _check_resize(
    *, width: int | None, height: int | None, scale: float | None, fit: Fit, enlarge: bool
) -> None:
    if scale is None and width is None and height is None:
        raise ValueError("needs a size; write width, height or both, such as width=1600, or scale=0.5")
    if scale is not None and (width is not None or height is not None):
        raise ValueError("takes scale, or width and height; write only one of them")
    if fit is not Fit.INSIDE and (width is None or height is None):
        raise ValueError(f"fit={fit} needs width and height")
    if scale is not None and enlarge:
        raise ValueError("enlarge is for width and height; a scale above 1 enlarges by itself")


@operation("resize", _check_resize, example="width=160, fit=inside")
def resize(
    image: Pixels,
    *,
    width: Annotated[int | None, Declared("width; alone, the height follows", "px", 1, _MOST_PX)] = None,
    height: Annotated[int | None, Declared("height; alone, the width follows", "px", 1, _MOST_PX)] = None,
    scale: Annotated[float | None, Declared("instead of both; above 1 enlarges", "", 0.001, 16)] = None,
    fit: Annotated[
        Fit, Declared("whole inside of the box, covering and cut to it, or stretched")
    ] = Fit.INSIDE,
    enlarge: Annotated[bool, Declared("make small images larger to reach width and height")] = False,
) -> Pixels:
    """Makes the image smaller, or larger if asked to.

    Unless ``enlarge``, an image that is smaller than the box stays as it is (inside), is cut to the box's
    proportions (cover), or keeps the side that is too short (exact).
    """
    own = (image.shape[1], image.shape[0])
    if scale is not None:
        return _sampled(image, (_rounded(own[0] * scale), _rounded(own[1] * scale)))
    box = _box(own, width, height)
    if fit is Fit.EXACT or width is None or height is None:
        return _sampled(image, box if enlarge else (min(own[0], box[0]), min(own[1], box[1])))
    if fit is Fit.COVER:
        return _covering(image, box, enlarge=enlarge)
    is_small = own[0] <= box[0] and own[1] <= box[1]
    return _sampled(image, own if is_small and not enlarge else _fitted(own, box))


@operation("thumbnail", example="size=128")
def thumbnail(
    image: Pixels,
    *,
    size: Annotated[int, Declared("longest side", "px", 1, _MOST_PX)] = 256,
    square: Annotated[bool, Declared("cut the image to its middle square; else it stays whole")] = True,
) -> Pixels:
    """Makes a small square of the image's middle, or a small whole image; never enlarges."""
    return resize(image, width=size, height=size, fit=Fit.COVER if square else Fit.INSIDE)


def _rounded(length_px: float) -> int:
    return max(1, int(length_px + 0.5))


def _in_proportion(length_px: int, part: int, whole: int) -> int:
    return max(1, (2 * length_px * part + whole) // (2 * whole))


def _box(own: tuple[int, int], width: int | None, height: int | None) -> tuple[int, int]:
    """A side that is not given follows from the other one."""
    box_width = width or _in_proportion(own[0], height or own[1], own[1])
    box_height = height or _in_proportion(own[1], width or own[0], own[0])
    return box_width, box_height


def _fitted(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """The largest size of these proportions that is inside of the box, which it may have to grow for."""
    if box[0] * size[1] <= box[1] * size[0]:
        return box[0], _in_proportion(size[1], box[0], size[0])
    return _in_proportion(size[0], box[1], size[1]), box[1]


def _covering(image: Pixels, box: tuple[int, int], *, enlarge: bool) -> Pixels:
    own = (image.shape[1], image.shape[0])
    if not enlarge and (box[0] > own[0] or box[1] > own[1]):
        box = _fitted(box, own)
    # Cut first, then sampled: the other way round, what is cut off would have to be sampled as well.
    width, height = _fitted(box, own)
    left, top = (own[0] - width) // 2, (own[1] - height) // 2
    return _sampled(image[top : top + height, left : left + width], box)


def _sampled(image: Pixels, size: tuple[int, int]) -> Pixels:
    if (image.shape[1], image.shape[0]) == size:
        return image.copy()
    return on_visible(image, lambda visible: _filtered(visible, size))


def _filtered(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Means down to twice the size, a Lanczos filter against what the size cannot hold, cubic samples.

    On zone plates this lets through about as much moiré as Pillow's LANCZOS, half of what means alone do
    (INTER_AREA, Pillow's BOX), and keeps detail a tenth clearer than those. 1600 x 1200 BGR to half takes
    9 ms, Pillow's LANCZOS 23, means alone 0.6; to 0.4 it takes 16, 22 and 6 ms.
    """
    width, height = image.shape[1], image.shape[0]
    twice = (min(width, 2 * size[0]), min(height, 2 * size[1]))
    while (width, height) != twice:
        width = max(twice[0], -(-width // _MOST_AVERAGED_PX))
        height = max(twice[1], -(-height // _MOST_AVERAGED_PX))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if width > size[0] or height > size[1]:
        kernels = _lanczos(width / size[0]), _lanczos(height / size[1])
        image = cv2.sepFilter2D(image, -1, *kernels, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)


def _lanczos(factor: float) -> Pixels:
    """The low-pass kernel for an axis that gets shorter by the factor; of one that does not, the identity."""
    if factor <= 1:
        return np.ones(1)
    reach = int(np.ceil(_LANCZOS_LOBES * factor)) - 1
    offsets = np.arange(-reach, reach + 1) / factor
    kernel = np.sinc(offsets) * np.sinc(offsets / _LANCZOS_LOBES)
    normal: Pixels = kernel / kernel.sum()
    return normal
