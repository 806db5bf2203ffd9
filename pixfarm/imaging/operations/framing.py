"""The operations that change an image's frame: `crop`, `pad`, `border`, `rotate`, `flip`."""

import math
from enum import StrEnum
from typing import Annotated

import cv2

from pixfarm.imaging.colours import Colour
from pixfarm.imaging.operations.channels import on_weighted
from pixfarm.imaging.operations.declaration import Declared, operation
from pixfarm.imaging.operations.placing import Gravity
from pixfarm.imaging.pixels import Pixels, full_value

_MOST_PX = 65500  # the longest side that libjpeg writes
_WHITE = Colour(255, 255, 255)
_PAPER = Colour(255, 255, 255, alpha=0)  # white, and nothing at all in images that have opacity
_QUARTER_TURNS = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}
_ROUNDING_ERROR_PX = 1e-6


class Direction(StrEnum):
    """What is exchanged: left and right, top and bottom, or both."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"
    BOTH = "both"


_FLIP_CODES = {Direction.HORIZONTAL: 1, Direction.VERTICAL: 0, Direction.BOTH: -1}


def _check_crop(
    *, x: int | None, y: int | None, width: int | None, height: int | None, gravity: Gravity
) -> None:
    if x is None and y is None:
        if width is None and height is None:
            raise ValueError("needs a box; write width and height, with x and y or a gravity")
    elif gravity is not Gravity.CENTRE:
        raise ValueError("takes x and y, or a gravity; write only one of them")


@operation("crop", _check_crop, example="width=160, height=160, gravity=north")
def crop(
    image: Pixels,
    *,
    x: Annotated[int | None, Declared("left edge of what is kept", "px", 0, _MOST_PX)] = None,
    y: Annotated[int | None, Declared("top edge of what is kept", "px", 0, _MOST_PX)] = None,
    width: Annotated[int | None, Declared("width of what is kept; else all", "px", 1, _MOST_PX)] = None,
    height: Annotated[int | None, Declared("height of what is kept; else all", "px", 1, _MOST_PX)] = None,
    gravity: Annotated[Gravity, Declared("which part is kept, without x and y")] = Gravity.CENTRE,
) -> Pixels:
    """Keeps a box of the image.

    Of a box that is partly outside of the image the part inside is kept, so that one box does for images of
    many sizes.

    Raises:
        ValueError: all of the box is outside of the image.
    """
    own_height, own_width = image.shape[:2]
    if x is None and y is None:
        width, height = min(width or own_width, own_width), min(height or own_height, own_height)
        x, y = gravity.place(own_width - width, own_height - height)
    x, y = x or 0, y or 0
    if x >= own_width or y >= own_height:
        raise ValueError(
            f"nothing to keep at x={x}, y={y} of an image of {own_width} x {own_height}; write smaller ones"
        )
    bottom, right = y + (height or own_height), x + (width or own_width)
    return image[y:bottom, x:right].copy()


def _check_pad(  # noqa: PLR0913 - as pad()
    *,
    width: int | None,
    height: int | None,
    gravity: Gravity,
    top: int,
    right: int,
    bottom: int,
    left: int,
    **_others: object,
) -> None:
    is_by_size = width is not None or height is not None
    is_by_sides = any((top, right, bottom, left))
    if is_by_size and is_by_sides:
        raise ValueError("takes width and height, or top, right, bottom, left; write only one of them")
    if not is_by_size and not is_by_sides:
        raise ValueError("needs a size or sides; write width and height, or top, right, bottom, left")
    if not is_by_size and gravity is not Gravity.CENTRE:
        raise ValueError("takes a gravity with width and height only; leave it out")


@operation("pad", _check_pad, example="width=400, height=400, colour=black")
def pad(  # noqa: PLR0913 - four sides, or two lengths and a place
    image: Pixels,
    *,
    width: Annotated[int | None, Declared("of the result; wider images stay so", "px", 1, _MOST_PX)] = None,
    height: Annotated[int | None, Declared("of the result; higher images stay so", "px", 1, _MOST_PX)] = None,
    gravity: Annotated[Gravity, Declared("where the image is in width and height")] = Gravity.CENTRE,
    top: Annotated[int, Declared("added above", "px", 0, _MOST_PX)] = 0,
    right: Annotated[int, Declared("added on the right", "px", 0, _MOST_PX)] = 0,
    bottom: Annotated[int, Declared("added below", "px", 0, _MOST_PX)] = 0,
    left: Annotated[int, Declared("added on the left", "px", 0, _MOST_PX)] = 0,
    colour: Annotated[Colour, Declared("of what is added; transparent needs an image with opacity")] = _PAPER,
) -> Pixels:
    """Adds an area of one colour around the image, up to a size or by so much on each side."""
    if width is None and height is None:
        return _framed(image, (top, bottom, left, right), colour)
    free_width = max((width or 0) - image.shape[1], 0)
    free_height = max((height or 0) - image.shape[0], 0)
    x, y = gravity.place(free_width, free_height)
    return _framed(image, (y, free_height - y, x, free_width - x), colour)


@operation("border", example="width=12, colour=#ff8800")
def border(
    image: Pixels,
    *,
    width: Annotated[int, Declared("on each side", "px", 1, _MOST_PX)] = 20,
    colour: Annotated[Colour, Declared("of the border")] = _WHITE,
) -> Pixels:
    """Puts a border around the image, which gets larger by it."""
    return _framed(image, (width, width, width, width), colour)


@operation("rotate", example="angle=15")
def rotate(
    image: Pixels,
    *,
    angle: Annotated[float, Declared("clockwise; negative the other way", "degrees", -360, 360)] = 90,
    expand: Annotated[bool, Declared("grow to hold all of it; else keep the size, cut corners")] = True,
    background: Annotated[Colour, Declared("of the corners that come free")] = _PAPER,
) -> Pixels:
    """Turns the image about its centre; by multiples of 90 degrees exactly, otherwise by cubic samples."""
    height, width = image.shape[:2]
    quarters, rest = divmod(angle % 360, 90)
    if rest:
        return _turned(image, angle, background, expand=expand)
    code = _QUARTER_TURNS.get(int(quarters) % 4)
    turned = image.copy() if code is None else cv2.rotate(image, code)
    if expand or turned.shape == image.shape:
        return turned
    return pad(crop(turned, width=width, height=height), width=width, height=height, colour=background)


@operation("flip", example="direction=horizontal")
def flip(
    image: Pixels,
    *,
    direction: Annotated[Direction, Declared("left to right, top to bottom, or both")] = Direction.HORIZONTAL,
) -> Pixels:
    """Mirrors the image."""
    return cv2.flip(image, _FLIP_CODES[direction])


def _framed(image: Pixels, sides: tuple[int, int, int, int], colour: Colour) -> Pixels:
    value = colour.pixel(image).ravel().tolist()
    return cv2.copyMakeBorder(image, *sides, borderType=cv2.BORDER_CONSTANT, value=value)


def _turned(image: Pixels, angle: float, background: Colour, *, expand: bool) -> Pixels:
    height, width = image.shape[:2]
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, -angle, 1)
    size = (width, height)
    if expand:
        cosine, sine = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
        size = (
            math.ceil(width * cosine + height * sine - _ROUNDING_ERROR_PX),
            math.ceil(width * sine + height * cosine - _ROUNDING_ERROR_PX),
        )
        matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    corners = background.pixel(image).ravel().astype(float)
    if corners.size == 4:  # colour times opacity, as on_weighted() has the image
        corners[:3] *= corners[3] / full_value(image)

    def turn(visible: Pixels) -> Pixels:
        value = corners.tolist()
        return cv2.warpAffine(visible, matrix, size, flags=cv2.INTER_CUBIC, borderValue=value)

    return on_weighted(image, turn)
