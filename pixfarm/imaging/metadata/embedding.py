"""Embedding metadata in the file of a result."""

from collections.abc import Callable, Mapping

from pixfarm.imaging.formats import Format
from pixfarm.imaging.metadata.avif import embed_avif
from pixfarm.imaging.metadata.bundle import Metadata
from pixfarm.imaging.metadata.jpeg import embed_jpeg
from pixfarm.imaging.metadata.png import embed_png
from pixfarm.imaging.metadata.tiff import embed_tiff
from pixfarm.imaging.metadata.webp import embed_webp

_EMBEDDERS: Mapping[Format, Callable[[bytes, Metadata], bytes]] = {
    Format.JPEG: embed_jpeg,
    Format.PNG: embed_png,
    Format.TIFF: embed_tiff,
    Format.WEBP: embed_webp,
    Format.AVIF: embed_avif,
}


def embed(content: bytes, image_format: Format, metadata: Metadata) -> bytes:
    """The same image file with that metadata, as far as the format has a place for it.

    OpenCV's own calls are not used: its version 5.0 writes XMP into JPEGs without the name that tells readers
    what it is, and nothing at all into TIFFs.

    Args:
        content: as OpenCV encoded it.
        image_format: of the content.
        metadata: fit for this image; see ``Metadata.for_result()``.
    """
    embedder = _EMBEDDERS.get(image_format)
    wanted = metadata or image_format is Format.TIFF  # which has to say what its fourth channel is
    return embedder(content, metadata) if embedder and wanted else content
