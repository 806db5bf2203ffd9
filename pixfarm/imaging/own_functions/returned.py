"""What a function of people's own has returned: an image, or what is wrong with it."""

import numpy as np

from pixfarm.imaging.pixels import Pixels

_CHANNELS = (3, 4)
_LAYOUT = "return height x width (grey), or that x 3 (BGR) or x 4 (BGRA)"
_EXAMPLES = {
    "b": "image.astype(np.uint8) * 255",
    "f": "np.clip(image, 0, 255).astype(np.uint8)",
}


class NoImage(Exception):
    """It cannot be written; the message says what it is and what to return."""


def as_image(returned: object) -> Pixels:
    """The image: contiguous, and grey without an axis for its one channel.

    Raises:
        NoImage: it is none that can be written.
    """
    if returned is None:
        raise NoImage("returned None; forgot `return`?")
    if not isinstance(returned, np.ndarray):
        raise NoImage(f"returned {_kind(returned)}; return the image as a numpy array")
    if returned.dtype not in (np.uint8, np.uint16):
        example = _EXAMPLES.get(returned.dtype.kind, "image.astype(np.uint8)")
        raise NoImage(f"returned {returned.dtype}; return uint8 or uint16, such as {example}")
    image = returned[:, :, 0] if returned.ndim == 3 and returned.shape[2] == 1 else returned
    size = " x ".join(map(str, returned.shape))
    if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in _CHANNELS)):
        raise NoImage(f"returned an array of {size or 'no axes'}; {_LAYOUT}")
    if not image.size:
        raise NoImage(f"returned an image of {size} pixels, which is empty; {_LAYOUT}")
    return np.require(np.asarray(image), requirements=["C", "W"])


def _kind(returned: object) -> str:
    kind = type(returned)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
