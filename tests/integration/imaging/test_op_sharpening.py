from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import ndimage
from skimage.filters import unsharp_mask

from pixfarm.imaging.operations.sharpening import sharpen
from tests.integration.imaging.image_files import Array, picture

KINDS = {"grey": (), "BGR": (3,), "BGRA": (4,)}
TYPES = {"8bit": np.uint8, "16bit": np.uint16}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_type = pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)


def noise(size: tuple[int, int], kind: str, dtype: Any) -> Array:
    """Without values near black and white, and with all of it visible, more or less."""
    most = np.iinfo(dtype).max
    return np.random.default_rng(0).integers(most // 4, most // 4 * 3, (*size, *KINDS[kind]), dtype)


def sharpened_by_formula(image: Array, amount: float, radius: float, threshold: float) -> Array:
    most = np.iinfo(image.dtype).max
    planes = (image if image.ndim == 3 else image[..., None]).astype(float)
    weight = planes[..., 3] if planes.shape[2] == 4 else np.ones(image.shape[:2])
    result = planes.copy()
    seen = ndimage.gaussian_filter(weight, radius, truncate=6)
    for channel in range(min(3, planes.shape[2])):
        plane = planes[..., channel]
        detail = plane - ndimage.gaussian_filter(plane * weight, radius, truncate=6) / seen
        detail[np.abs(detail) < threshold * most / 255] = 0
        result[..., channel] = np.rint(np.clip(plane + amount * detail, 0, most))
    return result.reshape(image.shape)


@every_kind
@every_type
@pytest.mark.parametrize(("amount", "radius"), [(1.0, 1.0), (5.0, 0.5), (0.375, 4.0), (2.0, 40.0)], ids=str)
def test_it_is_the_image_and_a_part_of_its_difference_from_the_blur(
    kind: str, dtype: Any, amount: float, radius: float
) -> None:
    image = noise((29, 37), kind, dtype)

    result = sharpen(image, amount=amount, radius=radius)

    expected = sharpened_by_formula(image, amount, radius, 0)
    tolerance = 1 + amount * (2e-4 if radius <= 20 else 2.5e-3) * np.iinfo(dtype).max
    assert np.abs(result - expected).max() <= tolerance


@every_kind
@every_type
def test_differences_below_the_threshold_stay(kind: str, dtype: Any) -> None:
    image = noise((29, 37), kind, dtype)

    result = sharpen(image, amount=1.5, radius=2, threshold=20)

    expected = sharpened_by_formula(image, 1.5, 2, 20)
    # A difference may be at the threshold but for the rounding of the blur.
    assert np.mean(np.abs(result - expected) > 1 + 3e-4 * np.iinfo(dtype).max) < 0.005
    assert (result == image).mean() > 0.2


@pytest.mark.parametrize(("amount", "radius"), [(1.0, 1.0), (3.0, 3.0)], ids=str)
def test_it_is_that_of_scikit_image(amount: float, radius: float) -> None:
    image = noise((29, 37), "BGR", np.uint16)

    result = sharpen(image, amount=amount, radius=radius)

    # It goes on with the edge pixel instead of mirroring; so within. Its own channel_axis=-1 leaves most of
    # the result as the memory was (scikit-image 0.26).
    planes = [unsharp_mask(image[..., k] / 65535, radius, amount) for k in range(3)]
    expected = np.dstack(planes) * 65535
    inner = (slice(12, -12), slice(12, -12))
    assert np.abs(result[inner] - expected[inner]).max() <= 1 + amount * 12


def test_it_is_nearly_that_of_pillow() -> None:
    image = picture(60, 80)

    result = sharpen(image, amount=1.2, radius=2, threshold=4)

    # Pillow blurs with boxes, in integers.
    expected = np.asarray(Image.fromarray(image).filter(ImageFilter.UnsharpMask(2, 120, 4)))
    assert np.abs(result.astype(int) - expected)[8:-8, 8:-8].mean() < 0.5
    assert np.abs(result.astype(int) - expected)[8:-8, 8:-8].max() <= 8


@every_kind
@every_type
@pytest.mark.parametrize("parameters", [{"amount": 0}, {"threshold": 255, "amount": 5}], ids=str)
def test_nothing_added_is_the_image(kind: str, dtype: Any, parameters: dict[str, float]) -> None:
    image = noise((9, 14), kind, dtype)

    result = sharpen(image, **parameters)

    np.testing.assert_array_equal(result, image)
    assert not np.shares_memory(result, image)


@every_type
def test_values_end_at_black_and_white(dtype: Any) -> None:
    most = np.iinfo(dtype).max
    image = np.full((9, 20), most // 10, dtype)
    image[:, 10:] = most - most // 10

    result = sharpen(image, amount=5)

    assert (result[:, 9] == 0).all()
    assert (result[:, 10] == most).all()


@every_type
def test_opacity_stays_and_invisible_colour_counts_for_nothing(dtype: Any) -> None:
    most = np.iinfo(dtype).max
    image = np.zeros((12, 12, 4), dtype)
    image[:, :6] = (100, 90, 80, most)
    image[:, 6:, :3] = most

    result = sharpen(image, amount=5, radius=2)

    np.testing.assert_array_equal(result[..., 3], image[..., 3])
    np.testing.assert_array_equal(result[:, :6], image[:, :6])


@every_kind
@every_type
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)], ids=str)
@pytest.mark.parametrize("radius", [0.1, 1.0, 250.0])
def test_small_images_keep_type_and_shape(
    kind: str, dtype: Any, size: tuple[int, int], radius: float
) -> None:
    image = noise(size, kind, dtype)

    result = sharpen(image, radius=radius)

    assert result.dtype == dtype
    assert result.shape == image.shape


@every_kind
@every_type
def test_a_view_has_the_result_of_its_copy_and_stays_unchanged(kind: str, dtype: Any) -> None:
    whole = noise((24, 26), kind, dtype)
    view, before = whole[::2, ::-1], whole.copy()

    np.testing.assert_array_equal(sharpen(view), sharpen(view.copy()))
    np.testing.assert_array_equal(whole, before)
