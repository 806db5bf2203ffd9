"""What operations share: colour apart from opacity, and grey of any image."""

from collections.abc import Callable

import cv2
import numpy as np

from pixfarm.imaging.pixels import Pixels, full_value


def without_alpha(image: Pixels) -> Pixels:
    """Grey or BGR; of a BGRA image the colour alone."""
    return np.ascontiguousarray(image[..., :3]) if image.ndim == 3 else image


def with_alpha_of(image: Pixels, colour: Pixels) -> Pixels:
    """A grey or BGR result with the opacity of the image it was made of, where that has one."""
    if image.ndim == 2 or image.shape[2] == 3:
        return colour
    if colour.ndim == 2:
        colour = cv2.cvtColor(colour, cv2.COLOR_GRAY2BGR)
    return cv2.merge([*cv2.split(colour), image[..., 3]])


def on_colour(image: Pixels, change: Callable[[Pixels], Pixels]) -> Pixels:
    """The image with its grey or colour changed and its opacity as it was."""
    return with_alpha_of(image, change(without_alpha(image)))


def on_visible(image: Pixels, spread: Callable[[Pixels], Pixels]) -> Pixels:
    """The image after an operation that mixes neighbouring pixels, done to colour times opacity.

    Otherwise the colour of pixels that nobody can see would show at the edge of those that are seen.
    """
    if image.ndim == 2 or image.shape[2] == 3:
        return spread(image)
    most = full_value(image)
    opacity = image[..., 3:].astype(np.float32) / most
    weighted = spread(np.dstack([image[..., :3] * opacity, opacity * most]).astype(np.float32))
    alpha = np.clip(weighted[..., 3:], 0, most)
    colour = np.divide(weighted[..., :3] * most, alpha, out=np.zeros_like(weighted[..., :3]), where=alpha > 0)
    result: Pixels = np.rint(np.clip(np.dstack([colour, alpha]), 0, most)).astype(image.dtype)
    return result


def grey_of(image: Pixels) -> Pixels:
    """Height x width, by BT.601; the type of the image."""
    if image.ndim == 2:
        return image
    return cv2.cvtColor(image, cv2.COLOR_BGRA2GRAY if image.shape[2] == 4 else cv2.COLOR_BGR2GRAY)
