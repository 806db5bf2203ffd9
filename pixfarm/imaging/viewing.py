"""Looking at image files, for people: how large the image in one is, and small pictures of it."""

from dataclasses import dataclass
from pathlib import Path

import cv2

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.decoding import decode
from pixfarm.imaging.encoding import encode
from pixfarm.imaging.fitting import fit
from pixfarm.imaging.formats import ExaminedImage, Format, examine
from pixfarm.imaging.formats.avif import examine_avif
from pixfarm.imaging.operations.resizing import thumbnail
from pixfarm.imaging.source import read_source

_MAX_BYTES = 256 * 1024 * 1024
_QUALITY = 85
_AVIF = b"ftypavif"


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture, as JPEG, or PNG where it is transparent; width and height are of the whole image."""

    content: bytes
    width_px: int
    height_px: int


def size_px(path: Path) -> tuple[int, int]:
    """Width and height of the upright image in a source; its pixels are not decoded.

    Raises:
        TaskFailed: it cannot be read, or is not an image that can be processed.
    """
    return examine(read_source(path, _MAX_BYTES).content).upright_size


def small_picture(path: Path, longest_px: int) -> Picture:
    """A picture of a source, or of a result, whose longer side is as long or shorter.

    Raises:
        TaskFailed: it cannot be read, or is not an image that can be processed.
    """
    try:
        image = decode(_examined(read_source(path, _MAX_BYTES).content))
        small = thumbnail(image, size=longest_px, square=False)
        is_transparent = small.ndim == 3 and small.shape[2] == 4
        picture_format = Format.PNG if is_transparent else Format.JPEG
        quality = None if is_transparent else _QUALITY
        content = encode(fit(small, picture_format), picture_format, quality=quality)
    except (cv2.error, MemoryError) as error:
        raise TaskFailed(FailureCode.NO_MEMORY, "not enough memory for this image here") from error
    height_px, width_px = image.shape[:2]
    return Picture(content, width_px, height_px)


def _examined(content: bytes) -> ExaminedImage:
    return examine_avif(content) if content[4:12] == _AVIF else examine(content)
