"""What a file says about its image besides the pixels: EXIF, XMP and a colour profile.

A result gets what its source had, in three steps::

    metadata = read_metadata(source)                               # never raises, empty when there is none
    fit = metadata.for_result(width_px, height_px, channels)       # upright, its size, no thumbnail
    content = embed(content, image_format, fit)                    # the same file with it

``embed()`` takes any file that ``encode()`` makes, and leaves its pixels as they are; it returns ``content``
itself when there is nothing to add or the format (BMP) has no place for it.
"""

from pixfarm.imaging.metadata.bundle import Metadata
from pixfarm.imaging.metadata.embedding import embed
from pixfarm.imaging.metadata.reading import read_metadata

__all__ = ["Metadata", "embed", "read_metadata"]
