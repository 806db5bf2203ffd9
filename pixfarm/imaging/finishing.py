"""Finishing: from the pixels of a result to the bytes of its file."""

from dataclasses import dataclass

from pixfarm.imaging.encoding import encode
from pixfarm.imaging.formats import ExaminedImage
from pixfarm.imaging.pixels import Pixels
from pixfarm.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Finished:
    """The file of a result; sizes in pixels.

    Args:
        content: the file.
        width_px: of the image in it.
        height_px: of the image in it.
        flags: likely mishaps, if the recipe asks to look for them.
    """

    content: bytes
    width_px: int
    height_px: int
    flags: tuple[str, ...] = ()


def finish(image: Pixels, source: ExaminedImage, recipe: Recipe) -> Finished:
    """The file that a recipe makes of a result.

    Args:
        image: the result.
        source: what it was made of.
        recipe: how it was made; says format and quality.

    Raises:
        TaskFailed: OpenCV refuses.
        cv2.error: there is not enough memory (code ``cv2.Error.StsNoMem``).
    """
    height_px, width_px = image.shape[:2]
    content = encode(image, source.format, lossless=source.lossless and recipe.quality is None)
    return Finished(content, width_px, height_px)
