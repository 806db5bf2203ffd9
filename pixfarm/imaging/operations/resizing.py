"""The operations `resize` and `thumbnail`."""

from enum import StrEnum
from typing import Annotated

from pixfarm.imaging.operations.declaration import Declared, operation
from pixfarm.imaging.operations.sampling import Sampling, Span, sample
from pixfarm.imaging.pixels import Pixels

_MOST_PX = 65500  # the longest side that libjpeg writes


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


def _resizing(
    own: tuple[int, int],
    /,
    *,
    width: int | None,
    height: int | None,
    scale: float | None,
    fit: Fit,
    enlarge: bool,
) -> Sampling:
    """What `resize` does to an image of that width and height."""
    if scale is not None:
        return _whole(own, (_rounded(own[0] * scale), _rounded(own[1] * scale)))
    box = _box(own, width, height)
    if fit is Fit.EXACT or width is None or height is None:
        return _whole(own, box if enlarge else (min(own[0], box[0]), min(own[1], box[1])))
    if fit is Fit.COVER:
        return _covering(own, box, enlarge=enlarge)
    is_small = own[0] <= box[0] and own[1] <= box[1]
    return _whole(own, own if is_small and not enlarge else _fitted(own, box))


def _thumbnailing(own: tuple[int, int], /, *, size: int, square: bool) -> Sampling:
    """What `thumbnail` does to an image of that width and height."""
    if square:
        return _covering(own, (size, size), enlarge=False)
    return _whole(own, own if max(own) <= size else _fitted(own, (size, size)))


@operation("resize", _check_resize, example="width=160, fit=inside", sampling=_resizing)
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
    wanted = _resizing(own, width=width, height=height, scale=scale, fit=fit, enlarge=enlarge)
    return sample(image, wanted)


@operation("thumbnail", example="size=128", sampling=_thumbnailing)
def thumbnail(
    image: Pixels,
    *,
    size: Annotated[int, Declared("longest side", "px", 1, _MOST_PX)] = 256,
    square: Annotated[bool, Declared("cut the image to its middle square; else it stays whole")] = True,
) -> Pixels:
    """Makes a small square of the image's middle, or a small whole image; never enlarges."""
    own = (image.shape[1], image.shape[0])
    return sample(image, _thumbnailing(own, size=size, square=square))


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


def _whole(own: tuple[int, int], size: tuple[int, int]) -> Sampling:
    return Sampling(Span(0, own[0], size[0]), Span(0, own[1], size[1]))


def _covering(own: tuple[int, int], box: tuple[int, int], *, enlarge: bool) -> Sampling:
    if not enlarge and (box[0] > own[0] or box[1] > own[1]):
        box = _fitted(box, own)
    # Cut first, then sampled: the other way round, what is cut off would have to be sampled as well.
    width, height = _fitted(box, own)
    left, top = (own[0] - width) // 2, (own[1] - height) // 2
    return Sampling(Span(left, width, box[0]), Span(top, height, box[1]))
