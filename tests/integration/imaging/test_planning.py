from pathlib import Path

import cv2  # noqa: TID251 - writes JPEGs as Pillow does not
import numpy as np
import pytest
from PIL import Image

from pixfarm.imaging.decoding import WHOLE, Decoding, decode
from pixfarm.imaging.formats import ExaminedImage, Format, examine
from pixfarm.imaging.pipeline.carrying_out import carry_out, understand
from pixfarm.imaging.pipeline.planning import plan_for
from pixfarm.imaging.pixels import Pixels
from tests.integration.imaging.image_files import Array, exif, picture, save

DATA = Path(__file__).parents[3] / "data" / "input_dir"
PHOTOGRAPHS = ("space/astronaut.jpg", "summer_palace.jpg", "coffee.jpg", "retina.jpg")
OTHERS = ("dahlia.bmp", "chelsea the cat.png", "space/hubble_deep_field.webp")


def source(width: int, height: int, *, orientation: int = 1, channels: int = 3) -> ExaminedImage:
    """What is known of a JPEG, without one."""
    return ExaminedImage(
        content=b"",
        format=Format.JPEG,
        width_px=width,
        height_px=height,
        channels=channels,
        orientation=orientation,
    )


def results(content: bytes, pipeline: str) -> tuple[Pixels, Pixels, Decoding]:
    """What the pipeline makes of the whole image, and of what is planned to be decoded."""
    examined, steps = examine(content), understand(pipeline)
    plan = plan_for(steps, examined)
    whole, _ = carry_out(steps, decode(examined))
    planned, _ = carry_out(plan.pipeline, decode(examined, plan.decoding))
    return whole, planned, plan.decoding


def difference(one: Array, other: Array) -> Array:
    difference: Array = np.abs(one.astype(int) - other)
    return difference


@pytest.mark.parametrize(
    ("pipeline", "size", "fraction"),
    [
        pytest.param("resize: width=400", (1600, 1200), 2, id="a quarter"),
        pytest.param("resize: width=401", (1600, 1200), 1, id="less than a quarter"),
        pytest.param("resize: width=200", (1600, 1200), 4, id="an eighth"),
        pytest.param("resize: width=100", (1600, 1200), 8, id="a sixteenth"),
        pytest.param("resize: width=1", (1600, 1200), 8, id="much less"),
        pytest.param("resize: height=300", (1600, 1200), 2, id="height"),
        pytest.param("resize: scale=0.25", (1600, 1200), 2, id="scale"),
        pytest.param("resize: scale=0.25", (1603, 1201), 1, id="scale, rounded up"),
        pytest.param("resize: width=500, height=300", (1600, 1200), 2, id="inside"),
        pytest.param("resize: width=400, height=500, fit=exact", (1600, 1200), 1, id="one side only"),
        pytest.param("resize: width=400, height=300, fit=cover", (1600, 3000), 2, id="cover"),
        pytest.param("resize: width=400, height=400, fit=cover", (1600, 1200), 1, id="cover, cut to less"),
        pytest.param("resize: width=4000, enlarge=true", (1600, 1200), 1, id="larger"),
        pytest.param("thumbnail: size=300", (1600, 1200), 2, id="thumbnail"),
        pytest.param("thumbnail", (1600, 1200), 2, id="thumbnail by default"),
        pytest.param("thumbnail: square=false", (4096, 1200), 8, id="whole thumbnail"),
        pytest.param("resize: width=400 | sharpen", (1600, 1200), 2, id="more after it"),
        pytest.param("sharpen | resize: width=400", (1600, 1200), 1, id="something before it"),
        pytest.param("edges", (1600, 1200), 1, id="edges"),
        pytest.param("mine:work", (1600, 1200), 1, id="a function of one's own"),
    ],
)
def test_image_is_decoded_to_a_fraction_that_leaves_twice_the_result(
    pipeline: str, size: tuple[int, int], fraction: int
) -> None:
    assert plan_for(understand(pipeline), source(*size)).decoding == Decoding(fraction)


@pytest.mark.parametrize(("orientation", "fraction"), [(1, 4), (3, 4), (5, 2), (6, 2), (7, 2), (8, 2)])
def test_fraction_is_that_of_the_upright_image(orientation: int, fraction: int) -> None:
    plan = plan_for(understand("resize: width=200"), source(1600, 800, orientation=orientation))

    assert plan.decoding == Decoding(fraction)


@pytest.mark.parametrize(
    ("pipeline", "channels", "expected"),
    [
        pytest.param("grayscale", 3, Decoding(grey=True), id="grayscale"),
        pytest.param("grayscale", 1, Decoding(grey=True), id="of grey"),
        pytest.param("grayscale", 4, WHOLE, id="of CMYK"),
        pytest.param("threshold", 3, Decoding(grey=True), id="threshold"),
        pytest.param("canny", 3, Decoding(grey=True), id="canny"),
        pytest.param("colormap", 3, Decoding(grey=True), id="colormap"),
        pytest.param("edges", 3, WHOLE, id="edges, which keep colour"),
        pytest.param("sepia | grayscale", 3, WHOLE, id="after another operation"),
        pytest.param("mine:work | grayscale", 3, WHOLE, id="after a function of one's own"),
        pytest.param("resize: width=1600 | canny", 3, Decoding(grey=True), id="after a sampling"),
        pytest.param("resize: width=100 | grayscale", 3, Decoding(8, grey=True), id="after a reduction"),
        pytest.param("resize: width=100 | thumbnail", 3, Decoding(8), id="samplings alone"),
    ],
)
def test_colours_are_decoded_only_if_they_matter(pipeline: str, channels: int, expected: Decoding) -> None:
    assert plan_for(understand(pipeline), source(1600, 1200, channels=channels)).decoding == expected


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_other_formats_are_decoded_whole(kind: str) -> None:
    examined = examine(save(Image.fromarray(picture(80, 120)), kind))
    pipeline = understand("resize: width=5 | grayscale")

    plan = plan_for(pipeline, examined)

    assert plan.decoding == WHOLE
    assert plan.pipeline is pipeline


def waves(width: int, height: int) -> Image.Image:
    """Bright and dark in slopes that all results can hold, also at the edges, where a shift is largest."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [128 + 60 * np.sin(x / 30 + c) + 60 * np.cos(y / 25 - c) for c in range(3)]
    return Image.fromarray(np.rint(np.stack(planes, axis=-1)).astype(np.uint8))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(320, 240), (321, 241), (327, 233), (345, 250)], ids=str)
@pytest.mark.parametrize(
    "pipeline",
    [
        "resize: width=43",
        "resize: height=31",
        "resize: width=20, height=19, fit=cover",
        "resize: width=50, height=28, fit=exact",
        "resize: scale=0.11",
        "thumbnail: size=27",
        "thumbnail: size=14, square=false",
    ],
)
def test_fraction_gives_the_size_and_places_of_the_whole(
    pipeline: str, size: tuple[int, int], orientation: int
) -> None:
    content = save(waves(*size), "JPEG", quality=100, subsampling=0, exif=exif(orientation))

    whole, planned, decoding = results(content, pipeline)

    assert decoding.fraction > 1
    assert planned.shape == whole.shape
    assert difference(whole, planned).max() <= 4


def photograph(name: str, quality: int) -> bytes:
    with Image.open(DATA / name) as image:
        return save(image.convert("RGB"), "JPEG", quality=quality)


REAL = [
    *(pytest.param((DATA / name).read_bytes(), id=name) for name in PHOTOGRAPHS),
    *(pytest.param(photograph(name, 80), id=f"{name}, saved as JPEG") for name in OTHERS),
    pytest.param(photograph("coffee.jpg", 40), id="saturated colours, quality 40"),
]


@pytest.mark.parametrize("content", REAL)
@pytest.mark.parametrize(
    "pipeline", ["resize: width=100", "thumbnail: size=50", "resize: scale=0.05 | grayscale"]
)
def test_fraction_of_a_photograph_is_within_the_tolerance(content: bytes, pipeline: str) -> None:
    whole, planned, decoding = results(content, pipeline)

    assert decoding.fraction > 1
    assert difference(whole, planned).mean() < 1.7
    assert np.percentile(difference(whole, planned), 99) <= 8


@pytest.mark.parametrize("content", REAL)
@pytest.mark.parametrize("pipeline", ["grayscale", "colormap: palette=jet"])
def test_brightness_of_a_photograph_is_within_the_tolerance(content: bytes, pipeline: str) -> None:
    whole, planned, decoding = results(content, pipeline)

    assert decoding.grey
    assert difference(whole, planned).mean() < 0.15
    assert np.percentile(difference(whole, planned), 99) <= 4


@pytest.mark.parametrize("content", REAL)
@pytest.mark.parametrize("pipeline", ["threshold: method=otsu", "threshold: method=adaptive", "canny"])
def test_black_and_white_of_a_photograph_is_within_the_tolerance(content: bytes, pipeline: str) -> None:
    whole, planned, _ = results(content, pipeline)

    assert (whole != planned).mean() < 0.0025


@pytest.mark.parametrize(("mode", "channels"), [("L", ()), ("CMYK", (3,))])
def test_other_kinds_of_jpeg_can_be_reduced(mode: str, channels: tuple[int, ...]) -> None:
    whole, planned, decoding = results(
        save(waves(320, 240).convert(mode), "JPEG", quality=95), "resize: width=40"
    )

    assert decoding == Decoding(4)
    assert planned.shape == (30, 40, *channels)
    assert difference(whole, planned).mean() < 1.2


@pytest.mark.parametrize("sampling", [0x11, 0x21, 0x22, 0x12, 0x41, 0x42])
def test_colours_that_are_stored_coarsely_along_one_axis_stay(sampling: int) -> None:
    patches = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    image = cv2.resize(patches, (800, 600), interpolation=cv2.INTER_CUBIC)
    setting = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling << 16 | 0x1111]
    content = cv2.imencode(".jpg", image, setting)[1].tobytes()

    whole, planned, _ = results(content, "resize: width=100")

    assert difference(whole, planned).mean() < 2.5
    assert np.percentile(difference(whole, planned), 99) <= 9
