"""The type of a decoded image."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

# Height x width (grey), x 3 (BGR) or x 4 (BGRA); uint8 or uint16. The hint is as wide as OpenCV's own.
Pixels: TypeAlias = npt.NDArray[np.integer[Any] | np.floating[Any]]


def full_value(image: Pixels) -> int:
    """The value of white, and of full opacity, in an image of this type."""
    return 65535 if image.dtype == np.uint16 else 255
