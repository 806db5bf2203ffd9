"""Operations on colour, pixel by pixel; opacity stays as it is."""

import operator
from enum import StrEnum
from functools import partial
from typing import Annotated

import cv2
import numpy as np

from pixfarm.imaging.operations.channels import grey_of, on_colour, with_alpha_of
from pixfarm.imaging.operations.declaration import Declared, operation
from pixfarm.imaging.operations.tone import curve, histograms, look_up, value_at, visible
from pixfarm.imaging.pixels import Pixels, full_value

_DEFAULT_PERCENTILE = 99
# W3C Filter Effects, with rows and columns for B, G, R.
_SEPIA = np.array([[0.131, 0.534, 0.272], [0.168, 0.686, 0.349], [0.189, 0.769, 0.393]])


class WhiteBalance(StrEnum):
    """How the colour of the light is found."""

    GREY_WORLD = "grey-world"
    WHITE_PATCH = "white-patch"


class Palette(StrEnum):
    """OpenCV's colour maps."""

    AUTUMN = "autumn"
    BONE = "bone"
    CIVIDIS = "cividis"
    COOL = "cool"
    DEEPGREEN = "deepgreen"
    HOT = "hot"
    HSV = "hsv"
    INFERNO = "inferno"
    JET = "jet"
    MAGMA = "magma"
    OCEAN = "ocean"
    PARULA = "parula"
    PINK = "pink"
    PLASMA = "plasma"
    RAINBOW = "rainbow"
    SPRING = "spring"
    SUMMER = "summer"
    TURBO = "turbo"
    TWILIGHT = "twilight"
    TWILIGHT_SHIFTED = "twilight-shifted"
    VIRIDIS = "viridis"
    WINTER = "winter"


@operation("grayscale", sees_grey=True)
def grayscale(image: Pixels) -> Pixels:
    """Takes the colour out of an image (BT.601).

    Returns:
        Grey; BGRA with three equal channels for BGRA.
    """
    return with_alpha_of(image, grey_of(image)) if image.ndim == 3 else image.copy()


def _check_white_balance(*, method: WhiteBalance, percentile: float | None) -> None:
    if percentile is not None and method is not WhiteBalance.WHITE_PATCH:
        raise ValueError(f"percentile={percentile:g} needs method=white-patch, and this is method={method}")


@operation("white-balance", _check_white_balance, example="method=grey-world")
def white_balance(
    image: Pixels,
    *,
    method: Annotated[WhiteBalance, Declared("what is taken for neutral")] = WhiteBalance.GREY_WORLD,
    percentile: Annotated[
        float | None, Declared("of each channel, together white (white-patch; else 99)", "%", 50, 100)
    ] = None,
) -> Pixels:
    """Takes the colour of the light out of an image.

    Each channel is multiplied so that all have the same mean, which is kept (grey-world), or the same
    percentile, the largest of the three, so that what was clipped to white stays white (white-patch).
    Pixels that are fully transparent do not count; a grey image stays as it is.
    """
    if image.ndim == 2:
        return image.copy()
    if method is WhiteBalance.GREY_WORLD:
        levels = list(cv2.mean(image, visible(image))[:3])
        target = sum(levels) / 3
    else:
        percent = _DEFAULT_PERCENTILE if percentile is None else percentile
        levels = [value_at(counts, percent) for counts in histograms(image)]
        target = max(levels)
    gains = [target / level if level > 0 else 1 for level in levels]
    return look_up(image, *(curve(image, partial(operator.mul, gain)) for gain in gains))


@operation("colormap", example="palette=viridis", sees_grey=True)
def colormap(
    image: Pixels,
    *,
    palette: Annotated[Palette, Declared("the colours, from dark to light")] = Palette.VIRIDIS,
) -> Pixels:
    """Shows brightness (BT.601) as colours.

    Returns:
        BGR, or BGRA for BGRA; of 16 bits with colours between those of the map.
    """
    full = full_value(image)
    code = getattr(cv2, f"COLORMAP_{palette.name}")
    colours = cv2.applyColorMap(np.arange(256, dtype=np.uint8), code).reshape(256, 3)
    values, steps = np.arange(full + 1), np.linspace(0, full, 256)
    tables = [np.rint(np.interp(values, steps, part * (full // 255.0))) for part in colours.T]
    grey = grey_of(image)
    # A third of the time of one table of three channels on grey made BGR. applyColorMap takes two thirds of
    # this, but 8 bits only.
    return with_alpha_of(image, cv2.merge([cv2.LUT(grey, table.astype(image.dtype)) for table in tables]))


@operation("sepia")
def sepia(
    image: Pixels,
    *,
    strength: Annotated[float, Declared("0: the colours as they are, 100: sepia alone", "%", 0, 100)] = 100,
) -> Pixels:
    """Tones an image brown like an old photograph (the matrix of W3C Filter Effects).

    Returns:
        BGR, or BGRA for BGRA.
    """
    share = strength / 100
    matrix = share * _SEPIA + (1 - share) * np.eye(3)
    colour = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image
    return on_colour(colour, lambda visible_part: cv2.transform(visible_part, matrix))
