"""The operations that draw upon an image: `watermark`, `overlay`."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.allocation import has_failed_allocation
from pixfarm.imaging.colours import Colour
from pixfarm.imaging.decoding import decode
from pixfarm.imaging.formats import examine
from pixfarm.imaging.operations.channels import grey_of, on_visible
from pixfarm.imaging.operations.declaration import Declared, operation
from pixfarm.imaging.operations.lettering import drawable, letters
from pixfarm.imaging.operations.placing import Gravity
from pixfarm.imaging.pixels import Pixels, full_value
from pixfarm.imaging.source import read_source

_WHITE = Colour(255, 255, 255)
_MOST_BYTES = 256 * 1024 * 1024
# What the person who wrote the pipeline can mend; the rest is trouble of the node, to be tried again.
_WRONG_FILES = frozenset(
    {
        FailureCode.NOT_FOUND,
        FailureCode.FORBIDDEN,
        FailureCode.BAD_NAME,
        FailureCode.UNREADABLE,
        FailureCode.UNSUPPORTED,
        FailureCode.TOO_LARGE,
    }
)
_TRIAL_FONT_PX = 100
_LEAST_FONT_PX = 32
_MOST_FONT_PX = 1000
_STRIP_ROWS = 64  # 16 bit images take 8 bytes for a value here: 24 megapixels at once would be a gigabyte


def _check_watermark(*, text: str, file: str, **_others: object) -> None:
    if bool(text) == bool(file):
        raise ValueError("draws a text or a file; write text=... or file=..., one of them")
    if text:
        drawable(text)
    else:
        _refuse_relative(file)


@operation("watermark", _check_watermark, example="text=pixfarm, opacity=60")
def watermark(  # noqa: PLR0913 - what is drawn, where, and how
    image: Pixels,
    *,
    text: Annotated[str, Declared("one line of it; or else a file")] = "",
    file: Annotated[str, Declared("absolute path of an image; or else a text")] = "",
    gravity: Annotated[Gravity, Declared("where it is")] = Gravity.SOUTHEAST,
    opacity: Annotated[int, Declared("how much it covers", "%", 0, 100)] = 50,
    size: Annotated[float, Declared("its width, of the image's", "%", 0.1, 100)] = 20.0,
    margin: Annotated[float, Declared("to the edge, of the shorter side", "%", 0, 45)] = 2.0,
    colour: Annotated[Colour, Declared("of the text")] = _WHITE,
) -> Pixels:
    """Draws a text or an image of proportional size upon the image, never larger than the margins allow.

    A mark in colour becomes grey on a grey image.
    """
    height, width = image.shape[:2]
    edge = round(min(height, width) * margin / 100)
    room = max(1, width - 2 * edge), max(1, height - 2 * edge)
    wanted = width * size / 100
    if text:
        mark = _text_mark(text, colour, wanted, room)
    else:
        mark = _read(file)
        mark = _resized(mark, _fitted(mark, wanted, room))
    x, y = gravity.place(room[0] - mark.shape[1], room[1] - mark.shape[0])
    # In an image of a few pixels the margin may leave no room, and the mark its one pixel.
    return _drawn(image, mark, min(x + edge, width - 1), min(y + edge, height - 1), opacity)


def _check_overlay(
    *, file: str, x: int | None, y: int | None, gravity: Gravity | None, **_others: object
) -> None:
    _refuse_relative(file)
    if gravity is not None and (x is not None or y is not None):
        raise ValueError("is placed by x and y or by gravity; write one of the two")


@operation("overlay", _check_overlay, example="file=/photos/logo.png, gravity=southeast")
def overlay(  # noqa: PLR0913 - as watermark()
    image: Pixels,
    *,
    file: Annotated[str, Declared("absolute path of the image that is drawn")],
    x: Annotated[int | None, Declared("its left edge, from the left", "px", -65500, 65500)] = None,
    y: Annotated[int | None, Declared("its top edge, from the top", "px", -65500, 65500)] = None,
    gravity: Annotated[Gravity | None, Declared("where it is; or else x and y; centre")] = None,
    opacity: Annotated[int, Declared("how much it covers", "%", 0, 100)] = 100,
    scale: Annotated[float, Declared("its size, of the file's", "%", 0.1, 1000)] = 100.0,
) -> Pixels:
    """Draws an image upon the image; what lies beyond the edges is cut off.

    A colour image becomes grey on a grey one.

    Raises:
        ValueError: all of it is outside of the image, or the file is of no use.
    """
    mark = _read(file)
    mark_height, mark_width = (max(1, round(side * scale / 100)) for side in mark.shape[:2])
    mark = _resized(mark, (mark_width, mark_height))
    height, width = image.shape[:2]
    if x is None and y is None:
        left, top = (gravity or Gravity.CENTRE).place(width - mark_width, height - mark_height)
    else:
        left, top = x or 0, y or 0
    if not (-mark_width < left < width and -mark_height < top < height):
        raise ValueError(
            f"{mark_width} x {mark_height} px at x={left}, y={top} lie outside of this image of "
            f"{width} x {height} px; write x and y within it, or gravity"
        )
    return _drawn(image, mark, left, top, opacity)


def _refuse_relative(file: str) -> None:
    if not Path(file).is_absolute():  # each node has a working directory of its own
        raise ValueError(f"{file!r} is no absolute path; write file=/..., as all nodes see it")


def _fitted(mark: Pixels, wanted_width: float, room: tuple[int, int]) -> tuple[int, int]:
    height, width = mark.shape[:2]
    factor = min(wanted_width / width, room[0] / width, room[1] / height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _resized(mark: Pixels, size: tuple[int, int]) -> Pixels:
    if size == (mark.shape[1], mark.shape[0]):
        return mark
    way = cv2.INTER_AREA if size[0] < mark.shape[1] or size[1] < mark.shape[0] else cv2.INTER_CUBIC
    return on_visible(mark, lambda part: cv2.resize(part, size, interpolation=way))


def _drawn(image: Pixels, mark: Pixels, left: int, top: int, opacity: int) -> Pixels:
    """A copy of the image with the mark over it, of which what is beyond the edges is cut off."""
    result = np.array(image, order="C")
    height, width = image.shape[:2]
    mark = mark[max(0, -top) : height - top, max(0, -left) : width - left]
    top, left = max(0, top), max(0, left)
    colour, cover = _like(mark, image)
    under = result.reshape(height, width, -1)[top : top + mark.shape[0], left : left + mark.shape[1]]
    for row in range(0, mark.shape[0], _STRIP_ROWS):
        rows = slice(row, row + _STRIP_ROWS)
        under[rows] = _blend(under[rows], colour[rows], cover[rows], opacity)
    return result


def _like(mark: Pixels, image: Pixels) -> tuple[Pixels, Pixels]:
    """Colour and opacity of a mark, each with a third axis, in the type of an image; grey if that is grey."""
    if mark.dtype == np.uint8 and image.dtype == np.uint16:
        mark = mark.astype(np.uint16) * 257
    elif mark.dtype == np.uint16 and image.dtype == np.uint8:
        mark = ((mark.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if mark.ndim == 3 and mark.shape[2] == 4:
        cover = mark[..., 3:]
    else:
        cover = np.full((*mark.shape[:2], 1), full_value(image), image.dtype)
    colour = grey_of(np.ascontiguousarray(mark)) if image.ndim == 2 else mark
    return (colour[..., None] if colour.ndim == 2 else colour[..., :3]), cover


def _blend(under: Pixels, colour: Pixels, cover: Pixels, opacity: int) -> Pixels:
    """Porter and Duff's "over" (1984), exact because in integers; rounded to the nearest, halves up."""
    full = full_value(under)
    whole = full * 100
    channels = under.shape[2]
    # 32 bits hold twice a value of 8 bits times ``whole``, but not times another opacity.
    weight = np.multiply(cover, opacity, dtype=np.uint64 if channels == 4 or full > 255 else np.uint32)
    rest = whole - weight
    if channels != 4:
        return _divided(colour * weight + under * rest, whole).astype(under.dtype)
    weight, rest = weight * full, rest * under[..., 3:]
    total = weight + rest
    mixed = _divided(colour * weight + under[..., :3] * rest, np.maximum(total, 1))
    # Where nothing can be seen, before or after, the colour stays.
    parts = [np.where(total > 0, mixed, under[..., :3]), _divided(total, whole)]
    return np.concatenate(parts, axis=-1).astype(under.dtype)


def _divided(number: Pixels, by: Pixels | int) -> Pixels:
    return (number * 2 + by) // (by * 2)


def _text_mark(text: str, colour: Colour, wanted_width: float, room: tuple[int, int]) -> Pixels:
    """BGRA: the text in its colour, as wide as wanted, or as fits into the room."""
    text = drawable(text)
    trial = letters(text, _TRIAL_FONT_PX)
    size = _fitted(trial, wanted_width, room)
    # Drawn twice as large and reduced: that gives the exact size, and letters of a pixel if need be.
    font_px = math.ceil(2 * _TRIAL_FONT_PX * size[0] / trial.shape[1])
    cover = _resized(letters(text, min(max(font_px, _LEAST_FONT_PX), _MOST_FONT_PX)), size)
    mark = cv2.repeat(colour.pixel(np.empty((1, 1, 4), np.uint8)), size[1], size[0])
    mark[..., 3] = np.rint(cover * (colour.alpha / 255))
    return mark


def _read(file: str) -> Pixels:
    """The image of a file, which is read again when it has changed; not to be written to.

    Raises:
        ValueError: it is missing, broken, or of no use; the message names it.
        TaskFailed: this node cannot read it now.
    """
    version: tuple[int, ...] = ()
    try:
        status = Path(file).stat()
        version = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    except (OSError, ValueError):  # reading it tells what is wrong
        pass
    try:
        return _read_version(file, version)
    except TaskFailed as error:
        if error.code is FailureCode.UNREADABLE and has_failed_allocation():
            raise MemoryError from error  # libraries call it broken when they get no memory
        if error.code in _WRONG_FILES:
            raise ValueError(f"{file} {error.message}") from error
        raise TaskFailed(error.code, f"{Path(file).name}, which is drawn, {error.message}") from error


@lru_cache(maxsize=4)
def _read_version(file: str, version: tuple[int, ...]) -> Pixels:  # noqa: ARG001 - part of the cache's key
    mark = decode(examine(read_source(Path(file), _MOST_BYTES).content))
    mark.flags.writeable = False
    return mark
