from collections.abc import Callable
from typing import Any

import cv2  # noqa: TID251 - the structuring elements are OpenCV's own; how they are used is checked
import numpy as np
import pytest
from scipy import ndimage

from pixfarm.imaging.operations.shapes import Kind, Shape, morphology
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.pipeline_text import BadPipeline
from tests.integration.imaging.image_files import Array

KINDS = {"grey": (), "BGR": (3,), "BGRA": (4,)}
TYPES = {"8bit": np.uint8, "16bit": np.uint16}
every_kind = pytest.mark.parametrize("channels", KINDS)
every_type = pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
FORMS = {Shape.RECTANGLE: cv2.MORPH_RECT, Shape.ELLIPSE: cv2.MORPH_ELLIPSE, Shape.CROSS: cv2.MORPH_CROSS}


def noise(size: tuple[int, int], channels: str, dtype: Any) -> Array:
    """Where there is opacity, it is 0, half or full."""
    rng = np.random.default_rng(0)
    most = np.iinfo(dtype).max
    image = rng.integers(0, most, (*size, *KINDS[channels]), dtype, endpoint=True)
    if channels == "BGRA":
        image[..., 3] = rng.choice(np.array([0, most // 2, most], dtype), size, p=[0.1, 0.2, 0.7])
    return image


def by_scipy(plane: Array, kind: Kind, element: Array, iterations: int) -> Array:
    """float64; what is beyond the edges counts for nothing."""

    def shrunk(image: Array) -> Array:
        for _ in range(iterations):
            image = ndimage.grey_erosion(image, footprint=element, mode="constant", cval=np.inf)
        return image

    def grown(image: Array) -> Array:
        for _ in range(iterations):
            image = ndimage.grey_dilation(image, footprint=element, mode="constant", cval=-np.inf)
        return image

    ways: dict[Kind, Callable[[Array], Array]] = {
        Kind.ERODE: shrunk,
        Kind.DILATE: grown,
        Kind.OPEN: lambda image: grown(shrunk(image)),
        Kind.CLOSE: lambda image: shrunk(grown(image)),
        Kind.GRADIENT: lambda image: grown(image) - shrunk(image),
        Kind.TOPHAT: lambda image: image - grown(shrunk(image)),
        Kind.BLACKHAT: lambda image: shrunk(grown(image)) - image,
    }
    return ways[kind](plane.astype(float))


@pytest.mark.parametrize("channels", ["grey", "BGR"])
@every_type
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("shape", "size", "iterations"),
    [(Shape.RECTANGLE, 3, 1), (Shape.ELLIPSE, 7, 1), (Shape.CROSS, 5, 3), (Shape.RECTANGLE, 5, 2)],
)
def test_it_is_exactly_that_of_scipy(
    channels: str, dtype: Any, kind: Kind, shape: Shape, size: int, iterations: int
) -> None:
    image = noise((17, 22), channels, dtype)
    element = cv2.getStructuringElement(FORMS[shape], (size, size))

    result = morphology(image, kind=kind, size=size, shape=shape, iterations=iterations)

    planes = image.reshape(17, 22, -1)
    expected = [by_scipy(planes[..., k], kind, element, iterations) for k in range(planes.shape[2])]
    np.testing.assert_array_equal(result, np.dstack(expected).reshape(image.shape))


@every_type
@pytest.mark.parametrize("kind", [Kind.ERODE, Kind.DILATE, Kind.OPEN, Kind.CLOSE])
def test_opacity_and_colour_times_opacity_are_changed_together(dtype: Any, kind: Kind) -> None:
    image = noise((17, 22), "BGRA", dtype)
    most = np.iinfo(dtype).max
    element = np.ones((3, 3), np.uint8)

    result = morphology(image, kind=kind)

    np.testing.assert_array_equal(result[..., 3], by_scipy(image[..., 3], kind, element, 1))
    for channel in range(3):
        weighted = by_scipy(image[..., channel] * (image[..., 3] / most), kind, element, 1)
        assert np.abs(result[..., channel] * (result[..., 3] / most) - weighted).max() <= 0.51


@every_type
@pytest.mark.parametrize("kind", Kind)
def test_an_opaque_image_has_the_result_of_its_colours(dtype: Any, kind: Kind) -> None:
    image = noise((17, 22), "BGRA", dtype)
    image[..., 3] = np.iinfo(dtype).max

    result = morphology(image, kind=kind, size=5)

    colours = np.ascontiguousarray(image[..., :3])
    np.testing.assert_array_equal(result[..., :3], morphology(colours, kind=kind, size=5))
    assert (result[..., 3] == np.iinfo(dtype).max).all()


@every_type
@pytest.mark.parametrize("kind", [Kind.GRADIENT, Kind.TOPHAT, Kind.BLACKHAT])
def test_differences_keep_the_opacity(dtype: Any, kind: Kind) -> None:
    image = noise((17, 22), "BGRA", dtype)

    np.testing.assert_array_equal(morphology(image, kind=kind)[..., 3], image[..., 3])


@every_type
@pytest.mark.parametrize("kind", Kind)
def test_invisible_colour_does_not_bleed(dtype: Any, kind: Kind) -> None:
    image = np.zeros((9, 12, 4), dtype)
    image[:, :6] = (100, 90, 80, np.iinfo(dtype).max)
    other = image.copy()
    other[:, 6:, :3] = np.iinfo(dtype).max

    first, second = morphology(image, kind=kind), morphology(other, kind=kind)

    seen = first[..., 3] > 0
    np.testing.assert_array_equal(first[..., 3], second[..., 3])
    np.testing.assert_array_equal(first[seen], second[seen])


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("size", [3, 9, 51])
def test_a_point_grows_to_the_shape(shape: Shape, size: int) -> None:
    image = np.zeros((61, 61), np.uint8)
    image[30, 30] = 255

    grown = morphology(image, kind=Kind.DILATE, size=size, shape=shape) > 0

    rows, columns = np.indices(grown.shape) - 30
    radius = size // 2
    within = (abs(rows) <= radius) & (abs(columns) <= radius)
    if shape is Shape.CROSS:
        within &= (rows == 0) | (columns == 0)
    if shape is Shape.ELLIPSE:
        assert not grown[rows**2 + columns**2 > (radius + 0.75) ** 2].any()
        within = rows**2 + columns**2 <= (radius - 0.75) ** 2
        assert grown[within].all()
    else:
        np.testing.assert_array_equal(grown, within)


@pytest.mark.parametrize("kind", Kind)
def test_twenty_times_the_largest_window_takes_the_whole_of_a_small_image(kind: Kind) -> None:
    image = noise((9, 13), "grey", np.uint16)
    least, most = int(image.min()), int(image.max())

    result = morphology(image, kind=kind, size=51, iterations=20)

    expected: dict[Kind, Any] = {
        Kind.ERODE: least,
        Kind.DILATE: most,
        Kind.OPEN: least,
        Kind.CLOSE: most,
        Kind.GRADIENT: most - least,
        Kind.TOPHAT: image - least,
        Kind.BLACKHAT: most - image,
    }
    np.testing.assert_array_equal(result, np.broadcast_to(expected[kind], image.shape))


@every_kind
@every_type
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)], ids=str)
def test_small_images_keep_type_and_shape(
    channels: str, dtype: Any, kind: Kind, size: tuple[int, int]
) -> None:
    image = noise(size, channels, dtype)

    result = morphology(image, kind=kind)

    assert result.dtype == dtype
    assert result.shape == image.shape


@every_kind
@every_type
@pytest.mark.parametrize("kind", Kind)
def test_a_view_has_the_result_of_its_copy_and_stays_unchanged(channels: str, dtype: Any, kind: Kind) -> None:
    whole = noise((14, 16), channels, dtype)
    view, before = whole[::2, ::-1], whole.copy()

    result = morphology(view, kind=kind)

    np.testing.assert_array_equal(result, morphology(view.copy(), kind=kind))
    np.testing.assert_array_equal(whole, before)
    assert not np.shares_memory(result, whole)


def test_an_even_window_is_refused_with_what_to_write() -> None:
    with pytest.raises(BadPipeline, match=r"size: 4 is even; write 3 or 5$"):
        canonical("morphology: kind=open, size=4")
