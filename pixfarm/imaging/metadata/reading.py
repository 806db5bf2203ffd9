"""Reading the metadata of a source."""

from collections.abc import Callable, Mapping

from pixfarm.imaging.formats import ExaminedImage, Format
from pixfarm.imaging.metadata.bundle import Metadata
from pixfarm.imaging.metadata.jpeg import read_jpeg
from pixfarm.imaging.metadata.png import read_png
from pixfarm.imaging.metadata.tiff import read_tiff
from pixfarm.imaging.metadata.webp import read_webp

_READERS: Mapping[Format, Callable[[bytes], Metadata]] = {
    Format.JPEG: read_jpeg,
    Format.PNG: read_png,
    Format.TIFF: read_tiff,
    Format.WEBP: read_webp,
}


def read_metadata(source: ExaminedImage) -> Metadata:
    """What the source says besides its pixels, as it is stored.

    A broken note about an image is no broken image: what cannot be read is left out, and nothing is raised.
    """
    reader = _READERS.get(source.format)
    return reader(source.content) if reader else Metadata()
