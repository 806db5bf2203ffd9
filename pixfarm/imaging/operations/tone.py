"""Operations on tone: how light or dark the values of an image are.

All of them leave opacity as it is, and what they measure they measure on the pixels that are not fully
transparent. Equalizing a colour image changes its luma (BT.601) and keeps the differences between its
channels, as YCrCb with another Y: exact in integers of 8 and 16 bits, and grey has the same result as its
BGR twin. OpenCV's Lab has no 16 bits, and in 8 an unchanged image comes back up to 26 levels off.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt

from pixfarm.imaging.operations.channels import grey_of
from pixfarm.imaging.operations.declaration import Declared, operation
from pixfarm.imaging.pixels import Pixels, full_value

_Numbers = npt.NDArray[Any]
_BINS = 256  # of a tile's histogram, also of 16 bits: a tile has too few pixels for more


@operation("gamma", example="gamma=2.2")
def gamma(
    image: Pixels,
    *,
    gamma: Annotated[float, Declared("exponent 1 / gamma: above 1 lightens, below 1 darkens", "", 0.1, 10)],
) -> Pixels:
    """Lightens or darkens the middle tones; black and white stay."""
    return look_up(image, curve(image, lambda tone: tone ** (1 / gamma)))


@operation("brightness-contrast", example="brightness=10, contrast=30")
def brightness_contrast(
    image: Pixels,
    *,
    brightness: Annotated[float, Declared("added to every value, as a share of white", "%", -100, 100)] = 0,
    contrast: Annotated[float, Declared("-100: all grey, 100: black and white only", "%", -100, 100)] = 0,
) -> Pixels:
    """Makes an image brighter or darker, and its contrast stronger or weaker.

    Contrast turns the line of tones about middle grey: its slope is tan(45 degrees * (1 + contrast / 100)).
    """
    slope = math.tan(math.pi / 4 * (1 + contrast / 100))
    return look_up(image, curve(image, lambda tone: (tone - 0.5) * slope + 0.5 + brightness / 100))


@operation("invert")
def invert(image: Pixels) -> Pixels:
    """Turns an image into its negative."""
    result = cv2.bitwise_not(image)
    if image.ndim == 3 and image.shape[2] == 4:
        # bitwise_xor with a scalar is as fast, and takes an image of 1 x 1 for a scalar too.
        cv2.mixChannels([image], [result], [3, 3])
    return result


def _check_normalize(*, low: float, high: float, **_others: object) -> None:
    if low >= high:
        raise ValueError(f"low={low:g} must be less than high={high:g}; write for example low=0.1, high=99.9")


@operation("normalize", _check_normalize, example="low=1, high=99")
def normalize(
    image: Pixels,
    *,
    low: Annotated[float, Declared("percentile that becomes black", "%", 0, 100)] = 0.1,
    high: Annotated[float, Declared("percentile that becomes white", "%", 0, 100)] = 99.9,
    by_channel: Annotated[bool, Declared("stretch each channel by itself, which changes colours")] = False,
) -> Pixels:
    """Stretches the tones of an image from black to white."""
    counts = histograms(image)
    if not by_channel:
        counts = [np.sum(counts, axis=0)]
    return look_up(image, *(_stretching(image, value_at(part, low), value_at(part, high)) for part in counts))


@operation("equalize")
def equalize(image: Pixels) -> Pixels:
    """Spreads the tones of an image evenly from black to white."""
    seen = visible(image)
    return _on_luma(image, lambda luma: look_up(luma, _equalizing(luma, seen)))


@operation("clahe", example="clip_limit=4")
def clahe(
    image: Pixels,
    *,
    clip_limit: Annotated[float, Declared("most pixels a tone may have, times the mean", "", 1, 100)] = 2,
    tiles: Annotated[int, Declared("number of tiles in each direction", "", 1, 64)] = 8,
) -> Pixels:
    """Raises local contrast: tones are spread evenly in each tile, within a limit (CLAHE, Zuiderveld 1994).

    OpenCV's own counts 65536 tones in 16 bits and whole pixels at the limit, which leaves the contrast of
    16 bit images and of small tiles unlimited.
    """
    seen = visible(image)
    return _on_luma(image, lambda luma: _equalize_tiles(luma, seen, clip_limit, tiles))


def look_up(image: Pixels, *tables: Pixels) -> Pixels:
    """The image with each value replaced by that of a table, and its opacity as it was.

    Args:
        image: grey, BGR or BGRA.
        tables: one for all, or one each for B, G and R; an entry for each value of the type.
    """
    if image.ndim == 3 and image.shape[2] == 4:
        each = tables if len(tables) == 3 else tables * 3
        tables = (*each, np.arange(full_value(image) + 1, dtype=image.dtype))
    return cv2.LUT(image, np.stack(tables, axis=-1)[:, np.newaxis])


def curve(image: Pixels, change: Callable[[_Numbers], _Numbers]) -> Pixels:
    """A table for a change of tones from 0 to 1."""
    full = full_value(image)
    values: Pixels = np.rint(np.clip(change(np.arange(full + 1) / full), 0, 1) * full)
    return values.astype(image.dtype)


def visible(image: Pixels) -> Pixels | None:
    """Not 0 where an image is not fully transparent, height x width, uint8; None if it has no alpha."""
    if image.ndim == 2 or image.shape[2] == 3:
        return None
    return (cv2.extractChannel(image, 3) > 0).view(np.uint8)


def histograms(image: Pixels) -> list[_Numbers]:
    """How many visible pixels have each value, for each channel but alpha."""
    seen = visible(image)
    channels = 1 if image.ndim == 2 else 3
    return [_histogram(image, channel, seen, full_value(image) + 1) for channel in range(channels)]


def value_at(counts: _Numbers, percent: float) -> int:
    """The smallest value that at least this share of what was counted does not exceed."""
    cumulated = np.cumsum(counts)
    return int(np.searchsorted(cumulated, max(percent * cumulated[-1] / 100, 1)))


def _histogram(image: Pixels, channel: int, seen: Pixels | None, bins: int) -> _Numbers:
    counts = cv2.calcHist([image], [channel], seen, [bins], [0, full_value(image) + 1])
    return counts.ravel().astype(np.float64)


def _stretching(image: Pixels, darkest: int, brightest: int) -> Pixels:
    if darkest >= brightest:
        return curve(image, lambda tone: tone)
    full = full_value(image)
    return curve(image, lambda tone: (tone * full - darkest) / (brightest - darkest))


def _equalizing(luma: Pixels, seen: Pixels | None) -> Pixels:
    """A table after which equal parts of the range hold equally many pixels, with the darkest at black."""
    cumulated = np.cumsum(_histogram(luma, 0, seen, full_value(luma) + 1))
    darkest = cumulated[cumulated > 0][:1].sum()  # none when nothing can be seen
    if darkest == cumulated[-1]:
        return curve(luma, lambda tone: tone)
    return curve(luma, lambda _tone: (cumulated - darkest) / (cumulated[-1] - darkest))


def _on_luma(image: Pixels, change: Callable[[Pixels], Pixels]) -> Pixels:
    """The image after a change of its luma is added to all of its colour channels."""
    luma = grey_of(image)
    changed = change(luma)
    if image.ndim == 2:
        return changed
    # Both saturate, so that one of the two is 0 at each pixel, and no type with a sign is needed.
    more, less = cv2.subtract(changed, luma), cv2.subtract(luma, changed)
    alpha = [np.zeros_like(luma)] * (image.shape[2] - 3)
    result = cv2.add(image, cv2.merge([more, more, more, *alpha]))
    return cv2.subtract(result, cv2.merge([less, less, less, *alpha]), result)


def _equalize_tiles(luma: Pixels, seen: Pixels | None, clip_limit: float, tiles: int) -> Pixels:
    bounds = [np.linspace(0, length, min(tiles, length) + 1).round().astype(int) for length in luma.shape]
    tables = np.empty((len(bounds[0]) - 1, len(bounds[1]) - 1, _BINS), np.float32)
    for row, (top, bottom) in enumerate(pairwise(bounds[0])):
        for column, (left, right) in enumerate(pairwise(bounds[1])):
            tile = (slice(top, bottom), slice(left, right))
            counts = _histogram(luma[tile], 0, None if seen is None else seen[tile], _BINS)
            tables[row, column] = _clipped_cumulated(counts, clip_limit)
    tables *= full_value(luma)
    if luma.dtype == np.uint8:
        result = _between_tiles(luma, tables, bounds)
    else:
        values = np.arange(65536)
        lower = cv2.LUT(luma, (values // 257).astype(np.uint8))
        above = cv2.LUT(luma, (values % 257 / 257).astype(np.float32))
        result = _between_tiles(lower, tables, bounds)
        # 255 goes round to 0, which counts for nothing: no value is above 255 * 257.
        result += (_between_tiles(lower + 1, tables, bounds) - result) * above
    rounded: Pixels = np.rint(result, out=result)
    return rounded.astype(luma.dtype)


def _clipped_cumulated(counts: _Numbers, clip_limit: float) -> _Numbers:
    """What share of a tile's pixels has at most each value, after what is over the limit went to all."""
    total = counts.sum()
    if total == 0:
        return np.linspace(0, 1, _BINS)
    clipped = np.minimum(counts, clip_limit * total / _BINS)
    shares: _Numbers = np.cumsum(clipped + (total - clipped.sum()) / _BINS) / total
    return shares


def _between_tiles(index: Pixels, tables: _Numbers, bounds: list[_Numbers]) -> _Numbers:
    """Each value looked up in the tables of the four tiles whose centres are around it, and interpolated."""
    result = np.empty(index.shape, np.float32)
    cells_down, cells_across = (_cells(edges) for edges in bounds)
    for (above, below), rows, down in cells_down:
        for (left, right), columns, across in cells_across:
            block = index[rows, columns]
            corners: list[_Numbers] = [
                cv2.LUT(block, tables[row, column]) for row in (above, below) for column in (left, right)
            ]
            a, b, c, d = corners
            a += (b - a) * across
            c += (d - c) * across
            c -= a
            c *= down[:, np.newaxis]
            np.add(a, c, out=result[rows, columns])
    return result


def _cells(edges: _Numbers) -> list[tuple[tuple[int, int], slice, _Numbers]]:
    """From centre to centre of neighbouring tiles: the two tiles, the pixels, the weights of the second."""
    centres = (edges[:-1] + edges[1:]) / 2
    starts = [0, *np.ceil(centres - 0.5).astype(int), edges[-1]]
    cells = []
    for tile, (start, stop) in enumerate(pairwise(starts)):
        first, second = max(tile - 1, 0), min(tile, len(centres) - 1)
        distance = max(centres[second] - centres[first], 1)  # at the margins: of a tile to itself
        weights = np.clip((np.arange(start, stop) + 0.5 - centres[first]) / distance, 0, 1)
        if start < stop:
            cells.append(((first, second), slice(start, stop), weights.astype(np.float32)))
    return cells
