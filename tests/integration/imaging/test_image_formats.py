import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.formats import Format, examine
from tests.integration.imaging.image_files import (
    bmp,
    chunk,
    exif,
    failure,
    picture,
    png,
    save,
    slope,
    tiff,
    wide,
)

RGB = Image.fromarray(picture())
GREY = picture()[..., 0].copy()
GREY_ALPHA = np.dstack([GREY, slope()])
RGBA = Image.fromarray(np.dstack([picture(), slope()]))
RGB_200 = RGB.resize((200, 3))


def examine_fails(content: bytes, code: FailureCode) -> str:
    with pytest.raises(TaskFailed) as caught:
        examine(content)
    return failure(code, caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(save(RGB, "JPEG"), Format.JPEG, id="JPEG"),
        pytest.param(save(RGB, "PNG"), Format.PNG, id="PNG"),
        pytest.param(save(RGB, "BMP"), Format.BMP, id="BMP"),
        pytest.param(save(RGB, "TIFF"), Format.TIFF, id="TIFF"),
        pytest.param(tiff(picture(), order=">"), Format.TIFF, id="TIFF, big-endian"),
        pytest.param(save(RGB, "TIFF", big_tiff=True), Format.TIFF, id="BigTIFF"),
        pytest.param(save(RGB, "WEBP"), Format.WEBP, id="WebP"),
    ],
)
def test_format_is_told_by_content(content: bytes, expected: Format) -> None:
    assert examine(content).format is expected


@pytest.mark.parametrize(
    ("content", "channels"),
    [
        pytest.param(save(RGB, "JPEG"), 3, id="JPEG"),
        pytest.param(save(RGB, "JPEG", progressive=True), 3, id="JPEG, progressive"),
        pytest.param(save(RGB, "JPEG", exif=exif(6)), 3, id="JPEG, turned when shown"),
        pytest.param(save(RGB, "JPEG", comment=b"\xff\xc0\0\x11\x08\0\1\0\1"), 3, id="JPEG, misleading note"),
        pytest.param(save(RGB.convert("L"), "JPEG"), 1, id="JPEG, grey"),
        pytest.param(save(RGB.convert("CMYK"), "JPEG"), 4, id="JPEG, CMYK"),
        pytest.param(save(RGB, "PNG"), 3, id="PNG"),
        pytest.param(save(RGB.convert("P"), "PNG"), 3, id="PNG, palette"),
        pytest.param(save(RGB.convert("1"), "PNG"), 1, id="PNG, 1 bit"),
        pytest.param(save(RGB.convert("LA"), "PNG"), 2, id="PNG, grey with alpha"),
        pytest.param(save(RGBA, "PNG", exif=exif(5)), 4, id="PNG, RGBA, turned when shown"),
        pytest.param(save(RGB, "BMP"), 3, id="BMP"),
        pytest.param(bmp(b"\0" * 40 * 24 * 3, 40, 24, header_bytes=12, height=24), 3, id="BMP, OS/2"),
        pytest.param(bmp(b"\0" * 40 * 24 * 3, 40, 24, height=-24), 3, id="BMP, top to bottom"),
        pytest.param(save(RGB.convert("P"), "BMP"), 3, id="BMP, palette"),
        pytest.param(
            bmp(b"\0" * 40 * 24 * 4, 40, 32, 56, (255 << 16, 255 << 8, 255, 255 << 24), height=24),
            4,
            id="BMP, alpha",
        ),
        pytest.param(save(RGB, "TIFF"), 3, id="TIFF"),
        pytest.param(tiff(wide(GREY), order=">"), 1, id="TIFF, grey, big-endian"),
        pytest.param(save(RGB.convert("P"), "TIFF"), 3, id="TIFF, palette"),
        pytest.param(save(RGBA, "TIFF", big_tiff=True), 4, id="BigTIFF, RGBA"),
        pytest.param(save(RGB, "WEBP"), 3, id="WebP"),
        pytest.param(save(RGB, "WEBP", lossless=True), 3, id="WebP, lossless"),
        pytest.param(save(RGBA, "WEBP", lossless=True), 4, id="WebP, lossless, RGBA"),
        pytest.param(save(RGBA, "WEBP", exif=exif(8)), 4, id="WebP, RGBA, turned when shown"),
    ],
)
def test_size_is_known_as_it_is_stored(content: bytes, channels: int) -> None:
    examined = examine(content)

    assert (examined.width_px, examined.height_px, examined.channels) == (40, 24, channels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_size_of_several_bytes(kind: str) -> None:
    examined = examine(save(Image.new("L", (40000, 300)), kind))

    assert (examined.width_px, examined.height_px) == (40000, 300)


@pytest.mark.parametrize(
    "options", [{}, {"lossless": True}, {"exif": exif(1)}], ids=["lossy", "lossless", "canvas"]
)
def test_size_of_the_widest_webp(options: dict[str, Any]) -> None:
    examined = examine(save(Image.new("L", (16383, 259)), "WEBP", **options))

    assert (examined.width_px, examined.height_px) == (16383, 259)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(save(RGB, "GIF"), "is a GIF", id="GIF"),
        pytest.param(b"%PDF-1.7\n", "is a PDF", id="PDF"),
        pytest.param(b"\0\0\0\x18ftypheic", "is a HEIC image", id="HEIC"),
        pytest.param(b"\0\0\0\x18ftypmif1", "is a HEIC image", id="HEIF"),
        pytest.param(save(RGB, "AVIF"), "is an AVIF image", id="AVIF"),
        pytest.param(b"\0\0\0\x18ftypisom", "is a video", id="MP4"),
        pytest.param(b"8BPS\0\1", "is a Photoshop file", id="PSD"),
        pytest.param(save(RGB, "JPEG2000"), "is a JPEG 2000 image", id="JPEG 2000"),
        pytest.param(save(RGB, "ICO"), "is an icon", id="ICO"),
        pytest.param(b"PK\x03\x04", "is a ZIP archive", id="ZIP"),
        pytest.param(b'<?xml version="1.0"?>\n<svg xmlns="', "is an SVG drawing", id="SVG"),
        pytest.param(b"\n<!DOCTYPE html><html>", "is an HTML page", id="HTML"),
        pytest.param(b"BMW is a car maker of Munich", "is a text file", id="text that starts like a BMP"),
        pytest.param(
            b"\xef\xbb\xbf" + "ä".encode() * 1000, "is a text file", id="long text, cut in a letter"
        ),
        pytest.param(b"version https:", "is a text file", id="Git LFS pointer"),
    ],
)
def test_other_kinds_of_file_are_unsupported_by_name(content: bytes, words: str) -> None:
    message = examine_fails(content, FailureCode.UNSUPPORTED)

    assert message.startswith(words)
    assert message.endswith("; only JPEG, PNG, BMP, TIFF and WebP are processed")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\x00\x01\x02\x03" * 10, id="binary"),
        pytest.param(b"\xfe\xed\xfa\xce" * 10, id="binary, no text"),
        pytest.param(b"\x89PNG\r\n", id="half a signature"),
        pytest.param(b"RIFF\x10\0\0\0WAVE", id="sound"),
    ],
)
def test_anything_else_is_no_image(content: bytes) -> None:
    assert examine_fails(content, FailureCode.UNREADABLE) == "is not an image"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            save(RGB, "TIFF", save_all=True, append_images=[RGB, RGB]),
            "has 3 pages; only single-page TIFFs are processed",
            id="TIFF",
        ),
        pytest.param(
            save(RGB, "TIFF", save_all=True, append_images=[RGB], big_tiff=True),
            "has 2 pages; only single-page TIFFs are processed",
            id="BigTIFF",
        ),
        pytest.param(
            save(RGB, "PNG", save_all=True, append_images=[RGB.rotate(180)]),
            "has 2 frames; only single-image PNGs are processed",
            id="APNG",
        ),
        pytest.param(
            save(RGB, "WEBP", save_all=True, append_images=[RGB.rotate(180)]),
            "has 2 frames; only single-image WebPs are processed",
            id="WebP",
        ),
    ],
)
def test_more_than_one_image_in_a_file_is_unsupported(content: bytes, message: str) -> None:
    assert examine_fails(content, FailureCode.UNSUPPORTED) == message


def test_animation_of_one_frame_is_an_image() -> None:
    assert examine(png(picture(), 2, 8, chunk(b"acTL", struct.pack(">II", 1, 0)))).format is Format.PNG


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(tiff(GREY.astype(np.float32), {339: 3}), "floating-point pixels", id="float32"),
        pytest.param(tiff(GREY.astype(np.float16), {339: 3}), "floating-point pixels", id="float16"),
        pytest.param(tiff(GREY.astype(np.int8), {339: 2}), "signed pixels", id="int8"),
        pytest.param(tiff(GREY.astype(np.int16), {339: 2}), "signed pixels", id="int16"),
        pytest.param(tiff(GREY.astype(np.uint32)), "1 x 32 bit (grey)", id="uint32"),
        pytest.param(tiff(GREY, {258: 4}), "1 x 4 bit (grey)", id="4 bit grey"),
        pytest.param(tiff(wide(GREY), {258: 12}), "1 x 12 bit (grey)", id="12 bit grey"),
        pytest.param(tiff(GREY, {258: 1, 262: 3}), "1 x 1 bit (palette)", id="1 bit palette"),
        pytest.param(tiff(GREY_ALPHA, {338: 2}), "2 x 8 bit (grey)", id="grey with alpha"),
        pytest.param(tiff(np.dstack([picture(), GREY_ALPHA])), "5 x 8 bit (RGB)", id="five channels"),
        pytest.param(tiff(picture(), {258: [5, 6, 5]}), "3 x 5 and 6 bit (RGB)", id="mixed widths"),
        pytest.param(tiff(picture(), {262: 8}), "3 x 8 bit (Lab)", id="Lab"),
        pytest.param(tiff(GREY, {262: 32803}), "photometric interpretation 32803", id="raw sensor"),
        pytest.param(tiff(wide(picture()), {284: 2}), "separate planes", id="16 bit planes"),
        pytest.param(tiff(picture(), {259: 50000}), "uses TIFF compression 50000", id="zstd"),
    ],
)
def test_tiffs_that_opencv_would_not_keep_whole_are_unsupported(content: bytes, words: str) -> None:
    assert words in examine_fails(content, FailureCode.UNSUPPORTED)


def test_jpeg_of_12_bits_is_unsupported() -> None:
    content = bytearray(save(RGB, "JPEG"))
    content[content.index(b"\xff\xc0") + 4] = 12

    assert "has 12 bits per channel" in examine_fails(bytes(content), FailureCode.UNSUPPORTED)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\xd8\xff\xd8" + b"\0" * 50, id="JPEG without a frame"),
        pytest.param(b"II*\0\xff\xff\xff\xff", id="TIFF with its directory outside"),
        pytest.param(b"II+\0\x08\0\0\0" + b"\xff" * 8, id="BigTIFF with its directory beyond all memory"),
        pytest.param(tiff(picture())[:60], id="TIFF cut in its directory"),
        pytest.param(save(RGB, "PNG")[:-12], id="PNG without an end"),
        pytest.param(b"RIFF\xff\0\0\0WEBPVP8 \xff\xff\0\0", id="WebP with a chunk cut"),
    ],
)
def test_headers_that_break_off_are_damage(content: bytes) -> None:
    assert "is a damaged or truncated" in examine_fails(content, FailureCode.UNREADABLE)


def without(content: bytes, size: bytes) -> bytes:
    """The file with zeros where its size stands."""
    assert content.count(size) == 1
    return content.replace(size, bytes(len(size)))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(without(save(RGB_200, "JPEG"), b"\0\3\0\xc8"), id="JPEG"),
        pytest.param(without(save(RGB_200, "PNG"), b"\0\0\0\xc8"), id="PNG"),
        pytest.param(without(save(RGB_200, "BMP"), struct.pack("<i", 200)), id="BMP"),
        pytest.param(bmp(b"\0" * 480, -40, 24), id="BMP of negative width"),
        pytest.param(tiff(picture(), {256: 0}), id="TIFF"),
        pytest.param(tiff(picture(), {257: 0}), id="TIFF without height"),
        pytest.param(without(save(RGB_200, "WEBP"), b"\x9d\x01\x2a\xc8\0\3\0"), id="WebP"),
        pytest.param(without(save(RGB_200, "WEBP", lossless=True), b"\x2f\xc7\x80\0"), id="WebP, lossless"),
        pytest.param(b"RIFF\x0c\0\0\0WEBPEXIF\0\0\0\0", id="WebP without pixels"),
        pytest.param(
            b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", bytes(20)) + chunk(b"IEND", b""), id="PNG, no header"
        ),
        pytest.param(png(picture(), 5, 8), id="PNG of an unknown kind"),
    ],
)
def test_headers_without_a_size_are_damage(content: bytes) -> None:
    assert "is a damaged or truncated" in examine_fails(content, FailureCode.UNREADABLE)


def test_tiff_whose_directories_go_in_a_circle_has_an_end() -> None:
    content = bytearray(tiff(picture()))
    (entries,) = struct.unpack_from("<H", content, 8)
    struct.pack_into("<I", content, 10 + 12 * entries, 8)

    assert examine(bytes(content)).format is Format.TIFF
