"""The operation `morphology`: light and dark shapes grown, shrunk, filled, or picked out."""

from enum import StrEnum
from typing import Annotated

import cv2

from pixfarm.imaging.operations.channels import on_visible, with_alpha_of, without_alpha
from pixfarm.imaging.operations.declaration import Declared, operation
from pixfarm.imaging.pixels import Pixels


class Kind(StrEnum):
    """What is done to shapes; "light" and "dark" are so in comparison with what is around them."""

    ERODE = "erode"
    DILATE = "dilate"
    OPEN = "open"
    CLOSE = "close"
    GRADIENT = "gradient"
    TOPHAT = "tophat"
    BLACKHAT = "blackhat"


class Shape(StrEnum):
    """The form of the window, which is the structuring element."""

    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    CROSS = "cross"


_MORPHS = {
    Kind.ERODE: cv2.MORPH_ERODE,
    Kind.DILATE: cv2.MORPH_DILATE,
    Kind.OPEN: cv2.MORPH_OPEN,
    Kind.CLOSE: cv2.MORPH_CLOSE,
}
_SHAPES = {
    Shape.RECTANGLE: cv2.MORPH_RECT,
    Shape.ELLIPSE: cv2.MORPH_ELLIPSE,
    Shape.CROSS: cv2.MORPH_CROSS,
}


@operation("morphology", example="kind=dilate, size=5")
def morphology(
    image: Pixels,
    *,
    kind: Annotated[Kind, Declared("what is done")],
    size: Annotated[int, Declared("width of the window", "px", 3, 51, odd=True)] = 3,
    shape: Annotated[Shape, Declared("form of the window")] = Shape.RECTANGLE,
    iterations: Annotated[int, Declared("how often", "", 1, 20)] = 1,
) -> Pixels:
    """Shrinks, grows, clears or picks out light shapes, in each channel; beyond the edges there is nothing.

    Opacity shrinks and grows with the colour. Results of gradient, tophat and blackhat are differences of
    the others' colours, and have the opacity that the image had.
    """
    element = cv2.getStructuringElement(_SHAPES[shape], (size, size))

    def done(what: Kind) -> Pixels:
        morph = _MORPHS[what]
        return on_visible(image, lambda part: cv2.morphologyEx(part, morph, element, iterations=iterations))

    match kind:
        case Kind.GRADIENT:
            more, less = done(Kind.DILATE), done(Kind.ERODE)
        case Kind.TOPHAT:
            more, less = image, done(Kind.OPEN)
        case Kind.BLACKHAT:
            more, less = done(Kind.CLOSE), image
        case _:
            return done(kind)
    return with_alpha_of(image, cv2.subtract(without_alpha(more), without_alpha(less)))
