"""The orientation in an EXIF block."""

from pixfarm.imaging.formats.directories import read_first_directory
from pixfarm.imaging.formats.examined import BROKEN_OFF

_ORIENTATION = 0x0112
_PREFIX = b"Exif\0\0"


def read_orientation(exif: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1, upright, if the block does not say or cannot be read.

    A broken note about an image is no broken image, so this raises nothing; OpenCV treats JPEGs the same way.
    """
    try:
        directory = read_first_directory(exif.removeprefix(_PREFIX))
    except BROKEN_OFF:
        return 1
    entry = directory.get(_ORIENTATION)
    return entry.values[0] if entry and entry.values[:1] and entry.values[0] in range(1, 9) else 1
