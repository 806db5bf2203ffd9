"""The operation `pixelate`."""

import itertools
from typing import Annotated, NamedTuple

import cv2
import numpy as np

from pixfarm.imaging.operations.channels import on_visible
from pixfarm.imaging.operations.declaration import Declared, operation
from pixfarm.imaging.pixels import Pixels


class _Run(NamedTuple):
    pixels: slice
    blocks: slice


@operation("pixelate", example="size=12")
def pixelate(
    image: Pixels, *, size: Annotated[int, Declared("side of a block", "px", 1, 1000)] = 16
) -> Pixels:
    """Makes blocks of one colour each, the mean of what they cover; those at right and bottom may be cut."""
    return on_visible(image, lambda visible: _blocks(visible, size))


def _blocks(image: Pixels, size: int) -> Pixels:
    height, width = image.shape[:2]
    # A block no larger than the image: larger ones have the same result and cost their full size.
    block_height, block_width = min(size, height), min(size, width)
    rows, columns = -(-height // block_height), -(-width // block_width)
    means = np.empty((rows, columns, *image.shape[2:]), image.dtype)
    # INTER_AREA takes the means of blocks of one size, so those that are cut are done apart.
    for y, x in itertools.product(_runs(height, block_height), _runs(width, block_width)):
        count = (x.blocks.stop - x.blocks.start, y.blocks.stop - y.blocks.start)
        means[y.blocks, x.blocks] = cv2.resize(image[y.pixels, x.pixels], count, interpolation=cv2.INTER_AREA)
    whole = cv2.resize(means, (columns * block_width, rows * block_height), interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(whole[:height, :width])


def _runs(length: int, block: int) -> list[_Run]:
    """The blocks along an axis: those of full length and, where one is cut, that one."""
    full = length // block
    runs = [_Run(slice(0, full * block), slice(0, full))]
    if length % block:
        runs.append(_Run(slice(full * block, length), slice(full, full + 1)))
    return runs
