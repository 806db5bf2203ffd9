import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2  # noqa: TID251 - its exceptions are what is tested
import numpy as np
import pytest
from PIL import Image, ImageOps

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.decoding import decode
from pixfarm.imaging.formats import examine
from pixfarm.imaging.pixels import Pixels
from tests.integration.imaging.image_files import (
    ORIENTATION_TAG,
    Array,
    bmp,
    chunk,
    exif,
    failure,
    picture,
    png,
    save,
    slope,
    tiff,
    to_bgr,
    wide,
)

RGB = Image.fromarray(picture())
RGBA = Image.fromarray(np.dstack([picture(), slope()]))
GREY = picture()[..., 0].copy()
BGR = to_bgr(picture())
BGRA = np.dstack([BGR, slope()])
PALETTE = RGB.quantize(16)
PALETTE_ALPHA = bytes(range(15, 256, 16))
BILEVEL = RGB.convert("1")
BITS = np.asarray(BILEVEL).astype(np.uint8) * 255
CMYK = RGB.convert("CMYK")
INTEGERS = np.arange(48, dtype=np.uint8)


def opened(content: bytes) -> Pixels:
    return decode(examine(content))


def by_pillow(content: bytes, mode: str) -> Array:
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert(mode)
    array = np.asarray(image)
    return array if mode == "L" else to_bgr(array)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(save(RGB, "PNG"), BGR, id="PNG RGB"),
        pytest.param(save(RGBA, "PNG"), BGRA, id="PNG RGBA"),
        pytest.param(save(RGB.convert("L"), "PNG"), np.asarray(RGB.convert("L")), id="PNG grey"),
        pytest.param(
            png(np.dstack([GREY, slope()]), 4, 8), np.dstack([GREY] * 3 + [slope()]), id="PNG grey and alpha"
        ),
        pytest.param(save(BILEVEL, "PNG"), BITS, id="PNG 1 bit"),
        pytest.param(save(PALETTE, "PNG"), to_bgr(np.asarray(PALETTE.convert("RGB"))), id="PNG palette"),
        pytest.param(
            save(PALETTE, "PNG", transparency=PALETTE_ALPHA),
            by_pillow(save(PALETTE, "PNG", transparency=PALETTE_ALPHA), "RGBA"),
            id="PNG palette with alpha",
        ),
        pytest.param(png(wide(GREY), 0, 16), wide(GREY), id="PNG grey 16"),
        pytest.param(png(wide(picture()), 2, 16), wide(BGR), id="PNG RGB 16"),
        pytest.param(png(wide(np.asarray(RGBA)), 6, 16), wide(BGRA), id="PNG RGBA 16"),
        pytest.param(save(RGB, "BMP"), BGR, id="BMP RGB"),
        pytest.param(save(RGB.convert("L"), "BMP"), np.asarray(RGB.convert("L")), id="BMP grey"),
        pytest.param(save(PALETTE, "BMP"), to_bgr(np.asarray(PALETTE.convert("RGB"))), id="BMP palette"),
        pytest.param(save(BILEVEL, "BMP"), BITS, id="BMP 1 bit"),
        pytest.param(save(RGB, "TIFF"), BGR, id="TIFF RGB"),
        pytest.param(save(RGB, "TIFF", dpi=(300, 300)), BGR, id="TIFF with fractions among its tags"),
        pytest.param(save(RGB, "TIFF", big_tiff=True), BGR, id="BigTIFF RGB"),
        pytest.param(save(RGB, "TIFF", compression="tiff_adobe_deflate"), BGR, id="TIFF deflate"),
        pytest.param(save(RGB, "TIFF", compression="tiff_lzw"), BGR, id="TIFF LZW"),
        pytest.param(save(RGB, "TIFF", compression="packbits"), BGR, id="TIFF PackBits"),
        pytest.param(save(RGB, "TIFF", compression="tiff_lzma"), BGR, id="TIFF LZMA"),
        pytest.param(save(RGBA, "TIFF"), BGRA, id="TIFF RGBA"),
        pytest.param(tiff(np.asarray(RGBA), {338: 2}), BGRA, id="TIFF RGBA, unassociated"),
        pytest.param(tiff(np.asarray(RGBA), {338: 2}, ">"), BGRA, id="TIFF RGBA, big-endian"),
        pytest.param(tiff(GREY), GREY, id="TIFF grey"),
        pytest.param(tiff(GREY, {262: 0}), 255 - GREY, id="TIFF grey, inverted"),
        pytest.param(save(BILEVEL, "TIFF"), BITS, id="TIFF 1 bit"),
        pytest.param(save(BILEVEL, "TIFF", compression="group4"), BITS, id="TIFF fax"),
        pytest.param(save(PALETTE, "TIFF"), to_bgr(np.asarray(PALETTE.convert("RGB"))), id="TIFF palette"),
        pytest.param(save(CMYK, "TIFF"), to_bgr(np.asarray(CMYK.convert("RGB"))), id="TIFF CMYK"),
        pytest.param(tiff(wide(GREY)), wide(GREY), id="TIFF grey 16"),
        pytest.param(tiff(wide(GREY), {262: 0}), 65535 - wide(GREY), id="TIFF grey 16, inverted"),
        pytest.param(tiff(wide(picture())), wide(BGR), id="TIFF RGB 16"),
        pytest.param(tiff(wide(picture()), order=">"), wide(BGR), id="TIFF RGB 16, big-endian"),
        pytest.param(tiff(wide(np.asarray(RGBA)), {338: 2}), wide(BGRA), id="TIFF RGBA 16"),
        pytest.param(save(RGB, "WEBP", lossless=True), BGR, id="WebP RGB"),
        pytest.param(save(RGBA, "WEBP", lossless=True), BGRA, id="WebP RGBA"),
    ],
)
def test_every_kind_of_pixel_is_decoded_as_stored(content: bytes, expected: Array) -> None:
    image = opened(content)

    assert image.dtype == expected.dtype
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(save(RGB, "JPEG", quality=100, subsampling=0), BGR, id="RGB"),
        pytest.param(save(RGB, "JPEG", quality=100, subsampling=0, progressive=True), BGR, id="progressive"),
        pytest.param(save(Image.fromarray(GREY), "JPEG", quality=100), GREY, id="grey"),
        pytest.param(save(CMYK, "JPEG", quality=100), to_bgr(np.asarray(CMYK.convert("RGB"))), id="CMYK"),
    ],
)
def test_jpeg_becomes_bgr_or_stays_grey(content: bytes, expected: Array) -> None:
    image = opened(content)

    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 1.5


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            bmp(bytes(INTEGERS), 4, 24, header_bytes=12), INTEGERS.reshape(4, 4, 3), id="24 bit, OS/2"
        ),
        pytest.param(
            bmp(bytes(range(64)), 4, 32, masks=(0xFF0000, 0xFF00, 0xFF)),
            np.arange(64, dtype=np.uint8).reshape(4, 4, 4)[..., :3],
            id="32 bit without alpha",
        ),
        pytest.param(
            bmp(bytes(range(64)), 4, 32, header_bytes=124, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
            np.arange(64, dtype=np.uint8).reshape(4, 4, 4),
            id="32 bit with alpha",
        ),
    ],
)
def test_bmp_has_the_channels_its_header_says(content: bytes, expected: Array) -> None:
    np.testing.assert_array_equal(opened(content), expected[::-1])


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_transparent_grey_of_a_png_becomes_alpha(bits: int) -> None:
    stored = np.arange(16, dtype=np.uint8).reshape(2, 8) if bits < 16 else wide(GREY)
    width = stored.shape[1] * 8 // bits if bits < 8 else stored.shape[1]
    key = int(stored[1, 3]) if bits >= 8 else 1
    content = png(stored, 0, bits, chunk(b"tRNS", struct.pack(">H", key)), width=width)
    without = opened(png(stored, 0, bits, width=width))

    image = opened(content)

    white = 65535 if bits == 16 else 255
    value = key * 255 // (2**bits - 1) if bits < 8 else key
    np.testing.assert_array_equal(image[..., 0], without)
    np.testing.assert_array_equal(image[..., 3], np.where(without == value, 0, white))
    assert (image[..., 3] == 0).any()


def test_transparent_colour_of_a_png_becomes_alpha() -> None:
    colour = picture()[0, 0]
    image = opened(png(picture(), 2, 8, chunk(b"tRNS", struct.pack(">HHH", *map(int, colour)))))

    np.testing.assert_array_equal(image[..., 3], np.where((picture() == colour).all(axis=-1), 0, 255))


ORIENTED: dict[str, Callable[[int], bytes]] = {
    "JPEG": lambda value: save(RGB, "JPEG", quality=100, subsampling=0, exif=exif(value)),
    "JPEG grey": lambda value: save(RGB.convert("L"), "JPEG", quality=100, exif=exif(value)),
    "PNG": lambda value: save(RGB, "PNG", exif=exif(value)),
    "PNG RGBA": lambda value: save(RGBA, "PNG", exif=exif(value)),
    "WebP": lambda value: save(RGB, "WEBP", lossless=True, exif=exif(value)),
    "WebP RGBA": lambda value: save(RGBA, "WEBP", lossless=True, exif=exif(value)),
    "TIFF": lambda value: save(RGB, "TIFF", tiffinfo={ORIENTATION_TAG: value}),
    "TIFF RGBA": lambda value: tiff(np.asarray(RGBA), {338: 2, ORIENTATION_TAG: value}),
    "TIFF CMYK": lambda value: save(CMYK, "TIFF", tiffinfo={ORIENTATION_TAG: value}),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ORIENTED)
def test_image_comes_out_upright(kind: str, orientation: int) -> None:
    content = ORIENTED[kind](orientation)
    expected = by_pillow(content, {"JPEG grey": "L"}.get(kind, "RGBA" if "RGBA" in kind else "RGB"))

    image = opened(content)

    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < (1.5 if "JPEG" in kind else 1e-9)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["RGB", "grey", "RGBA"])
def test_16_bit_tiff_comes_out_upright(kind: str, orientation: int) -> None:
    stored = {"RGB": picture(), "grey": GREY, "RGBA": np.asarray(RGBA)}[kind]
    tags: dict[int, int | list[int]] = {ORIENTATION_TAG: orientation}
    eight_bit = by_pillow(tiff(stored, tags), {"grey": "L"}.get(kind, kind))

    np.testing.assert_array_equal(opened(tiff(wide(stored), tags)), wide(eight_bit))


@pytest.mark.parametrize("orientation", [1, 6])
def test_16_bit_png_comes_out_upright(orientation: int) -> None:
    content = png(wide(picture()), 2, 16, chunk(b"eXIf", exif(orientation).tobytes()))

    np.testing.assert_array_equal(opened(content), np.rot90(wide(BGR), 0 if orientation == 1 else -1))


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"garbage, and much of it", id="garbage"),
        pytest.param(exif(6).tobytes()[:20], id="cut"),
        pytest.param(exif(9).tobytes(), id="a ninth orientation"),
        pytest.param(b"II*\0\xff\xff\xff\xff", id="directory outside"),
    ],
)
def test_broken_exif_does_not_break_the_image(block: bytes) -> None:
    np.testing.assert_array_equal(opened(png(picture(), 2, 8, chunk(b"eXIf", block))), BGR)


def noisy_picture() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 40, (48, 64, 3), np.uint8)
    return Image.fromarray(picture(48, 64) // 2 + noise)


CUT: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("JPEG", {}),
    "progressive JPEG": ("JPEG", {"progressive": True}),
    "PNG": ("PNG", {}),
    "BMP": ("BMP", {}),
    "TIFF": ("TIFF", {}),
    "TIFF LZW": ("TIFF", {"compression": "tiff_lzw"}),
    "TIFF deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "WebP": ("WEBP", {}),
    "lossless WebP": ("WEBP", {"lossless": True}),
}


@pytest.mark.parametrize("kind", CUT)
def test_truncated_image_is_unreadable_wherever_it_is_cut(kind: str) -> None:
    kind, options = CUT[kind]
    content = save(noisy_picture(), kind, **options)
    opened(content)

    for part in range(1, 64):
        with pytest.raises(TaskFailed) as caught:
            opened(content[: len(content) * part // 64])
        failure(FailureCode.UNREADABLE, caught.value)


def test_png_with_a_damaged_byte_is_unreadable() -> None:
    content = bytearray(save(RGB, "PNG"))
    content[content.index(b"IDAT") + 20] ^= 0xFF

    with pytest.raises(TaskFailed, match="is a damaged or truncated PNG"):
        opened(bytes(content))


def test_exception_of_the_decoder_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        error = cv2.error("an assertion of OpenCV")
        error.code = cv2.Error.StsAssert
        raise error

    monkeypatch.setattr("pixfarm.imaging.decoding.cv2.imdecode", fail)

    with pytest.raises(TaskFailed, match="is a damaged or truncated PNG"):
        opened(save(RGB, "PNG"))


def test_more_pixels_than_opencv_takes_are_too_large() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")

    with pytest.raises(TaskFailed) as caught:
        opened(b"\x89PNG\r\n\x1a\n" + header + body)

    assert "more pixels" in failure(FailureCode.TOO_LARGE, caught.value)


@pytest.mark.parametrize("full", [255, 65535])
def test_colours_multiplied_by_opacity_are_divided_by_it(full: int) -> None:
    dtype = np.uint8 if full == 255 else np.uint16
    stored = np.full((4, 5, 4), full // 2, dtype)
    stored[..., :3] = full // 4
    stored[0, 0] = 0

    image = opened(tiff(stored, {338: 1}))

    np.testing.assert_allclose(image[1:, :, :3], full / 2, rtol=0.02)
    assert (image[..., 3] == stored[..., 3]).all()
    assert (image[0, 0] == 0).all()


@pytest.mark.parametrize(
    ("header_bytes", "bits", "compression", "tail", "words"),
    [
        pytest.param(40, 8, 1, bytes(1024) + b"\6\1\0\0\6\2\0\0\0\1", "longer than", id="RLE rows"),
        pytest.param(56, 16, 3, struct.pack("<4I", 0xF800, 0x7E0, 0x1F, 0) + bytes(16), "16 bits", id="565"),
        pytest.param(40, 32, 3, struct.pack("<3I", 0xFF, 0xFF00, 0xFF0000) + bytes(40), "order", id="RGBX"),
    ],
)
def test_bmp_that_opencv_garbles_is_refused(
    header_bytes: int, bits: int, compression: int, tail: bytes, words: str
) -> None:
    before_pixels = {8: 1024, 16: 16, 32: 12}[bits]
    header = struct.pack("<IiiHHIIiiII", header_bytes, 5, 2, 1, bits, compression, 0, 0, 0, 0, 0)
    start = struct.pack("<2sIHHI", b"BM", 54 + len(tail), 0, 0, 54 + before_pixels)

    with pytest.raises(TaskFailed, match=words) as failure:
        opened(start + header + tail)

    assert failure.value.code is FailureCode.UNSUPPORTED
