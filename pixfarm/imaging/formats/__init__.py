"""What the bytes of a source say about it, before OpenCV decodes them.

OpenCV decodes a good deal of what it cannot keep, without a word: the first page of many, colours without
their alpha, 16 bit planes in the wrong order. Such sources are found here, and refused or handed on with
what mends them.
"""

from pixfarm.imaging.formats.bmp import examine_bmp
from pixfarm.imaging.formats.examined import BROKEN_OFF, ExaminedImage, damaged
from pixfarm.imaging.formats.jpeg import examine_jpeg
from pixfarm.imaging.formats.png import examine_png
from pixfarm.imaging.formats.signatures import SOURCE_FORMATS, Format, sniff_format
from pixfarm.imaging.formats.tiff import examine_tiff
from pixfarm.imaging.formats.webp import examine_webp

__all__ = ["SOURCE_FORMATS", "ExaminedImage", "Format", "damaged", "examine"]

_EXAMINERS = {
    Format.JPEG: examine_jpeg,
    Format.PNG: examine_png,
    Format.BMP: examine_bmp,
    Format.TIFF: examine_tiff,
    Format.WEBP: examine_webp,
}


def examine(content: bytes) -> ExaminedImage:
    """The image in the bytes of a file, whatever the file is called.

    Raises:
        TaskFailed: UNSUPPORTED for another kind of file, or one that OpenCV would not keep whole;
            UNREADABLE for what is no image or breaks off in its headers.
    """
    found = sniff_format(content)
    try:
        return _EXAMINERS[found](content)
    except BROKEN_OFF as error:
        raise damaged(found) from error
