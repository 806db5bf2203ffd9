from typing import Any

import numpy as np
import pytest

from pixfarm.imaging.operations.declaration import CATALOGUE
from pixfarm.imaging.operations.pixelating import pixelate
from tests.integration.imaging.image_files import Array, picture

KINDS = {"grey": (), "BGR": (3,), "BGRA": (4,)}
TYPES = {"8bit": np.uint8, "16bit": np.uint16}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_type = pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)


def noise(height: int, width: int, kind: str, dtype: Any) -> Array:
    rng = np.random.default_rng(height * 1000 + width)
    image = rng.integers(0, np.iinfo(dtype).max, (height, width, *KINDS[kind]), dtype, endpoint=True)
    if kind == "BGRA":
        image[: height // 2, : width // 2, 3] = 0
    return image


def expected(image: Array, size: int) -> Array:
    """The mean of each block, and its mean colour weighted by opacity, block after block."""
    result = image.astype(float)
    for top in range(0, image.shape[0], size):
        for left in range(0, image.shape[1], size):
            block = result[top : top + size, left : left + size]
            mean = block.mean((0, 1))
            if mean.size == 4:
                weights = block[..., 3:].sum((0, 1))
                mean[:3] = (block[..., :3] * block[..., 3:]).sum((0, 1)) / weights if weights else 0
            block[...] = mean
    return result


@pytest.mark.parametrize("size", [1, 2, 7, 16, 29, 40, 1000])
@every_type
@every_kind
def test_each_block_has_its_mean(kind: str, dtype: Any, size: int) -> None:
    image = noise(29, 40, kind, dtype)

    result = pixelate(image, size=size)

    assert result.dtype == dtype
    assert result.shape == image.shape
    np.testing.assert_allclose(result, expected(image, size), rtol=0, atol=0.51)


@every_type
def test_blocks_of_the_largest_size_have_their_mean(dtype: Any) -> None:
    image = noise(1000, 1003, "grey", dtype)
    image |= np.iinfo(dtype).max // 2 + 1  # bright: sums as large as they get

    # OpenCV sums up 16 bits in 32 bit floats: 0.9 of 65535 for a million pixels.
    np.testing.assert_allclose(pixelate(image, size=1000), expected(image, 1000), rtol=0, atol=2)


def test_blocks_of_one_pixel_change_nothing_that_can_be_seen() -> None:
    image = noise(12, 9, "BGRA", np.uint16)

    result = pixelate(image, size=1)

    seen = image[..., 3] > 0
    np.testing.assert_array_equal(result[seen], image[seen])
    assert not result[~seen].any()


def test_default_is_sixteen_pixels() -> None:
    image = picture(40, 70)

    np.testing.assert_array_equal(pixelate(image), pixelate(image, size=16))
    assert [parameter.name for parameter in CATALOGUE["pixelate"].parameters] == ["size"]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)], ids=str)
@pytest.mark.parametrize("size", [1, 4, 1000])
@every_type
@every_kind
def test_thin_images(kind: str, dtype: Any, size: int, shape: tuple[int, int]) -> None:
    image = noise(*shape, kind, dtype)

    np.testing.assert_allclose(pixelate(image, size=size), expected(image, size), rtol=0, atol=0.51)


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(lambda image: image[::2, ::-1], id="strided"),
        pytest.param(lambda image: image.swapaxes(0, 1), id="transposed"),
        pytest.param(lambda image: image[5:, 3:20], id="part"),
    ],
)
@every_type
@every_kind
def test_views_have_the_result_of_their_copies_and_stay_unchanged(kind: str, dtype: Any, view: Any) -> None:
    image = view(noise(40, 30, kind, dtype))
    before = image.copy()

    for size in (1, 5, 100):
        result = pixelate(image, size=size)
        np.testing.assert_array_equal(result, pixelate(before, size=size))
        np.testing.assert_array_equal(image, before)
        assert not np.shares_memory(result, image)
