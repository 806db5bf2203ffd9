from collections.abc import Callable
from typing import Any

import cv2  # noqa: TID251 - OpenCV's own functions are references where they have 8 bits only
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from scipy.interpolate import RegularGridInterpolator
from skimage import exposure

from pixfarm.imaging.operations.tone import brightness_contrast, clahe, equalize, gamma, invert, normalize
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.pipeline_text import BadPipeline
from tests.integration.imaging.image_files import Array, picture, slope, to_bgr, wide

_BGR = to_bgr(picture())
_EIGHT_BIT = {"grey": _BGR[..., 1].copy(), "BGR": _BGR, "BGRA": np.dstack([_BGR, slope()])}
SOURCES = _EIGHT_BIT | {f"{kind} 16": wide(image) for kind, image in _EIGHT_BIT.items()}
OPERATIONS: dict[str, Callable[[Array], Array]] = {
    "gamma": lambda image: gamma(image, gamma=2.2),
    "brightness-contrast": lambda image: brightness_contrast(image, brightness=10, contrast=-30),
    "invert": invert,
    "normalize": lambda image: normalize(image, low=5, high=80),
    "normalize by channel": lambda image: normalize(image, low=5, high=80, by_channel=True),
    "equalize": equalize,
    "clahe": clahe,
}
MEASURING = ["normalize", "normalize by channel", "equalize", "clahe"]
TINY = [(1, 1), (1, 7), (7, 1), (2, 3), (4, 1), (1, 4)]

each_source = pytest.mark.parametrize("image", SOURCES.values(), ids=SOURCES)
each_operation = pytest.mark.parametrize("operate", OPERATIONS.values(), ids=OPERATIONS)


def full(image: Array) -> int:
    return int(np.iinfo(image.dtype).max)


def colour(image: Array) -> Array:
    """Grey or BGR, as float."""
    return (image[..., :3] if image.ndim == 3 else image).astype(np.float64)


def assert_close(result: Array, expected: Array, tolerance: float) -> None:
    np.testing.assert_allclose(colour(result), expected, rtol=0, atol=tolerance)


@each_source
@each_operation
def test_kind_opacity_and_source_stay(operate: Callable[[Array], Array], image: Array) -> None:
    before = image.copy()

    result = operate(image)

    assert (result.shape, result.dtype) == (image.shape, image.dtype)
    np.testing.assert_array_equal(image, before)
    assert not np.shares_memory(result, image)
    assert (result != image).any()
    if image.ndim == 3:
        np.testing.assert_array_equal(result[..., 3:], image[..., 3:])


@each_source
@each_operation
def test_views_have_the_result_of_their_copies(operate: Callable[[Array], Array], image: Array) -> None:
    for view in (image[::2, ::-1], image.swapaxes(0, 1)):
        np.testing.assert_array_equal(operate(view), operate(np.ascontiguousarray(view)))


@pytest.mark.parametrize("size", TINY, ids=str)
@each_operation
def test_tiny_images_are_done(operate: Callable[[Array], Array], size: tuple[int, int]) -> None:
    for source in SOURCES.values():
        image = source[: size[0], : size[1]]

        result = operate(image)

        assert (result.shape, result.dtype) == (image.shape, image.dtype)
        np.testing.assert_array_equal(result[..., 3:], image[..., 3:] if image.ndim == 3 else result[..., 3:])


@pytest.mark.parametrize("name", MEASURING)
@pytest.mark.parametrize("kind", ["BGRA", "BGRA 16"])
def test_invisible_pixels_have_no_say(kind: str, name: str) -> None:
    black, noisy = SOURCES[kind].copy(), SOURCES[kind].copy()
    hidden = np.index_exp[4:14, 20:33]
    black[hidden] = 0
    noisy[hidden] = np.random.default_rng(1).integers(0, full(noisy), noisy[hidden].shape)
    noisy[hidden][..., 3] = 0
    is_seen = black[..., 3] > 0

    result = OPERATIONS[name](noisy)

    np.testing.assert_array_equal(result[is_seen], OPERATIONS[name](black)[is_seen])


@pytest.mark.parametrize("name", MEASURING)
@pytest.mark.parametrize("kind", ["BGRA", "BGRA 16"])
def test_nothing_changes_where_nothing_can_be_seen(kind: str, name: str) -> None:
    image = SOURCES[kind].copy()
    image[..., 3] = 0

    np.testing.assert_array_equal(OPERATIONS[name](image), image)


@pytest.mark.parametrize("exponent", [0.1, 0.5, 1, 2.2, 10])
@each_source
def test_gamma_is_its_formula(image: Array, exponent: float) -> None:
    result = gamma(image, gamma=exponent)

    assert_close(result, full(image) * (colour(image) / full(image)) ** (1 / exponent), 0.5001)
    assert_close(result, colour(exposure.adjust_gamma(image, 1 / exponent)), 1)


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"brightness": 100}, id="white"),
        pytest.param({"brightness": -100}, id="black"),
        pytest.param({"brightness": -12.5, "contrast": 40}, id="both"),
        pytest.param({"contrast": -100}, id="middle grey"),
        pytest.param({"contrast": -100, "brightness": 20}, id="lighter grey"),
    ],
)
@each_source
def test_brightness_and_contrast_are_their_formula(image: Array, parameters: dict[str, float]) -> None:
    slope_of_tones = np.tan(np.radians(45 * (1 + parameters.get("contrast", 0) / 100)))
    tones = (colour(image) / full(image) - 0.5) * slope_of_tones + 0.5 + parameters.get("brightness", 0) / 100

    result = brightness_contrast(image, **parameters)

    assert_close(result, np.clip(tones, 0, 1) * full(image), 0.5001)


@each_source
def test_full_contrast_leaves_black_and_white(image: Array) -> None:
    result = brightness_contrast(image, contrast=100)

    np.testing.assert_array_equal(colour(result), np.where(colour(image) > full(image) / 2, full(image), 0))


@each_source
def test_negative_is_what_is_left_to_white_and_is_undone_by_itself(image: Array) -> None:
    result = invert(image)

    np.testing.assert_array_equal(colour(result), full(image) - colour(image))
    np.testing.assert_array_equal(invert(result), image)


def test_negative_is_pillows() -> None:
    np.testing.assert_array_equal(invert(_BGR), np.asarray(ImageOps.invert(Image.fromarray(_BGR))))


@pytest.mark.parametrize("ends", [(0, 100), (0.1, 99.9), (5, 80), (0, 50), (20, 70)], ids=str)
@each_source
def test_normalizing_stretches_between_percentiles(image: Array, ends: tuple[float, float]) -> None:
    low, high = np.percentile(colour(image), ends, method="inverted_cdf")
    expected = np.clip((colour(image) - low) / (high - low), 0, 1) * full(image)

    result = normalize(image, low=ends[0], high=ends[1])

    assert_close(result, expected, 0.5001)
    rescaled = exposure.rescale_intensity(colour(image), (low, high), (0, full(image)))
    assert_close(result, rescaled, 0.5001)


@pytest.mark.parametrize("kind", ["BGR", "BGRA", "BGR 16", "BGRA 16"])
def test_normalizing_by_channel_does_each_as_if_it_were_grey(kind: str) -> None:
    image = SOURCES[kind]

    result = normalize(image, low=5, high=80, by_channel=True)

    for channel in range(3):
        alone = normalize(image[..., channel], low=5, high=80)
        np.testing.assert_array_equal(result[..., channel], alone)


def test_normalizing_has_defaults_that_spare_a_few_outliers() -> None:
    image = np.full((50, 50), 100, np.uint8)
    image[:25] = 150
    image[0, 0], image[-1, -1] = 255, 0

    result = normalize(image)

    assert sorted(set(result.ravel())) == [0, 255]


@pytest.mark.parametrize("operate", [normalize, equalize], ids=["normalize", "equalize"])
@each_source
def test_plain_surface_stays(operate: Callable[[Array], Array], image: Array) -> None:
    plain = np.ascontiguousarray(np.broadcast_to(np.full_like(image[:1, :1], 77), image.shape))

    np.testing.assert_array_equal(operate(plain), plain)


@pytest.mark.parametrize("ends", [(50, 50), (100, 0), (80, 20)], ids=str)
def test_percentiles_in_the_wrong_order_are_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(BadPipeline, match=r"low=\d+ must be less than high=\d+; write"):
        canonical(f"normalize: low={ends[0]}, high={ends[1]}")


def luma_of(image: Array) -> Array:
    """Checked against BT.601 by the tests of grayscale."""
    return image if image.ndim == 2 else cv2.cvtColor(image[..., :3].copy(), cv2.COLOR_BGR2GRAY)


def with_luma(image: Array, luma: Array) -> Array:
    """What a change of luma must give: the same added to every channel."""
    change = luma.astype(np.float64) - luma_of(image)
    return np.clip(colour(image) + (change if image.ndim == 2 else change[..., np.newaxis]), 0, full(image))


@each_source
def test_equalized_luma_is_its_rank(image: Array) -> None:
    luma = luma_of(image)
    values, where, counts = np.unique(luma, return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts[0]
    expected = np.rint(before / before[-1] * full(image))[where].reshape(luma.shape)

    assert len(values) > 20
    np.testing.assert_array_equal(colour(equalize(image)), with_luma(image, expected))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
def test_equalized_grey_is_opencvs(seed: int, height: int, width: int) -> None:
    image = np.random.default_rng(seed).binomial(255, 0.3, (height, width)).astype(np.uint8)

    assert_close(equalize(image), colour(cv2.equalizeHist(image)), 1)  # which rounds halves in float32


@pytest.mark.parametrize("name", ["equalize", "clahe"])
@pytest.mark.parametrize("kind", ["grey", "grey 16"])
def test_grey_and_its_bgr_twin_have_the_same_result(kind: str, name: str) -> None:
    image = SOURCES[kind]

    twin = OPERATIONS[name](np.dstack([image] * 3))

    np.testing.assert_array_equal(twin, np.dstack([OPERATIONS[name](image)] * 3))


def expected_clahe(luma: Array, seen: Array, white: int, clip_limit: float, tiles: int) -> Array:
    """By its definition: a table for each tile's centre, between them linear in both places and in value."""
    edges = [np.rint(np.arange(tiles + 1) * length / tiles).astype(int) for length in luma.shape]
    tables = np.zeros((tiles, tiles, 256))
    for row in range(tiles):
        for column in range(tiles):
            inside = np.s_[
                edges[0][row] : edges[0][row + 1],
                edges[1][column] : edges[1][column + 1],
            ]
            values = luma[inside][seen[inside]]
            counts = np.bincount(values * 256 // (white + 1), minlength=256).astype(float)
            clipped = np.minimum(counts, clip_limit * values.size / 256)
            tables[row, column] = np.cumsum(clipped + (values.size - clipped.sum()) / 256) / values.size
    centres = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    between = RegularGridInterpolator((*centres, np.linspace(0, white, 256)), tables * white)
    rows, columns = np.mgrid[: luma.shape[0], : luma.shape[1]] + 0.5
    rows = np.clip(rows, centres[0][0], centres[0][-1])
    columns = np.clip(columns, centres[1][0], centres[1][-1])
    result: Array = np.rint(between(np.stack([rows, columns, luma], axis=-1)))
    return result


@pytest.mark.parametrize(
    ("clip_limit", "tiles"), [(1, 4), (2, 8), (100, 3), (3, 2)], ids=["least", "default", "most", "few"]
)
@each_source
def test_clahe_is_its_definition(image: Array, clip_limit: float, tiles: int) -> None:
    luma = luma_of(image)
    seen = np.ones(luma.shape, bool)
    if image.ndim == 3 and image.shape[2] == 4:
        image = image.copy()
        image[3:7, 30:33, 3] = 0
        seen = image[..., 3] > 0
    expected = expected_clahe(luma.astype(np.int64), seen, full(image), clip_limit, tiles)

    result = clahe(image, clip_limit=clip_limit, tiles=tiles)

    assert_close(result, with_luma(image, expected), 1)  # a half is rounded either way after float32


@pytest.mark.parametrize(
    ("clip_limit", "tiles", "tolerance"), [(2, 4, 3), (40, 8, 5), (1, 4, 2)], ids=["2", "40", "1"]
)
def test_clahe_of_large_tiles_is_near_to_opencvs(clip_limit: float, tiles: int, tolerance: int) -> None:
    rows, columns = np.mgrid[:480, :640]
    noise = np.random.default_rng(5).normal(0, 8, rows.shape)
    image = np.clip(90 + 50 * np.sin(columns / 60) + rows / 8 + noise, 0, 255).astype(np.uint8)
    opencvs = cv2.createCLAHE(clip_limit, (tiles, tiles)).apply(image)

    result = clahe(image, clip_limit=clip_limit, tiles=tiles)

    assert_close(result, colour(opencvs), tolerance)
    assert np.abs(colour(result) - opencvs).mean() < 0.8


def test_clahe_of_16_bits_is_that_of_8_but_finer() -> None:
    image = SOURCES["grey"]

    result = clahe(image.astype(np.uint16) * 257)

    assert_close(result / np.float64(257), colour(clahe(image)), 0.51)


@pytest.mark.parametrize("tiles", [1, 64])
@each_source
def test_clahe_takes_any_number_of_tiles(image: Array, tiles: int) -> None:
    assert clahe(image, tiles=tiles).shape == image.shape


def test_clahe_is_gentle_with_small_tiles() -> None:
    image = np.array([[100, 101, 102, 103]] * 4, np.uint8)
    kept: Any = clahe(image, clip_limit=1)

    assert np.ptp(kept) <= 4, "a tile of one pixel has no contrast to raise"
