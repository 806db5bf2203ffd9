import cv2  # noqa: TID251 - its adaptive threshold is a reference where it has 8 bits only
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import uniform_filter
from skimage.filters import threshold_otsu

from pixfarm.imaging.operations.thresholding import Threshold, threshold
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.pipeline_text import BadPipeline
from tests.integration.imaging.image_files import Array, picture, slope, to_bgr, wide

_BGR = to_bgr(picture())
_EIGHT_BIT = {"grey": _BGR[..., 1].copy(), "BGR": _BGR, "BGRA": np.dstack([_BGR, slope()])}
SOURCES = _EIGHT_BIT | {f"{kind} 16": wide(image) for kind, image in _EIGHT_BIT.items()}
TINY = [(1, 1), (1, 7), (7, 1), (2, 3), (4, 1), (1, 4)]

each_source = pytest.mark.parametrize("image", SOURCES.values(), ids=SOURCES)
each_method = pytest.mark.parametrize("method", Threshold)
inverted = pytest.mark.parametrize("invert", [False, True], ids=["plain", "inverted"])


def full(image: Array) -> int:
    return int(np.iinfo(image.dtype).max)


def brightness(image: Array) -> Array:
    """What is compared: BT.601 by cv2, checked by the tests of grayscale, over white."""
    if image.ndim == 2:
        return image
    grey = cv2.cvtColor(image[..., :3].copy(), cv2.COLOR_BGR2GRAY)
    if image.shape[2] == 3:
        return grey
    opacity = image[..., 3].astype(np.float64) / full(image)
    over_white: Array = np.rint(grey * opacity + full(image) * (1 - opacity)).astype(image.dtype)
    return over_white


def black_and_white(is_white: Array, image: Array, *, invert: bool) -> Array:
    return np.where(is_white ^ invert, full(image), 0).astype(image.dtype)


@each_method
@each_source
def test_result_is_grey_and_the_source_stays(image: Array, method: Threshold) -> None:
    before = image.copy()

    result = threshold(image, method=method)

    assert (result.shape, result.dtype) == (image.shape[:2], image.dtype)
    assert sorted(set(result.ravel())) == [0, full(image)]
    np.testing.assert_array_equal(image, before)


@each_method
@each_source
def test_views_have_the_result_of_their_copies(image: Array, method: Threshold) -> None:
    for view in (image[::2, ::-1], image.swapaxes(0, 1)):
        expected = threshold(np.ascontiguousarray(view), method=method)
        np.testing.assert_array_equal(threshold(view, method=method), expected)


@pytest.mark.parametrize("size", TINY, ids=str)
@each_method
def test_tiny_images_are_done(method: Threshold, size: tuple[int, int]) -> None:
    for source in SOURCES.values():
        result = threshold(source[: size[0], : size[1]], method=method)

        assert (result.shape, result.dtype) == (size, source.dtype)
        assert set(result.ravel()) <= {0, full(source)}


@inverted
@pytest.mark.parametrize("value", [None, 0, 33.3, 50, 100])
@each_source
def test_fixed_threshold_is_a_share_of_white(image: Array, value: float | None, *, invert: bool) -> None:
    limit = (50 if value is None else value) / 100 * full(image)

    result = threshold(image, value=value, invert=invert)

    np.testing.assert_array_equal(result, black_and_white(brightness(image) > limit, image, invert=invert))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_half_of_all_tones_is_brighter_than_half_of_white(dtype: type[np.unsignedinteger]) -> None:
    tones = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)[np.newaxis]

    np.testing.assert_array_equal(threshold(tones)[0] > 0, np.arange(tones.size) >= tones.size // 2)


@inverted
@each_source
def test_otsus_threshold_is_scikit_images(image: Array, *, invert: bool) -> None:
    grey = brightness(image)
    limit = threshold_otsu(grey)

    result = threshold(image, method=Threshold.OTSU, invert=invert)

    np.testing.assert_array_equal(result, black_and_white(grey > limit, image, invert=invert))


@pytest.mark.parametrize("kind", ["BGRA", "BGRA 16"])
def test_otsus_threshold_is_that_of_what_is_seen(kind: str) -> None:
    image = SOURCES[kind].copy()
    image[..., 3] = full(image)
    image[:, ::2, 3] = 0

    result = threshold(image, method=Threshold.OTSU)

    seen = np.ascontiguousarray(image[:, 1::2, :3])
    np.testing.assert_array_equal(result[:, 1::2], threshold(seen, method=Threshold.OTSU))
    assert (result[:, ::2] == full(image)).all(), "white paper shows where nothing is"


@inverted
@pytest.mark.parametrize(
    ("block", "offset"), [(None, None), (3, 0), (11, -2.5), (999, 1), (5, 100), (5, -100)], ids=str
)
@each_source
def test_adaptive_threshold_is_the_mean_of_the_surroundings(
    image: Array, block: int | None, offset: float | None, *, invert: bool
) -> None:
    grey = brightness(image).astype(np.float64)
    mean = uniform_filter(grey, 31 if block is None else block, mode="nearest")
    distance = grey - mean + (4 if offset is None else offset) / 100 * full(image)

    result = threshold(image, method=Threshold.ADAPTIVE, block=block, offset=offset, invert=invert)

    expected = black_and_white(distance > 0, image, invert=invert)
    is_clear = np.abs(distance) > 0.5001  # the mean is rounded
    np.testing.assert_array_equal(result[is_clear], expected[is_clear])
    assert is_clear.mean() > 0.2


@inverted
@pytest.mark.parametrize(("block", "levels"), [(3, 2), (11, 5), (31, 0), (5, -7)], ids=str)
@pytest.mark.parametrize("kind", ["grey", "BGR", "BGRA"])
def test_adaptive_threshold_is_opencvs(kind: str, block: int, levels: float, *, invert: bool) -> None:
    image = SOURCES[kind]
    shape = cv2.THRESH_BINARY_INV if invert else cv2.THRESH_BINARY
    opencvs = cv2.adaptiveThreshold(brightness(image), 255, cv2.ADAPTIVE_THRESH_MEAN_C, shape, block, levels)

    result = threshold(image, method=Threshold.ADAPTIVE, block=block, offset=levels / 2.55, invert=invert)

    np.testing.assert_array_equal(result, opencvs)


@pytest.mark.parametrize("white", [1, 200, 255])
@pytest.mark.parametrize("scale", [1, 257], ids=["8 bits", "16 bits"])
def test_plain_paper_is_white_after_an_adaptive_threshold(scale: int, white: int) -> None:
    paper = np.full((40, 50), white * scale, np.uint8 if scale == 1 else np.uint16)

    assert threshold(paper, method=Threshold.ADAPTIVE).all()
    assert not threshold(paper, method=Threshold.ADAPTIVE, offset=0).any()


@each_method
@pytest.mark.parametrize("kind", ["BGRA", "BGRA 16"])
def test_colour_of_invisible_pixels_is_white(kind: str, method: Threshold) -> None:
    image = SOURCES[kind].copy()
    image[6:15, 10:22, 3] = 0
    painted = image.copy()
    painted[6:15, 10:22, :3] = 0

    np.testing.assert_array_equal(threshold(painted, method=method), threshold(image, method=method))


@each_method
@pytest.mark.parametrize("kind", ["BGRA", "BGRA 16"])
def test_image_that_cannot_be_seen_is_white_paper(kind: str, method: Threshold) -> None:
    image = SOURCES[kind].copy()
    image[..., 3] = 0

    assert (threshold(image, method=method) == full(image)).all()


def test_transparency_is_laid_on_white_as_pillow_does() -> None:
    image = SOURCES["BGRA"]
    paper = Image.new("RGBA", (image.shape[1], image.shape[0]), "white")
    flat = np.asarray(Image.alpha_composite(paper, Image.fromarray(image[..., [2, 1, 0, 3]])).convert("L"))
    is_clear = np.abs(flat.astype(float) - 127.5) > 2

    result = threshold(image)

    np.testing.assert_array_equal(result[is_clear], np.where(flat > 127, 255, 0)[is_clear])
    assert is_clear.mean() > 0.9


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("block=5", "block=5 needs method=adaptive, and this is method=fixed"),
        ("offset=0", "offset=0 needs method=adaptive"),
        ("method=otsu, value=40", "value=40 needs method=fixed, and this is method=otsu"),
        ("method=adaptive, value=40", "value=40 needs method=fixed"),
        ("method=adaptive, block=10", "10 is even; write 9 or 11"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(parameters: str, message: str) -> None:
    with pytest.raises(BadPipeline, match=message):
        canonical(f"threshold: {parameters}")
