"""What operations share: colour apart from opacity, and grey of any image."""

from collections.abc import Callable

import cv2
import numpy as np

from pixfarm.imaging.pixels import Pixels, full_value


def is_opaque(image: Pixels) -> bool:
    """Whether every pixel is seen in full."""
    return image.ndim == 2 or image.shape[2] == 3 or bool(image[..., 3].min() == full_value(image))


def without_alpha(image: Pixels) -> Pixels:
    """Grey or BGR; of a BGRA image the colour alone."""
    if image.ndim == 2 or image.shape[2] == 3:
        return image
    return cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)


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
    return spread(image) if is_opaque(image) else on_weighted(image, spread)


def on_weighted(image: Pixels, spread: Callable[[Pixels], Pixels]) -> Pixels:
    """As ``on_visible()``, for an operation that may make an opaque image transparent in places."""
    if image.ndim == 2 or image.shape[2] == 3:
        return spread(image)
    most = full_value(image)
    opacity = image[..., 3:].astype(np.float32) / most
    weighted = spread(np.dstack([image[..., :3] * opacity, opacity * most]).astype(np.float32))
    # Not cut to full before: filters that ring make opacity more than full, and colour times it as well.
    alpha = weighted[..., 3:]
    colour = np.divide(weighted[..., :3] * most, alpha, out=np.zeros_like(weighted[..., :3]), where=alpha > 0)
    result: Pixels = np.rint(np.clip(np.dstack([colour, alpha]), 0, most)).astype(image.dtype)
    return result


def grey_of(image: Pixels) -> Pixels:
    """Height x width, by BT.601; the type of the image."""
    if image.ndim == 2:
        return image
    return cv2.cvtColor(image, cv2.COLOR_BGRA2GRAY if image.shape[2] == 4 else cv2.COLOR_BGR2GRAY)
