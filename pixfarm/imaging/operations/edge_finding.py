"""The operation `canny`: the edges of an image, as lines."""

from typing import Annotated

import cv2
import numpy as np

from pixfarm.imaging.operations.declaration import Declared, operation
from pixfarm.imaging.operations.thresholding import grey_on_white
from pixfarm.imaging.pixels import Pixels

# Of the kernel of 7 x 7, whose sums would not fit into 16 bits; OpenCV divides it so too.
_SCALE_OF_APERTURE = {3: 1, 5: 1, 7: 1 / 16}


def _check_canny(*, low: float, high: float, **_others: object) -> None:
    if low > high:
        raise ValueError(f"low={low:g} must not be above high={high:g}; write for example low=50, high=150")


@operation("canny", _check_canny, example="low=50, high=150", sees_grey=True)
def canny(
    image: Pixels,
    *,
    low: Annotated[float, Declared("gradient down to which an edge goes on", "", 0, 500_000)] = 50,
    high: Annotated[float, Declared("gradient from which an edge starts", "", 0, 500_000)] = 150,
    aperture: Annotated[int, Declared("size of the Sobel kernel", "px", 3, 7, odd=True)] = 3,
    l2_gradient: Annotated[bool, Declared("gradient by Pythagoras, not as a sum of two")] = False,
    blur: Annotated[float, Declared("standard deviation of a Gaussian blur before", "px", 0, 50)] = 1,
) -> Pixels:
    """Draws the edges of an image white on black (Canny 1986).

    Of brightness (BT.601), of an image with alpha as it looks on white. Gradients are in values of 8 bits
    also where an image has 16, as OpenCV's: the largest sums are 2040, 24480 and 326400 for aperture 3, 5
    and 7.

    Returns:
        Grey, of the type of the image.
    """
    grey = grey_on_white(image)
    if blur > 0:
        grey = cv2.GaussianBlur(grey, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
    if grey.dtype == np.uint8:
        return cv2.Canny(grey, low, high, apertureSize=aperture, L2gradient=l2_gradient)
    scale = _SCALE_OF_APERTURE[aperture]
    across, down = (
        cv2.Sobel(grey, cv2.CV_16S, *axis, ksize=aperture, scale=scale / 257, borderType=cv2.BORDER_REPLICATE)
        for axis in ((1, 0), (0, 1))
    )
    edges = cv2.Canny(across, down, low * scale, high * scale, L2gradient=l2_gradient)
    return cv2.LUT(edges, np.arange(0, 65536, 257, dtype=np.uint16))
