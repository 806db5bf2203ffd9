from typing import Any

import cv2  # noqa: TID251 - cv2.Canny is a reference where it has 8 bits only
import numpy as np
import pytest
from scipy import ndimage
from skimage.feature import canny as skimage_canny

from pixfarm.imaging.operations.edge_finding import canny
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.pipeline_text import BadPipeline
from tests.integration.imaging.image_files import Array, picture, slope, to_bgr, wide

_BGR = to_bgr(picture())
_EIGHT_BIT = {"grey": _BGR[..., 1].copy(), "BGR": _BGR, "BGRA": np.dstack([_BGR, slope()])}
SOURCES = _EIGHT_BIT | {f"{kind} 16": wide(image) for kind, image in _EIGHT_BIT.items()}
TINY = [(1, 1), (1, 7), (7, 1), (2, 3), (4, 1), (1, 4)]
EVERYWHERE = np.ones((3, 3))
KERNELS = {  # of Sobel: a slope one way, a smoothing the other
    3: ([-1, 0, 1], [1, 2, 1]),
    5: ([-1, -2, 0, 2, 1], [1, 4, 6, 4, 1]),
    7: ([-1, -4, -5, 0, 5, 4, 1], [1, 6, 15, 20, 15, 6, 1]),
}

each_source = pytest.mark.parametrize("image", SOURCES.values(), ids=SOURCES)


def full(image: Array) -> int:
    return int(np.iinfo(image.dtype).max)


def brightness(image: Array) -> Array:
    """Height x width, over white, in values of 8 bits."""
    if image.ndim == 3:
        grey = cv2.cvtColor(image[..., :3].copy(), cv2.COLOR_BGR2GRAY).astype(np.float64)
        opacity = image[..., 3] / full(image) if image.shape[2] == 4 else 1
        image = np.rint(grey * opacity + full(image) * (1 - opacity)).astype(image.dtype)
    eight_bit: Array = image / (full(image) / 255)
    return eight_bit


def expected_canny(grey: Array, low: float, high: float, aperture: int, *, l2_gradient: bool) -> Array:
    """Where edges are: gradients, ridges of their size in four directions, and what hangs on strong ones."""
    change, smooth = KERNELS[aperture]
    part = 16 if aperture == 7 else 1  # OpenCV's gradients are whole numbers, of this size
    low, high = low / part, high / part
    across, down = (
        np.rint(
            ndimage.correlate1d(
                ndimage.correlate1d(grey, change, 1 - axis, mode="nearest"), smooth, axis, mode="nearest"
            )
            / part
        ).astype(np.int64)
        for axis in (0, 1)
    )
    size: Array = across**2 + down**2 if l2_gradient else np.abs(across) + np.abs(down)
    low, high = (limit**2 if l2_gradient else limit for limit in (low, high))
    framed = np.pad(size, 1)

    def neighbour(rows: int, columns: int) -> Array:
        height, width = size.shape
        shifted: Array = framed[1 + rows : 1 + rows + height, 1 + columns : 1 + columns + width]
        return shifted

    steepness = np.abs(down) / np.maximum(np.abs(across), 1e-9)
    is_flat, is_steep = steepness < np.tan(np.pi / 8), steepness > np.tan(3 * np.pi / 8)
    is_falling = (across < 0) ^ (down < 0)
    is_ridge = np.select(
        [is_flat, is_steep, is_falling],
        [
            (size > neighbour(0, -1)) & (size >= neighbour(0, 1)),
            (size > neighbour(-1, 0)) & (size >= neighbour(1, 0)),
            (size > neighbour(-1, 1)) & (size > neighbour(1, -1)),
        ],
        (size > neighbour(-1, -1)) & (size > neighbour(1, 1)),
    )
    lines, _ = ndimage.label(is_ridge & (size > low), EVERYWHERE)
    is_edge: Array = np.isin(lines, np.setdiff1d(lines[is_ridge & (size > high)], 0))
    return is_edge


def waves(*, scale: int) -> Array:
    rows, columns = np.mgrid[:60, :80]
    tones = 120 + 60 * np.sin(columns / 6 + rows / 15) + 50 * np.cos(rows / 5)
    noise = np.random.default_rng(3).normal(0, 4, tones.shape)
    image: Array = np.clip(tones + noise, 0, 255).astype(np.uint8 if scale == 1 else np.uint16)
    image *= scale
    return image


@each_source
def test_result_is_grey_and_black_and_white_and_the_source_stays(image: Array) -> None:
    before = image.copy()

    result = canny(image)

    assert (result.shape, result.dtype) == (image.shape[:2], image.dtype)
    assert sorted(set(result.ravel())) == [0, full(image)]
    np.testing.assert_array_equal(image, before)


@each_source
def test_views_have_the_result_of_their_copies(image: Array) -> None:
    for view in (image[::2, ::-1], image.swapaxes(0, 1)):
        np.testing.assert_array_equal(canny(view), canny(np.ascontiguousarray(view)))


@pytest.mark.parametrize("aperture", [3, 5, 7])
@pytest.mark.parametrize("size", TINY, ids=str)
def test_tiny_images_are_done(size: tuple[int, int], aperture: int) -> None:
    for source in SOURCES.values():
        for blur in (0, 1, 50):
            result = canny(source[: size[0], : size[1]], aperture=aperture, blur=blur)

            assert (result.shape, result.dtype) == (size, source.dtype)


@pytest.mark.parametrize("l2_gradient", [False, True], ids=["L1", "L2"])
@pytest.mark.parametrize(
    ("low", "high", "aperture"), [(50, 150, 3), (0, 0, 3), (200, 800, 5), (300, 1200, 5), (4000, 16000, 7)]
)
@pytest.mark.parametrize("scale", [1, 257], ids=["8 bits", "16 bits"])
def test_edges_are_by_their_definition(
    scale: int, low: float, high: float, aperture: int, *, l2_gradient: bool
) -> None:
    expected = expected_canny(waves(scale=1).astype(float), low, high, aperture, l2_gradient=l2_gradient)

    result = canny(waves(scale=scale), low=low, high=high, aperture=aperture, l2_gradient=l2_gradient, blur=0)

    np.testing.assert_array_equal(result > 0, expected)
    assert 0.02 < expected.mean() < 0.6


@each_source
def test_edges_of_every_kind_of_image_are_those_of_its_brightness(image: Array) -> None:
    expected = expected_canny(brightness(image), 50, 150, 3, l2_gradient=False)

    np.testing.assert_array_equal(canny(image, blur=0) > 0, expected)


@pytest.mark.parametrize("parameters", [{}, {"blur": 2.5, "low": 20, "high": 60}], ids=["default", "other"])
@pytest.mark.parametrize("kind", ["grey", "BGR"])
def test_edges_of_8_bits_are_opencvs_after_a_gaussian_blur(kind: str, parameters: dict[str, Any]) -> None:
    grey = brightness(SOURCES[kind]).round().astype(np.uint8)
    blurred = cv2.GaussianBlur(grey, (0, 0), parameters.get("blur", 1), borderType=cv2.BORDER_REPLICATE)
    opencvs = cv2.Canny(blurred, parameters.get("low", 50), parameters.get("high", 150))

    np.testing.assert_array_equal(canny(SOURCES[kind], **parameters), opencvs)


@pytest.mark.parametrize("scale", [1, 257], ids=["8 bits", "16 bits"])
def test_edges_are_within_a_pixel_of_scikit_images(scale: int) -> None:
    rows, columns = np.mgrid[:80, :80]
    disc = np.where(np.hypot(rows - 40, columns - 37) < 25, 200, 30).astype(np.uint8)
    theirs = skimage_canny(disc / 255, sigma=1.5, mode="nearest")

    ours = canny(disc.astype(np.uint8 if scale == 1 else np.uint16) * scale, blur=1.5) > 0

    assert not (ours & ~ndimage.binary_dilation(theirs, EVERYWHERE)).any()
    assert not (theirs & ~ndimage.binary_dilation(ours, EVERYWHERE)).any()
    assert 120 < ours.sum() < 220, "a thin line round the disc"


def test_16_bits_are_not_cut_to_8_before_gradients_are_taken() -> None:
    values = np.full((20, 30), 100 * 257, np.uint16)
    values[:, 15:] += 200  # 0.8 of a value of 8 bits: 4 * 0.8 = 3.1

    assert (canny(values, low=2, high=2.9, blur=0) > 0).any(axis=1).all()
    assert not canny(values, low=2, high=4, blur=0).any()


@pytest.mark.parametrize("kind", ["BGRA", "BGRA 16"])
def test_colour_of_invisible_pixels_makes_no_edges(kind: str) -> None:
    image = SOURCES[kind].copy()
    image[6:15, 10:22, 3] = 0
    painted = image.copy()
    painted[6:15, 10:22, :3] = np.random.default_rng(1).integers(0, full(image), (9, 12, 3))

    np.testing.assert_array_equal(canny(painted), canny(image))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("low=200", "low=200 must not be above high=150; write"),
        ("high=49", "low=50 must not be above high=49; write"),
        ("aperture=4", "4 is even; write 3 or 5"),
        ("aperture=6", "6 is even; write 5 or 7"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(parameters: str, message: str) -> None:
    with pytest.raises(BadPipeline, match=message):
        canonical(f"canny: {parameters}")


def test_an_edge_may_start_and_go_on_at_the_same_gradient() -> None:
    assert canonical("canny: low=150")
