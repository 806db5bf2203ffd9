from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio

from pixfarm.imaging.operations.smoothing import bilateral, blur, denoise, median
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.pipeline_text import BadPipeline
from tests.integration.imaging.image_files import Array

KINDS = {"grey": (), "BGR": (3,), "BGRA": (4,)}
TYPES = {"8bit": np.uint8, "16bit": np.uint16}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_type = pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
OPERATIONS = {"blur": blur, "median": median, "bilateral": bilateral, "denoise": denoise}
every_operation = pytest.mark.parametrize("done", OPERATIONS.values(), ids=OPERATIONS)
Plane = Callable[[Array], Array]


def noise(size: tuple[int, int], kind: str, dtype: Any, seed: int = 0) -> Array:
    """Random values and, where there is opacity, places that are invisible, half visible and opaque."""
    rng = np.random.default_rng(seed)
    most = np.iinfo(dtype).max
    image = rng.integers(0, most, (*size, *KINDS[kind]), dtype, endpoint=True)
    if kind == "BGRA":
        image[..., 3] = rng.choice(np.array([0, most // 2, most], dtype), size, p=[0.2, 0.2, 0.6])
    return image


def premultiplied(image: Array) -> Array:
    """float64; grey gets a third axis."""
    if image.ndim == 2:
        return image[..., None].astype(float)
    if image.shape[2] == 3:
        return image.astype(float)
    return np.dstack([image[..., :3] * (image[..., 3:] / np.iinfo(image.dtype).max), image[..., 3]])


def assert_premultiplied(result: Array, expected: Array, tolerance: float) -> None:
    """Rounding colour and opacity of the result costs a level more than the tolerance, where it has both."""
    difference = np.abs(premultiplied(result) - expected)
    assert difference.max() <= tolerance + (result.ndim == 3 and result.shape[2] == 4)


def each_plane(image: Array, change: Plane) -> Array:
    weighted = premultiplied(image)
    return np.dstack([change(weighted[..., channel]) for channel in range(weighted.shape[2])])


def with_hidden(colour: int, dtype: Any = np.uint8) -> Array:
    """Opaque grey 100 to the left and, to the right, an invisible colour."""
    image = np.zeros((12, 12, 4), dtype)
    image[:, :6] = (100, 100, 100, np.iinfo(dtype).max)
    image[:, 6:, :3] = colour
    return image


@every_kind
@every_type
@pytest.mark.parametrize("radius", [0.1, 0.5, 2.0, 20.0])
def test_blur_is_the_gaussian_of_scipy(kind: str, dtype: Any, radius: float) -> None:
    image = noise((31, 23), kind, dtype)

    result = blur(image, radius=radius)

    # With 8 bits the bell is one of 256 steps, cut off at 3 standard deviations; with 16 at 4.
    expected = each_plane(image, lambda plane: ndimage.gaussian_filter(plane, radius, truncate=6))
    assert_premultiplied(result, expected, 1.6 if dtype == np.uint8 else 12)


@every_kind
@every_type
@pytest.mark.parametrize("radius", [20.1, 40.0, 250.0])
def test_blur_with_a_large_radius_is_within_a_quarter_of_a_percent(
    kind: str, dtype: Any, radius: float
) -> None:
    image = noise((90, 131), kind, dtype)
    image[:30, :, ...] //= 4
    image[:, -2:, ...] = np.iinfo(dtype).max

    result = blur(image, radius=radius)

    expected = each_plane(image, lambda plane: ndimage.gaussian_filter(plane, radius, truncate=6))
    assert_premultiplied(result, expected, 0.0025 * np.iinfo(dtype).max + 0.5)


def median_by_scipy(image: Array, size: int) -> Array:
    planes = image[..., None] if image.ndim == 2 else image
    parts = [ndimage.median_filter(planes[..., k], size, mode="nearest") for k in range(planes.shape[2])]
    return np.dstack(parts).reshape(image.shape)


@pytest.mark.parametrize("kind", ["grey", "BGR"])
@every_type
@pytest.mark.parametrize("size", [3, 5, 7, 15, 51])
def test_median_is_exactly_that_of_scipy(kind: str, dtype: Any, size: int) -> None:
    image = noise((19, 14), kind, dtype)

    np.testing.assert_array_equal(median(image, size=size), median_by_scipy(image, size))


@every_type
@pytest.mark.parametrize("size", [3, 7])
def test_median_with_opacity_is_that_of_colour_times_opacity(dtype: Any, size: int) -> None:
    image = noise((19, 14), "BGRA", dtype)

    expected = each_plane(image, lambda plane: ndimage.median_filter(plane, size, mode="nearest"))
    assert_premultiplied(median(image, size=size), expected, 0.5)


def test_median_of_an_opaque_image_with_alpha_is_exact() -> None:
    image = noise((19, 14), "BGRA", np.uint16)
    image[..., 3] = 65535

    np.testing.assert_array_equal(median(image, size=7), median_by_scipy(image, 7))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([3, 5, 7, 9]), st.integers(0, 1000))
def test_wide_median_is_exact_at_every_size(height: int, width: int, size: int, seed: int) -> None:
    image = noise((height, width), "grey", np.uint16, seed)

    np.testing.assert_array_equal(median(image, size=size), median_by_scipy(image, size))


def bilateral_by_formula(image: Array, diameter: int, sigma_colour: float, sigma_space: float) -> Array:
    """Tomasi and Manduchi (1998), with OpenCV's sum of differences over channels and its round window."""
    weighted = premultiplied(image)
    height, width = image.shape[:2]
    edge = diameter // 2
    padded = np.pad(weighted, ((edge, edge), (edge, edge), (0, 0)), "reflect")
    total, weights = np.zeros_like(weighted), np.zeros((height, width, 1))
    for row, column in np.ndindex(diameter, diameter):
        squared = (row - edge) ** 2 + (column - edge) ** 2
        if squared > edge**2:
            continue
        other = padded[row : row + height, column : column + width]
        distance = np.abs(other - weighted).sum(axis=-1, keepdims=True)
        weight = np.exp(-(distance**2) / (2 * sigma_colour**2) - squared / (2 * sigma_space**2))
        total += weight * other
        weights += weight
    return total / weights


@every_kind
@every_type
@pytest.mark.parametrize(
    ("diameter", "sigma_colour", "sigma_space"),
    [(9, 30.0, 3.0), (3, 1.0, 0.1), (5, 255.0, 100.0), (11, 80.0, 2.0)],
)
def test_bilateral_follows_its_formula(
    kind: str, dtype: Any, diameter: int, sigma_colour: float, sigma_space: float
) -> None:
    image = noise((17, 21), kind, dtype)
    most = int(np.iinfo(dtype).max)

    result = bilateral(image, diameter=diameter, sigma_colour=sigma_colour, sigma_space=sigma_space)

    expected = bilateral_by_formula(image, diameter, sigma_colour * most / 255, sigma_space)
    assert_premultiplied(result, expected, 1 if dtype == np.uint8 else 0.001 * most)


def denoise_by_formula(plane: Array, strength: float, template: int, search: int, *, by_l1: bool) -> Array:
    """Buades (2005) with square windows; plane: height x width x channels."""
    height, width = plane.shape[:2]
    edge = search // 2
    template_edge = template // 2
    border = edge + template_edge
    wide = np.pad(plane.astype(float), ((border, border), (border, border), (0, 0)), "reflect")
    total, weights = np.zeros(plane.shape), np.zeros((height, width, 1))
    middle = wide[edge : edge + height + 2 * template_edge, edge : edge + width + 2 * template_edge]
    for row, column in np.ndindex(search, search):
        other = wide[row : row + middle.shape[0], column : column + middle.shape[1]]
        difference = np.abs(other - middle)
        each = (difference if by_l1 else difference**2).sum(axis=-1)
        windows = np.lib.stride_tricks.sliding_window_view(each, (template, template))
        distance = windows.mean(axis=(-1, -2))
        weight = np.exp(-(distance**2 if by_l1 else distance) / (strength**2 * plane.shape[2]))[..., None]
        weight[weight < 0.001] = 0
        total += weight * other[template_edge : template_edge + height, template_edge : template_edge + width]
        weights += weight
    return total / weights


@every_type
@pytest.mark.parametrize(("strength", "template", "search"), [(5.0, 7, 21), (20.0, 3, 5), (60.0, 5, 9)])
def test_denoise_of_grey_follows_its_formula(dtype: Any, strength: float, template: int, search: int) -> None:
    scale = np.iinfo(dtype).max // 255
    rng = np.random.default_rng(0)
    image = (np.linspace(60, 180, 26) + rng.normal(0, 8, (24, 26))).clip(0, 255) * scale
    image = image.astype(dtype)
    by_l1 = dtype == np.uint16

    result = denoise(image, strength=strength, template_size=template, search_size=search)

    h = strength * scale * (np.sqrt(2 / np.pi) if by_l1 else 1)
    expected = denoise_by_formula(image[..., None], h, template, search, by_l1=by_l1)[..., 0]
    assert np.abs(result - expected).max() <= 1.5 * scale


@every_kind
@every_type
def test_denoise_takes_noise_away_and_keeps_an_edge(kind: str, dtype: Any) -> None:
    scale = np.iinfo(dtype).max // 255
    clean = np.full((40, 40, *KINDS[kind]), 60, float)
    clean[:, 20:] = 180
    noisy = clean + np.random.default_rng(0).normal(0, 6, clean.shape)
    if kind == "BGRA":
        clean[..., 3] = noisy[..., 3] = 128
    noisy = (noisy * scale).astype(dtype)

    result = denoise(noisy, strength=10, colour_strength=10)

    before, after = (
        peak_signal_noise_ratio(clean, image / scale, data_range=255) for image in (noisy, result)
    )
    assert after > before + 6, "less than half of the noise is left"
    left, right = (result[20, column].astype(float).reshape(-1)[:3] for column in (19, 20))
    assert (right - left > 100 * scale).all()


def test_denoise_of_16_bits_is_as_strong_as_of_8() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(120, 8, (40, 40, 3)).astype(np.uint8)

    narrow, wide = denoise(image), denoise(image.astype(np.uint16) * 257) / 257

    assert np.std(wide) == pytest.approx(np.std(narrow), rel=0.25)
    assert np.abs(narrow - wide).mean() < 1


def test_denoise_leaves_colours_that_are_right() -> None:
    colours = np.random.default_rng(0).integers(0, 65536, (4, 3), np.uint16)
    image = np.repeat(np.repeat(colours.reshape(2, 2, 3), 30, 0), 30, 1)

    result = denoise(image, strength=1, colour_strength=1)

    assert np.abs(result.astype(int) - image).max() <= 20  # what 16 bits of Lab can tell apart


@every_kind
@every_type
@pytest.mark.parametrize(
    "parameters",
    [
        {"strength": 0.1, "colour_strength": 0.1, "template_size": 3, "search_size": 3},
        {"strength": 100, "colour_strength": 100, "template_size": 21, "search_size": 51},
    ],
    ids=["least", "most"],
)
def test_denoise_at_its_limits_does_nothing_or_leaves_a_plain_image(
    kind: str, dtype: Any, parameters: dict[str, Any]
) -> None:
    scale = np.iinfo(dtype).max // 255
    image = np.random.default_rng(0).integers(100, 140, (12, 12, *KINDS[kind])).astype(dtype) * scale

    result = denoise(image, **parameters).astype(int)

    colours = result[..., :3] if kind == "BGRA" else result
    if parameters["search_size"] == 3:
        assert np.abs(result - image).max() <= 3 * scale  # what Lab of 8 bits can tell apart
    else:
        assert np.ptp(colours, axis=(0, 1)).max() < 20 * scale


@every_type
def test_denoise_keeps_opacity(dtype: Any) -> None:
    image = noise((20, 20), "BGRA", dtype)

    np.testing.assert_array_equal(denoise(image)[..., 3], image[..., 3])


@every_operation
@every_type
def test_invisible_colour_does_not_bleed(done: Callable[..., Array], dtype: Any) -> None:
    bright, dark = done(with_hidden(255, dtype)), done(with_hidden(0, dtype))

    seen = dark[..., 3] > 0
    np.testing.assert_array_equal(bright[..., 3], dark[..., 3])
    np.testing.assert_array_equal(bright[seen], dark[seen])


@pytest.mark.parametrize("done", [blur, bilateral, denoise])
def test_colour_at_a_soft_edge_is_that_of_what_is_seen(done: Callable[..., Array]) -> None:
    result = done(with_hidden(255))

    clear = result[..., 3] > 32
    assert np.abs(result[clear][:, :3].astype(int) - 100).max() <= 1


@every_operation
@every_kind
@every_type
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3)], ids=str)
def test_small_images_keep_type_and_shape(
    done: Callable[..., Array], kind: str, dtype: Any, size: tuple[int, int]
) -> None:
    image = noise(size, kind, dtype)

    result = done(image)

    assert result.dtype == dtype
    assert result.shape == image.shape


@every_operation
@every_kind
@every_type
def test_a_view_has_the_result_of_its_copy_and_stays_unchanged(
    done: Callable[..., Array], kind: str, dtype: Any
) -> None:
    whole = noise((24, 26), kind, dtype)
    view, before = whole[::2, ::-1], whole.copy()

    result = done(view)

    np.testing.assert_array_equal(result, done(view.copy()))
    np.testing.assert_array_equal(whole, before)
    assert not np.shares_memory(result, whole)


@every_operation
@every_kind
@every_type
def test_a_plain_image_stays_as_it_is(done: Callable[..., Array], kind: str, dtype: Any) -> None:
    image = np.full((9, 11, *KINDS[kind]), np.iinfo(dtype).max // 2, dtype)

    # Lab of 8 bits does not come back exactly, nor does colour from 16 bits of colour times opacity.
    tolerance = 1 if done is denoise or kind == "BGRA" else 0
    assert np.abs(done(image).astype(int) - image).max() <= tolerance


@pytest.mark.parametrize(
    ("pipeline", "remedy"),
    [
        ("median: size=4", "3 or 5"),
        ("bilateral: diameter=6", "5 or 7"),
        ("denoise: template_size=8", "7 or 9"),
        ("denoise: search_size=50", "49 or 51"),
    ],
)
def test_even_windows_are_refused_with_what_to_write(pipeline: str, remedy: str) -> None:
    with pytest.raises(BadPipeline, match=rf"is even; write {remedy}$"):
        canonical(pipeline)
