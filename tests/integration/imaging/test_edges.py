import numpy as np
import pytest

from pixfarm.imaging import draw_edges
from tests.integration.imaging.image_files import Array, expected_edges, picture, slope, to_bgr, wide

SIZES = [(1, 1), (1, 2), (1, 9), (9, 1), (3, 2), (2, 3), (17, 33), (64, 48)]
KINDS = {"grey": (), "BGR": (3,), "BGRA": (4,)}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["8bit", "16bit"])
@pytest.mark.parametrize("kind", KINDS)
def test_result_is_bit_exact(kind: str, dtype: type[np.unsignedinteger], size: tuple[int, int]) -> None:
    rng = np.random.default_rng(size[0] * 100 + size[1])
    image = rng.integers(0, np.iinfo(dtype).max, size + KINDS[kind], dtype, endpoint=True)

    result = draw_edges(image)

    assert result.dtype == dtype
    np.testing.assert_array_equal(result, expected_edges(image))


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(picture(), id="BGR"),
        pytest.param(picture()[..., 1].copy(), id="grey"),
        pytest.param(np.dstack([picture(), slope()]), id="BGRA"),
        pytest.param(wide(picture()), id="BGR 16"),
        pytest.param(wide(picture()[..., 1]), id="grey 16"),
        pytest.param(wide(np.dstack([picture(), slope()])), id="BGRA 16"),
        pytest.param(picture().transpose(1, 0, 2), id="transposed view"),
        pytest.param(picture()[::2, ::-1], id="strided view"),
    ],
)
def test_result_of_a_picture_is_bit_exact_and_its_source_unchanged(image: Array) -> None:
    before = image.copy()

    result = draw_edges(image)

    np.testing.assert_array_equal(result, expected_edges(before))
    np.testing.assert_array_equal(image, before)
    assert (result[..., 1] == np.iinfo(image.dtype).max).any(), "the picture has edges, or it proves little"


def test_every_value_is_halved_downwards() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)

    assert (draw_edges(values)[..., 0] == values // 2).all()


def test_grey_and_its_bgr_twin_have_the_same_result() -> None:
    grey = picture()[..., 0].copy()

    np.testing.assert_array_equal(draw_edges(grey), draw_edges(np.dstack([grey] * 3)))


def test_alpha_stays_even_under_edges() -> None:
    image = np.dstack([to_bgr(picture()), slope()])

    np.testing.assert_array_equal(draw_edges(image)[..., 3], slope())
