"""The format of a file, by its first bytes."""

import codecs
import struct
from enum import StrEnum

from pixfarm.errors import FailureCode, TaskFailed


class Format(StrEnum):
    """The formats of files; the value is the name for people. AVIF is one of results alone."""

    JPEG = "JPEG"
    PNG = "PNG"
    BMP = "BMP"
    TIFF = "TIFF"
    WEBP = "WebP"
    AVIF = "AVIF"


SOURCE_FORMATS = tuple(image_format for image_format in Format if image_format is not Format.AVIF)

_SUPPORTED = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),  # BigTIFF
    (b"MM\0+", Format.TIFF),
)

_FOREIGN = (
    (b"GIF87a", "a GIF"),
    (b"GIF89a", "a GIF"),
    (b"%PDF-", "a PDF"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"#?RADIANCE", "a Radiance HDR image"),
    (b"DDS ", "a DDS texture"),
    (b"qoif", "a QOI image"),
    (b"\0\0\x01\0", "an icon"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
)

_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "an AVIF image"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"), "a HEIC image"),
    b"crx ": "a Canon raw image",
}

# A text may well start with "BM": the size of the second header tells a bitmap from it.
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

_TEXT_SAMPLE_BYTES = 1024


def sniff_format(content: bytes) -> Format:
    """The format of a file's content.

    Raises:
        TaskFailed: UNSUPPORTED for a known kind of file that is not processed, else UNREADABLE.
    """
    for magic, image_format in _SUPPORTED:
        if content.startswith(magic):
            return image_format
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return Format.WEBP
    if content.startswith(b"BM") and len(content) >= 18:
        (header_size,) = struct.unpack_from("<I", content, 14)
        if header_size in _BMP_HEADER_SIZES:
            return Format.BMP
    raise _explain(content)


def _explain(content: bytes) -> TaskFailed:
    kind = _name_foreign(content)
    if kind is None:
        return TaskFailed(FailureCode.UNREADABLE, "is not an image")
    formats = f"{', '.join(SOURCE_FORMATS[:-1])} and {SOURCE_FORMATS[-1]}"
    return TaskFailed(FailureCode.UNSUPPORTED, f"is {kind}; only {formats} are processed")


def _name_foreign(content: bytes) -> str | None:
    for magic, name in _FOREIGN:
        if content.startswith(magic):
            return name
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "a video or another MP4-like file")
    return _name_text(content[:_TEXT_SAMPLE_BYTES])


def _name_text(sample: bytes) -> str | None:
    try:
        # An incremental decoder, as the sample may end inside a character.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(sample)
    except UnicodeDecodeError:
        return None
    if any(not letter.isprintable() and letter not in "\t\n\r\f" for letter in text):
        return None
    lowered = text.lstrip().lower()
    if lowered.startswith("<") and "<svg" in lowered:
        return "an SVG drawing"
    if lowered.startswith(("<!doctype html", "<html")):
        return "an HTML page"
    return "a text file"
