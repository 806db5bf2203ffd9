from collections.abc import Callable

import cv2  # noqa: TID251 - the maps are OpenCV's, so nothing else can say what they are
import numpy as np
import pytest
from PIL import Image

from pixfarm.imaging.operations.colour import (
    Palette,
    WhiteBalance,
    colormap,
    grayscale,
    sepia,
    white_balance,
)
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.pipeline_text import BadPipeline
from tests.integration.imaging.image_files import Array, picture, slope, to_bgr, wide

_BGR = to_bgr(picture())
_EIGHT_BIT = {"grey": _BGR[..., 1].copy(), "BGR": _BGR, "BGRA": np.dstack([_BGR, slope()])}
SOURCES = _EIGHT_BIT | {f"{kind} 16": wide(image) for kind, image in _EIGHT_BIT.items()}
COLOURED = {kind: image for kind, image in SOURCES.items() if image.ndim == 3}
OPERATIONS: dict[str, Callable[[Array], Array]] = {
    "grayscale": grayscale,
    "grey-world": white_balance,
    "white-patch": lambda image: white_balance(image, method=WhiteBalance.WHITE_PATCH),
    "colormap": colormap,
    "sepia": sepia,
}
CHANNELS = {  # of the result, for grey, BGR and BGRA
    "grayscale": (1, 1, 4),
    "grey-world": (1, 3, 4),
    "white-patch": (1, 3, 4),
    "colormap": (3, 3, 4),
    "sepia": (3, 3, 4),
}
TINY = [(1, 1), (1, 7), (7, 1), (2, 3), (4, 1), (1, 4)]
BT601 = np.array([0.114, 0.587, 0.299])

each_source = pytest.mark.parametrize("image", SOURCES.values(), ids=SOURCES)
each_coloured = pytest.mark.parametrize("image", COLOURED.values(), ids=COLOURED)
each_name = pytest.mark.parametrize("name", OPERATIONS)


def full(image: Array) -> int:
    return int(np.iinfo(image.dtype).max)


def channels(image: Array) -> int:
    return 1 if image.ndim == 2 else image.shape[2]


def colour(image: Array) -> Array:
    """BGR as float, also of grey."""
    return (image[..., :3] if image.ndim == 3 else np.dstack([image] * 3)).astype(np.float64)


def assert_close(result: Array, expected: Array, tolerance: float) -> None:
    np.testing.assert_allclose(colour(result), expected, rtol=0, atol=tolerance)


@each_source
@each_name
def test_kind_is_as_promised_and_opacity_and_source_stay(name: str, image: Array) -> None:
    before = image.copy()

    result = OPERATIONS[name](image)

    assert (result.shape[:2], result.dtype) == (image.shape[:2], image.dtype)
    assert channels(result) == dict(zip((1, 3, 4), CHANNELS[name], strict=True))[channels(image)]
    np.testing.assert_array_equal(image, before)
    assert not np.shares_memory(result, image)
    if channels(image) == 4:
        np.testing.assert_array_equal(result[..., 3], image[..., 3])


@each_source
@each_name
def test_views_have_the_result_of_their_copies(name: str, image: Array) -> None:
    for view in (image[::2, ::-1], image.swapaxes(0, 1)):
        np.testing.assert_array_equal(OPERATIONS[name](view), OPERATIONS[name](np.ascontiguousarray(view)))


@pytest.mark.parametrize("size", TINY, ids=str)
@each_name
def test_tiny_images_are_done(name: str, size: tuple[int, int]) -> None:
    for source in SOURCES.values():
        image = source[: size[0], : size[1]]

        result = OPERATIONS[name](image)

        assert (result.shape[:2], result.dtype) == (size, image.dtype)
        if channels(image) == 4:
            np.testing.assert_array_equal(result[..., 3], image[..., 3])


@each_source
def test_grayscale_is_bt601(image: Array) -> None:
    expected = colour(image) @ BT601

    assert_close(grayscale(image), np.dstack([expected] * 3), 0.51 if full(image) == 255 else 3)


def test_grayscale_is_pillows() -> None:
    pillows = np.asarray(Image.fromarray(picture()).convert("L"))

    assert_close(grayscale(_BGR), colour(pillows), 1)


@each_coloured
def test_grey_world_gives_all_channels_the_same_mean_and_keeps_it(image: Array) -> None:
    image = (image // 4 * np.array([1, 2, 1.5, 4][: channels(image)])).astype(image.dtype)
    image[..., 3:] = full(image)
    means = colour(image).mean(axis=(0, 1))

    result = white_balance(image)

    expected = np.clip(colour(image) * means.mean() / means, 0, full(image))
    assert_close(result, expected, 0.5001)
    if expected.max() < full(image):
        np.testing.assert_allclose(colour(result).mean(axis=(0, 1)), means.mean(), atol=0.5)


@pytest.mark.parametrize("percentile", [None, 50, 75, 100])
@each_coloured
def test_white_patch_gives_all_channels_the_same_percentile(image: Array, percentile: float | None) -> None:
    levels = np.percentile(colour(image), percentile or 99, axis=(0, 1), method="inverted_cdf")

    result = white_balance(image, method=WhiteBalance.WHITE_PATCH, percentile=percentile)

    assert_close(result, np.clip(colour(image) * levels.max() / levels, 0, full(image)), 0.5001)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_patch_is_the_99th_percentile_if_nothing_is_said(dtype: type[np.unsignedinteger]) -> None:
    noise = np.random.default_rng(2).binomial(np.iinfo(dtype).max, [0.2, 0.4, 0.6], (30, 30, 3)).astype(dtype)
    expected = white_balance(noise, method=WhiteBalance.WHITE_PATCH, percentile=99)

    np.testing.assert_array_equal(white_balance(noise, method=WhiteBalance.WHITE_PATCH), expected)
    assert (white_balance(noise, method=WhiteBalance.WHITE_PATCH, percentile=95) != expected).any()


@each_coloured
def test_white_patch_leaves_what_is_clipped_white(image: Array) -> None:
    image = image.copy()
    image[3:6, 3:6, :3] = full(image)

    result = white_balance(image, method=WhiteBalance.WHITE_PATCH, percentile=90)

    assert (result[3:6, 3:6, :3] == full(image)).all()


@pytest.mark.parametrize("method", WhiteBalance)
@each_coloured
def test_neutral_light_stays(image: Array, method: WhiteBalance) -> None:
    image = image.copy()
    image[..., :3] = image[..., 1:2]

    np.testing.assert_array_equal(white_balance(image, method=method), image)


@pytest.mark.parametrize("method", WhiteBalance)
@each_coloured
def test_channel_that_is_black_stays_black(image: Array, method: WhiteBalance) -> None:
    image = image.copy()
    image[..., 0] = 0

    assert not white_balance(image, method=method)[..., 0].any()


@pytest.mark.parametrize("method", WhiteBalance)
@pytest.mark.parametrize("kind", ["BGRA", "BGRA 16"])
def test_invisible_pixels_have_no_say_in_the_white_balance(kind: str, method: WhiteBalance) -> None:
    image = SOURCES[kind].copy()
    image[:9, 20:] = 0
    painted = image.copy()
    painted[:9, 20:, 0] = full(image)

    result = white_balance(painted, method=method)

    np.testing.assert_array_equal(result[9:], white_balance(image, method=method)[9:])
    unseen = image.copy()
    unseen[..., 3] = 0
    np.testing.assert_array_equal(white_balance(unseen, method=method), unseen)


def test_percentile_of_the_grey_world_is_refused() -> None:
    with pytest.raises(BadPipeline, match=r"white-balance: percentile=90 needs method=white-patch, and this"):
        canonical("white-balance: percentile=90")


def test_every_map_of_opencv_has_a_name() -> None:
    codes = {name.removeprefix("COLORMAP_") for name in dir(cv2) if name.startswith("COLORMAP_")}

    assert {palette.name for palette in Palette} == codes
    assert all(palette.value == palette.name.lower().replace("_", "-") for palette in Palette)


@pytest.mark.parametrize("palette", Palette)
def test_colours_are_opencvs_and_of_16_bits_in_between(palette: Palette) -> None:
    tones = np.arange(256, dtype=np.uint8).reshape(16, 16)
    opencvs = cv2.applyColorMap(tones, getattr(cv2, f"COLORMAP_{palette.name}"))
    all_tones = np.arange(65536).reshape(256, 256)

    fine = colormap(all_tones.astype(np.uint16), palette=palette).reshape(-1, 3)

    np.testing.assert_array_equal(colormap(tones, palette=palette), opencvs)
    share = (all_tones.reshape(-1, 1) % 257) / 257
    lower, upper = (opencvs.reshape(-1, 3)[np.minimum(all_tones.ravel() // 257 + i, 255)] for i in (0, 1))
    np.testing.assert_allclose(fine, 257 * (lower * (1 - share) + upper * share), rtol=0, atol=0.5001)


@each_source
def test_colours_follow_the_grey_of_an_image(image: Array) -> None:
    grey = grayscale(image)
    grey = grey if grey.ndim == 2 else np.ascontiguousarray(grey[..., 0])

    np.testing.assert_array_equal(colour(colormap(image)), colour(colormap(grey, palette=Palette.VIRIDIS)))


@pytest.mark.parametrize("strength", [0, 35, 100])
@each_source
def test_sepia_is_its_matrix(image: Array, strength: float) -> None:
    red_green_blue = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    toned = colour(image) @ red_green_blue[::-1, ::-1].T
    expected = np.clip(toned * strength / 100 + colour(image) * (1 - strength / 100), 0, full(image))

    assert_close(sepia(image, strength=strength), expected, 1)


def test_sepia_is_pillows() -> None:
    matrix = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
    pillows = to_bgr(np.asarray(Image.fromarray(picture()).convert("RGB", matrix)))

    assert_close(sepia(_BGR), colour(pillows), 1)
