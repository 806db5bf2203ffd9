import numpy as np
import pytest

from pixfarm.imaging.operations.vignetting import vignette
from tests.integration.imaging.image_files import Array, picture, slope, to_bgr, wide

_BGR = to_bgr(picture(75, 40))  # more rows than one strip, and not a multiple of it
_EIGHT_BIT = {"grey": _BGR[..., 1].copy(), "BGR": _BGR, "BGRA": np.dstack([_BGR, slope(75, 40)])}
SOURCES = _EIGHT_BIT | {f"{kind} 16": wide(image) for kind, image in _EIGHT_BIT.items()}
TINY = [(1, 1), (1, 7), (7, 1), (2, 3), (4, 1), (1, 4)]

each_source = pytest.mark.parametrize("image", SOURCES.values(), ids=SOURCES)


def colour(image: Array) -> Array:
    """Height x width x 1 or 3, as float."""
    return (image[..., :3] if image.ndim == 3 else image[..., np.newaxis]).astype(np.float64)


def expected_factor(height: int, width: int, strength: float, radius: float) -> Array:
    """Height x width x 1."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    distance = np.hypot(rows - height / 2, columns - width / 2) / np.hypot(height / 2, width / 2)
    way = np.clip((distance * 100 - radius) / (100 - radius), 0, 1)
    factor: Array = 1 - strength / 100 * (3 * way**2 - 2 * way**3)
    return factor[..., np.newaxis]


@pytest.mark.parametrize(
    ("strength", "radius"), [(None, None), (0, 50), (100, 0), (100, 99), (30, 70)], ids=str
)
@each_source
def test_vignette_is_its_formula(image: Array, strength: float | None, radius: float | None) -> None:
    before = image.copy()
    given = {"strength": strength, "radius": radius}

    result = vignette(image, **{name: number for name, number in given.items() if number is not None})

    height, width = image.shape[:2]
    factor = expected_factor(
        height, width, 50 if strength is None else strength, 50 if radius is None else radius
    )
    assert (result.shape, result.dtype) == (image.shape, image.dtype)
    # Half a value for rounding, and what float32 is off by: 0.6 values of 16 bits at the most.
    np.testing.assert_allclose(
        colour(result), colour(image) * factor, rtol=0, atol=0.51 + (result > 255).any()
    )
    np.testing.assert_array_equal(image, before)
    assert not np.shares_memory(result, image)
    if image.ndim == 3:
        np.testing.assert_array_equal(result[..., 3:], image[..., 3:])


@each_source
def test_no_strength_leaves_an_image_as_it_is(image: Array) -> None:
    np.testing.assert_array_equal(vignette(image, strength=0), image)


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (200, 31)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_goes_evenly_to_all_corners(dtype: type[np.unsignedinteger], size: tuple[int, int]) -> None:
    white = np.iinfo(dtype).max

    result = vignette(np.full(size, white, dtype), strength=80, radius=40).astype(np.int64)

    np.testing.assert_array_equal(result, result[::-1])
    np.testing.assert_array_equal(result, result[:, ::-1])
    assert result[size[0] // 2, size[1] // 2] == white
    assert abs(result[0, 0] / white - 0.2) < 0.02
    assert (np.diff(result[size[0] // 2, size[1] // 2 :]) <= 0).all()


@each_source
def test_views_have_the_result_of_their_copies(image: Array) -> None:
    for view in (image[::2, ::-1], image.swapaxes(0, 1)):
        np.testing.assert_array_equal(vignette(view), vignette(np.ascontiguousarray(view)))


@pytest.mark.parametrize("size", TINY, ids=str)
@each_source
def test_tiny_images_are_done(image: Array, size: tuple[int, int]) -> None:
    tiny = image[: size[0], : size[1]]

    result = vignette(tiny, strength=100, radius=0)

    assert (result.shape, result.dtype) == (tiny.shape, tiny.dtype)
    expected = colour(tiny) * expected_factor(*size, 100, 0)
    np.testing.assert_allclose(colour(result), expected, rtol=0, atol=1.1)
    if image.ndim == 3:
        np.testing.assert_array_equal(result[..., 3:], tiny[..., 3:])
