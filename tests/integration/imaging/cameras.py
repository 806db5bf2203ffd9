"""Photographs as cameras wrote them, and what Pillow, which is not under test, says of such files."""

import io
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from pixfarm.imaging.encoding import encode
from pixfarm.imaging.formats import Format, examine
from pixfarm.imaging.metadata import Metadata, read_metadata
from tests.integration.imaging.image_files import ORIENTATION_TAG, picture, slope, to_bgr

_FOLDER = Path(__file__).parents[2] / "data" / "cameras"
CASIO = (_FOLDER / "casio-ex100.jpg").read_bytes()  # big-endian, with a thumbnail
PANASONIC = (_FOLDER / "panasonic-l10.jpg").read_bytes()  # little-endian, with a thumbnail
FINEPIX = (_FOLDER / "finepix-2400.jpg").read_bytes()  # with XMP and a colour profile
GOPRO = (_FOLDER / "gopro-hero6.jpg").read_bytes()  # big-endian, with GPS

MAKER_NOTE = 0x927C
WIDTH_TAG, HEIGHT_TAG = 0xA002, 0xA003
_LINKS = {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop}
WIDTH, HEIGHT = 40, 24  # of the results

PACKET = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a:b xmlns:a="urn:a">caf\xc3\xa9</a:b></x:xmpmeta>'


def profile(space: bytes, size: int = 600) -> bytes:
    """As much of a colour profile as readers look at."""
    head = size.to_bytes(4) + b"test" + b"\x04\0\0\0mntr" + space + b"XYZ " + bytes(12) + b"acsp"
    return (head + bytes(range(256)) * (size // 256 + 1))[:size]


def notes(content: bytes) -> Metadata:
    """What is read from a file, as it is there."""
    return read_metadata(examine(content))


def fit(content: bytes, channels: int = 3) -> Metadata:
    """What a result gets of a file's metadata."""
    return notes(content).for_result(WIDTH, HEIGHT, channels)


@cache
def result(image_format: Format, channels: int = 3) -> bytes:
    """A result's file without metadata; 16 channels stand for 16 bit grey."""
    colours = picture(HEIGHT, WIDTH)
    image = {
        1: colours[..., 0],
        3: to_bgr(colours),
        4: to_bgr(np.dstack([colours, slope(HEIGHT, WIDTH)])),
        16: colours[..., 0].astype(np.uint16) * 257,
    }[channels]
    return encode(np.ascontiguousarray(image), image_format)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def exif_block(content: bytes) -> bytes:
    """As Pillow finds it; that of a TIFF is the file itself."""
    image = opened(content)
    return content if image.format == "TIFF" else bytes(image.info["exif"]).removeprefix(b"Exif\0\0")


def xmp_packet(content: bytes) -> bytes:
    return bytes(opened(content).info.get("xmp", b""))


def directory(content: bytes, name: ExifTags.IFD | None = None) -> dict[int, str]:
    """The tags of the first directory, or of an inner one, but for links between them."""
    block = opened(content).getexif()
    tags: dict[int, Any] = dict(block) if name is None else block.get_ifd(name)
    return {tag: repr(value) for tag, value in tags.items() if tag not in _LINKS}


def maker_note(content: bytes) -> bytes:
    return bytes(opened(content).getexif().get_ifd(ExifTags.IFD.Exif).get(MAKER_NOTE, b""))


def thumbnail(content: bytes) -> bytes:
    """The thumbnail's bytes, by the tags that say where they are."""
    tags = opened(content).getexif().get_ifd(ExifTags.IFD.IFD1)
    start, length = tags.get(0x0201, 0), tags.get(0x0202, 0)
    return exif_block(content)[start : start + length]


def turned(content: bytes, orientation: int) -> bytes:
    """The same file with another orientation in its first directory."""
    order = ">" if exif_block(content).startswith(b"MM") else "<"
    entry = struct.pack(order + "HHI", ORIENTATION_TAG, 3, 1)
    at = content.index(entry) + len(entry)
    return content[:at] + struct.pack(order + "H", orientation) + content[at + 2 :]
