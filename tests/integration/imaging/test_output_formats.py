import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging import ImageSettings, process_image
from pixfarm.imaging.decoding import decode
from pixfarm.imaging.finishing import finish
from pixfarm.imaging.formats import examine
from pixfarm.recipe import OutputFormat, Recipe
from tests.integration.imaging.image_files import (
    ORIENTATION_TAG,
    Array,
    exif,
    failure,
    png,
    save,
    slope,
    tiff,
    to_bgr,
    wide,
)

_MAKE = 0x010F
_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
_COFFEE = Path(__file__).resolve().parents[3] / "data" / "input_dir" / "coffee.jpg"

JPG, PNG, WEBP = OutputFormat.JPG, OutputFormat.PNG, OutputFormat.WEBP
TIFF, BMP, AVIF = OutputFormat.TIFF, OutputFormat.BMP, OutputFormat.AVIF
LOSSY = (JPG, WEBP, AVIF)
EIGHT_BIT = (JPG, WEBP, BMP, AVIF)
# Mean distance from the pixels that were encoded, of 255; it is 1.8, 1.7 and 2.3 where it is largest, in the
# photograph of 200 colours.
MOST_LOST = {JPG: 2.0, WEBP: 2.0, AVIF: 2.5}


def photograph() -> Array:
    with Image.open(_COFFEE) as coffee:
        return np.asarray(coffee.crop((230, 150, 326, 214)).convert("RGB"))


RGB = photograph()
RGBA = np.dstack([RGB, slope(64, 96)])
GREY = RGB[..., 1].copy()
SOURCES = {
    "JPEG": save(Image.fromarray(RGB), "JPEG", quality=95),
    "grey JPEG": save(Image.fromarray(GREY), "JPEG", quality=95),
    "PNG": save(Image.fromarray(RGB), "PNG"),
    "PNG with alpha": save(Image.fromarray(RGBA), "PNG"),
    "PNG with a palette": save(Image.fromarray(RGB).quantize(200), "PNG"),
    "grey PNG": save(Image.fromarray(GREY), "PNG"),
    "PNG 16": png(wide(RGB), 2, 16),
    "PNG with alpha 16": png(wide(RGBA), 6, 16),
    "grey PNG 16": png(wide(GREY), 0, 16),
    "BMP": save(Image.fromarray(RGB), "BMP"),
    "TIFF with alpha": tiff(RGBA, {338: 2}),
    "grey TIFF 16": tiff(wide(GREY)),
    "WebP": save(Image.fromarray(RGB), "WEBP", quality=95),
    "lossless WebP with alpha": save(Image.fromarray(RGBA), "WEBP", lossless=True, exact=True),
}


def made_of(content: bytes, recipe: Recipe) -> bytes:
    source = examine(content)
    return finish(decode(source), source, recipe).content


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def as_pixels(image: Image.Image) -> Array:
    array = np.asarray(image)
    return array if array.ndim == 2 else to_bgr(array)


def expected(image: Array, output: OutputFormat) -> Array:
    """What the format can hold of the pixels, by its plain definition."""
    full = np.iinfo(image.dtype).max
    values = image.astype(float)
    if output is JPG and image.ndim == 3 and image.shape[2] == 4:
        opacity = values[..., 3:] / full
        values = values[..., :3] * opacity + full * (1 - opacity)
    if output is WEBP and image.ndim == 2:
        values = np.dstack([values] * 3)
    if output in EIGHT_BIT:
        return np.rint(values * 255 / full).astype(np.uint8)
    return values.astype(image.dtype)


@pytest.mark.parametrize("output", list(OutputFormat))
@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_becomes_every_format(kind: str, output: OutputFormat) -> None:
    pixels = expected(decode(examine(SOURCES[kind])), output)

    result = opened(made_of(SOURCES[kind], Recipe(format=output)))

    assert result.format == {JPG: "JPEG"}.get(output, output.upper())
    if pixels.dtype == np.uint16 and pixels.ndim == 3:
        pixels = (pixels >> 8).astype(np.uint8)  # all that Pillow reads of 16 bit colours
    found = as_pixels(result)
    assert (found.shape, found.dtype) == (pixels.shape, pixels.dtype)
    if output in LOSSY:
        assert np.abs(found.astype(float) - pixels).mean() < MOST_LOST[output]
    else:
        np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("output", [PNG, TIFF])
@pytest.mark.parametrize("kind", ["PNG 16", "PNG with alpha 16", "grey PNG 16"])
def test_formats_of_16_bits_keep_all_of_them(kind: str, output: OutputFormat) -> None:
    content = made_of(SOURCES[kind], Recipe(format=output))

    np.testing.assert_array_equal(decode(examine(content)), decode(examine(SOURCES[kind])))


@pytest.mark.parametrize("output", [BMP, AVIF])
def test_each_of_65536_values_becomes_the_nearest_of_256(output: OutputFormat) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)

    # AVIF is lossless at 100; a BMP has no quality, and a recipe for it none.
    recipe = Recipe(format=output, quality=100 if output is AVIF else None)
    found = as_pixels(opened(made_of(png(values, 0, 16), recipe)))

    np.testing.assert_array_equal(found, np.rint(values / 257))
    assert (found[0, 0], found[-1, -1]) == (0, 255)


def test_what_is_transparent_is_white_in_a_jpeg() -> None:
    image = np.full((16, 32, 4), (200, 30, 30, 255), np.uint8)
    image[:, :16, 3] = 0

    result = np.asarray(opened(made_of(save(Image.fromarray(image), "PNG"), Recipe(format=JPG))))

    # JPEG mixes the colours of two columns at either side of the edge.
    assert result[:, :14].min() >= 254
    assert np.abs(result[:, 18:].astype(int) - (200, 30, 30)).max() <= 2


@pytest.mark.parametrize("output", LOSSY)
def test_more_quality_is_a_larger_file(output: OutputFormat) -> None:
    sizes = [len(made_of(SOURCES["PNG"], Recipe(format=output, quality=q))) for q in (1, 30, 60, 90, 100)]

    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(("output", "quality"), [(JPG, 95), (WEBP, 95), (AVIF, 75)])
def test_quality_that_is_not_said_is_that_of_the_contract(output: OutputFormat, quality: int) -> None:
    said = made_of(SOURCES["PNG"], Recipe(format=output, quality=quality))

    assert made_of(SOURCES["PNG"], Recipe(format=output)) == said


def test_a_quality_leaves_formats_without_one_alone() -> None:
    assert made_of(SOURCES["PNG"], Recipe(quality=1)) == made_of(SOURCES["PNG"], Recipe())


@pytest.mark.parametrize(
    ("kind", "recipe", "lossless"),
    [
        pytest.param("lossless WebP with alpha", Recipe(), True, id="nothing is asked for"),
        pytest.param("lossless WebP with alpha", Recipe(quality=90), False, id="a quality"),
        pytest.param("lossless WebP with alpha", Recipe(format=WEBP), False, id="WebP"),
        pytest.param("PNG", Recipe(format=WEBP), False, id="WebP of a PNG"),
        pytest.param("WebP", Recipe(), False, id="nothing, of a lossy one"),
    ],
)
def test_a_webp_is_lossless_only_where_its_source_was_and_nobody_asks(
    kind: str, recipe: Recipe, *, lossless: bool
) -> None:
    assert examine(made_of(SOURCES[kind], recipe)).lossless is lossless


@pytest.mark.parametrize("output", [JPG, PNG, WEBP, TIFF, AVIF])
def test_metadata_goes_along_unless_it_is_to_be_stripped(output: OutputFormat) -> None:
    notes = exif(8)
    notes[_MAKE] = "a camera"
    source = save(Image.fromarray(RGB), "JPEG", exif=notes, icc_profile=_PROFILE)

    kept = opened(made_of(source, Recipe(format=output)))
    stripped = opened(made_of(source, Recipe(format=output, strip_metadata=True)))

    assert (kept.getexif()[_MAKE], kept.getexif().get(ORIENTATION_TAG, 1)) == ("a camera", 1)
    assert kept.info["icc_profile"] == _PROFILE
    assert (_MAKE in stripped.getexif(), stripped.info.get("icc_profile")) == (False, None)
    np.testing.assert_array_equal(np.asarray(stripped), np.asarray(kept))


@pytest.mark.parametrize(
    ("output", "side"), [(JPG, 65_501), (PNG, 1_000_001), (WEBP, 16_384), (AVIF, 32_769)]
)
@pytest.mark.parametrize("high", [True, False], ids=["high", "broad"])
def test_a_result_too_long_for_its_format_is_refused(output: OutputFormat, side: int, *, high: bool) -> None:
    image = np.zeros((side, 1) if high else (1, side), np.uint8)

    with pytest.raises(TaskFailed) as caught:
        finish(image, examine(SOURCES["PNG"]), Recipe(format=output))

    message = failure(FailureCode.UNSUPPORTED, caught.value)
    assert f"allows {side - 1} on a side; resize it or change --format" in message


@pytest.mark.parametrize(("output", "side"), [(JPG, 65_500), (WEBP, 16_383), (AVIF, 32_768)])
def test_the_longest_result_of_a_format_is_written(output: OutputFormat, side: int) -> None:
    finished = finish(np.zeros((1, side), np.uint8), examine(SOURCES["PNG"]), Recipe(format=output))

    assert opened(finished.content).size == (side, 1)


def test_an_opencv_without_avif_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixfarm.imaging.encoding.cv2.haveImageWriter", lambda name: name != ".avif")

    with pytest.raises(TaskFailed) as caught:
        made_of(SOURCES["PNG"], Recipe(format=AVIF))

    assert "OpenCV writes no AVIF on this node" in failure(FailureCode.UNSUPPORTED, caught.value)
    assert made_of(SOURCES["PNG"], Recipe(format=PNG))


def test_the_recipe_decides_the_format_and_the_name_does_not(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(SOURCES["PNG"])
    recipe = Recipe("flip", format=JPG, check=True)

    outcome = process_image(tmp_path / "a.png", tmp_path / "b.png", "a1", ImageSettings(fsync=False), recipe)

    with Image.open(tmp_path / "b.png") as result:
        assert (result.format, result.size) == ("JPEG", (96, 64))
    assert (outcome.width_px, outcome.height_px, outcome.flags) == (96, 64, ())
    assert outcome.bytes_written == (tmp_path / "b.png").stat().st_size


def test_an_avif_is_a_result_and_no_source() -> None:
    content = made_of(SOURCES["PNG"], Recipe(format=AVIF))

    with pytest.raises(TaskFailed) as caught:
        examine(content)

    message = failure(FailureCode.UNSUPPORTED, caught.value)
    assert message == "is an AVIF image; only JPEG, PNG, BMP, TIFF and WebP are processed"
