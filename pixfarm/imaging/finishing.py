"""Finishing: from the pixels of a result to the bytes of its file."""

from dataclasses import dataclass

from pixfarm.imaging.encoding import encode
from pixfarm.imaging.fitting import fit
from pixfarm.imaging.flags import flags_of
from pixfarm.imaging.formats import ExaminedImage, Format
from pixfarm.imaging.metadata import Metadata, embed, read_metadata
from pixfarm.imaging.pixels import Pixels
from pixfarm.imaging.verification import verify
from pixfarm.recipe import OutputFormat, Recipe

_FORMATS = {
    OutputFormat.JPG: Format.JPEG,
    OutputFormat.PNG: Format.PNG,
    OutputFormat.WEBP: Format.WEBP,
    OutputFormat.TIFF: Format.TIFF,
    OutputFormat.BMP: Format.BMP,
    OutputFormat.AVIF: Format.AVIF,
}


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
    """The file that a recipe makes of a result: with the source's metadata, and verified.

    Args:
        image: the result.
        source: what it was made of.
        recipe: how it was made; says format and quality, and whether metadata is kept.

    Raises:
        TaskFailed: the format cannot have this image, OpenCV refuses, or the file is not whole.
        cv2.error: there is not enough memory (code ``cv2.Error.StsNoMem``).
    """
    image_format = _FORMATS[recipe.format] if recipe.format else source.format
    fitting = fit(image, image_format)
    # Whoever asks for a format or a quality asks for a small file; who does not, for what the source was.
    lossless = source.lossless and recipe.format is None and recipe.quality is None
    content = encode(fitting, image_format, quality=recipe.quality, lossless=lossless)
    height_px, width_px = fitting.shape[:2]
    channels = 1 if fitting.ndim == 2 else fitting.shape[2]
    metadata = Metadata() if recipe.strip_metadata else read_metadata(source)
    content = embed(content, image_format, metadata.for_result(width_px, height_px, channels))
    verify(content, image_format, fitting)
    return Finished(content, width_px, height_px, flags_of(fitting) if recipe.check else ())
