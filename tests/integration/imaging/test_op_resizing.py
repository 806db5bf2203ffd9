from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixfarm.imaging.operations.declaration import CATALOGUE
from pixfarm.imaging.operations.resizing import Fit, resize, thumbnail
from pixfarm.imaging.operations.sampling import _HALVING
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.pipeline_text import BadPipeline
from tests.integration.imaging.image_files import Array

KINDS = {"grey": (), "BGR": (3,), "BGRA": (4,)}
TYPES = {"8bit": np.uint8, "16bit": np.uint16}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_type = pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)


def full(image: Array) -> int:
    return int(np.iinfo(image.dtype).max)


def noise(height: int, width: int, kind: str, dtype: Any, low: float = 0, high: float = 1) -> Array:
    """Noise of values between those parts of the full one: a filter that rings stays within the type."""
    rng = np.random.default_rng(height * 1000 + width)
    most = np.iinfo(dtype).max
    return rng.integers(
        int(low * most), int(high * most), (height, width, *KINDS[kind]), dtype, endpoint=True
    )


def smooth(height: int, width: int, kind: str, dtype: Any) -> Array:
    """Waves of 19 pixels and more, other ones in each channel; values from a quarter to full."""
    y, x = np.mgrid[0:height, 0:width]
    channels = KINDS[kind] or (1,)
    planes = [np.sin(x / (3 + c)) * np.cos(y / (4 + c)) for c in range(channels[0])]
    waves = np.stack(planes, axis=-1) / 3 + 0.6
    image: Array = np.rint(waves * np.iinfo(dtype).max).astype(dtype)
    return image.reshape(height, width, *KINDS[kind])


def zone_plate(side: int) -> Array:
    """Rings whose frequency grows evenly from 0 in a corner to 0.5 per pixel along the far sides."""
    y, x = np.mgrid[0:side, 0:side] + 0.5
    plate: Array = np.rint(127.5 + 100 * np.cos(2 * np.pi * (x**2 + y**2) / (4 * side))).astype(np.uint8)
    return plate


def area_matrix(old: int, new: int) -> Array:
    """What of each old pixel is in each new one: the overlap of two intervals."""
    pixel = np.arange(old)
    left, right = (np.arange(new)[:, None] + side for side in (0, 1))
    overlap: Array = np.minimum(right * old / new, pixel + 1) - np.maximum(left * old / new, pixel)
    return np.maximum(overlap, 0) * new / old


def gathered(taps: Array, weights: Array, length: int) -> Array:
    """The matrix that gives each row's taps those weights, the pixels at the ends being repeated."""
    matrix = np.zeros((len(taps), length))
    np.add.at(matrix, (np.arange(len(taps))[:, None], np.clip(taps, 0, length - 1)), weights)
    return matrix


def lanczos_matrix(length: int, factor: float) -> Array:
    if factor <= 1:
        return np.eye(length)
    offsets = np.arange(-6, 7)
    weights = np.where(
        abs(offsets) < 3 * factor, np.sinc(offsets / factor) * np.sinc(offsets / factor / 3), 0
    )
    return gathered(np.arange(length)[:, None] + offsets, weights / weights.sum(), length)


def cubic_matrix(old: int, new: int, a: float = -0.75) -> Array:
    """Keys (1981), pixel centres at halves."""
    at = (np.arange(new)[:, None] + 0.5) * old / new - 0.5
    taps = np.floor(at).astype(int) + np.arange(-1, 3)
    d = abs(at - taps)
    near, far = (a + 2) * d**3 - (a + 3) * d**2 + 1, a * (d**3 - 5 * d**2 + 8 * d - 4)
    return gathered(taps, np.where(d <= 1, near, far), old)


def halving_matrix(old: int) -> Array:
    offsets = np.arange(-4, 5)
    matrix = gathered(np.arange(old)[:, None] + offsets, np.tile(_HALVING, (old, 1)), old)
    halves: Array = (matrix[::2] + matrix[1::2]) / 2
    return halves


def axis_matrix(old: int, new: int, *, are_halved: bool) -> Array:
    between = min(old, 2 * new)
    if are_halved:
        return halving_matrix(between) @ area_matrix(old, between)
    return cubic_matrix(between, new) @ lanczos_matrix(between, between / new) @ area_matrix(old, between)


def expected(image: Array, width: int, height: int) -> Array:
    """The definition of the filter as two matrices, on colour times opacity."""
    planes = image.astype(float).reshape(*image.shape[:2], -1)
    if planes.shape[2] == 4:
        planes[..., :3] *= planes[..., 3:] / full(image)
    are_halved = image.shape[0] >= 2 * height and image.shape[1] >= 2 * width
    rows, columns = (
        axis_matrix(old, new, are_halved=are_halved)
        for old, new in ((image.shape[0], height), (image.shape[1], width))
    )
    result = np.tensordot(np.tensordot(rows, planes, (1, 0)), columns, (1, 1)).swapaxes(1, 2)
    if planes.shape[2] == 4:
        result[..., :3] *= full(image) / result[..., 3:]
    return result.reshape(height, width, *image.shape[2:])


def by_pillow(image: Array, width: int, height: int, method: Image.Resampling) -> Array:
    """Its 32 bit floats for each channel."""
    planes = image.astype(np.float32).reshape(*image.shape[:2], -1)
    resized = [
        np.asarray(Image.fromarray(planes[..., c]).resize((width, height), method))
        for c in range(planes.shape[2])
    ]
    return np.stack(resized, axis=-1).reshape(height, width, *image.shape[2:])


@pytest.mark.parametrize(
    "size",
    [(20, 15), (25, 20), (40, 30), (13, 7), (3, 2), (1, 1), (80, 60), (57, 31), (20, 60), (90, 11)],
    ids=lambda size: f"{size[0]}x{size[1]}",
)
@every_type
@every_kind
def test_result_follows_the_definition_of_the_filter(kind: str, dtype: Any, size: tuple[int, int]) -> None:
    image = noise(31, 41, kind, dtype, 0.4, 0.6)

    result = resize(image, width=size[0], height=size[1], fit=Fit.EXACT, enlarge=True)

    assert result.dtype == dtype
    # Three passes that each round to the type, of a noise that the filters make stronger.
    np.testing.assert_allclose(result, expected(image, *size), rtol=0, atol=2)


@pytest.mark.parametrize("scale", [0.8, 0.5, 0.37, 0.1])
@every_type
@every_kind
def test_smaller_picture_is_close_to_pillows_lanczos(kind: str, dtype: Any, scale: float) -> None:
    image = smooth(120, 160, kind, dtype)
    if kind == "BGRA":
        image[..., 3] = full(image)  # Pillow's floats know nothing of opacity

    result = resize(image, scale=scale)

    height, width = result.shape[:2]
    reference = by_pillow(image, width, height, Image.Resampling.LANCZOS)
    error = np.abs(result - reference) / full(image)
    assert error.mean() < 0.01
    assert error.max() < 0.06


@every_type
@every_kind
def test_larger_picture_is_close_to_pillows_lanczos(kind: str, dtype: Any) -> None:
    image = smooth(60, 80, kind, dtype)
    if kind == "BGRA":
        image[..., 3] = full(image)

    result = resize(image, width=200, enlarge=True)

    error = np.abs(result - by_pillow(image, 200, 150, Image.Resampling.LANCZOS)) / full(image)
    assert error.mean() < 0.005
    assert error.max() < 0.03


@pytest.mark.parametrize("side", [205, 160, 128, 100, 64, 48])
def test_zone_plate_has_the_moire_of_lanczos_and_half_that_of_means(side: int) -> None:
    plate = zone_plate(256)
    y, x = np.mgrid[0:side, 0:side] + 0.5
    frequency = np.hypot(x, y) / (2 * side)  # of the rings there, in cycles per pixel of the plate
    finest = side / 256 / 2  # that the result can hold
    too_fine, well_held = frequency > 1.1 * finest, frequency < 0.6 * finest
    ideal = 100 * np.cos(2 * np.pi * (x**2 + y**2) * 256 / (4 * side**2))

    def moire(image: Array) -> float:
        return float(np.sqrt(((image[too_fine] - 127.5) ** 2).mean()))

    def error(image: Array) -> float:
        return float(np.sqrt(((image - 127.5 - ideal)[well_held] ** 2).mean()))

    ours = resize(plate, width=side).astype(float)
    lanczos = by_pillow(plate, side, side, Image.Resampling.LANCZOS)
    box = by_pillow(plate, side, side, Image.Resampling.BOX)

    assert moire(ours) < 1.4 * moire(lanczos)
    assert moire(ours) < 0.65 * moire(box)
    assert error(ours) < 3.5
    assert error(ours) < error(box) * 0.7


@pytest.mark.parametrize(
    ("parameters", "of_1600x1200", "of_30x50"),
    [
        pytest.param({"width": 800}, (800, 600), (30, 50), id="width"),
        pytest.param({"height": 40}, (53, 40), (24, 40), id="height"),
        pytest.param({"width": 7, "fit": Fit.COVER}, (7, 5), (7, 12), id="width alone, to cover"),
        pytest.param({"width": 7, "fit": Fit.EXACT}, (7, 5), (7, 12), id="width alone, exact"),
        pytest.param({"width": 60, "enlarge": True}, (60, 45), (60, 100), id="width, enlarged"),
        pytest.param({"height": 75, "enlarge": True}, (100, 75), (45, 75), id="height, enlarged"),
        pytest.param({"width": 40, "height": 40}, (40, 30), (24, 40), id="inside"),
        pytest.param({"width": 1, "height": 9}, (1, 1), (1, 2), id="inside, rounded to 1"),
        pytest.param({"width": 2000, "height": 100}, (133, 100), (30, 50), id="inside a wide box"),
        pytest.param(
            {"width": 60, "height": 200, "enlarge": True}, (60, 45), (60, 100), id="inside, enlarged"
        ),
        pytest.param({"width": 20, "height": 20, "fit": Fit.COVER}, (20, 20), (20, 20), id="cover"),
        pytest.param(
            {"width": 60, "height": 40, "fit": Fit.COVER}, (60, 40), (30, 20), id="cover, in proportion"
        ),
        pytest.param(
            {"width": 60, "height": 40, "fit": Fit.COVER, "enlarge": True}, (60, 40), (60, 40), id="cover all"
        ),
        pytest.param({"width": 33, "height": 44, "fit": Fit.EXACT}, (33, 44), (30, 44), id="exact"),
        pytest.param(
            {"width": 33, "height": 44, "fit": Fit.EXACT, "enlarge": True}, (33, 44), (33, 44), id="exact all"
        ),
        pytest.param({"scale": 0.25}, (400, 300), (8, 13), id="scale"),
        pytest.param({"scale": 0.001}, (2, 1), (1, 1), id="least scale"),
        pytest.param({"scale": 1.5}, (2400, 1800), (45, 75), id="scale above 1"),
        pytest.param({"scale": 1.0}, (1600, 1200), (30, 50), id="scale of 1"),
    ],
)
def test_size_of_the_result(
    parameters: dict[str, Any], of_1600x1200: tuple[int, int], of_30x50: tuple[int, int]
) -> None:
    for image, size in ((np.zeros((1200, 1600), np.uint8), of_1600x1200), (np.zeros((50, 30)), of_30x50)):
        assert resize(image.astype(np.uint8), **parameters).shape == (size[1], size[0])


@pytest.mark.parametrize("fit", Fit)
def test_side_that_is_given_alone_is_reached_however_the_other_is_rounded(fit: Fit) -> None:
    image = np.zeros((333, 1000), np.uint8)

    assert resize(image, width=100, fit=fit).shape == (33, 100)
    assert resize(image.T, height=100, fit=fit).shape == (100, 33)


sides = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(sides, sides, st.sampled_from(Fit), st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_even_image_stays_even_and_within_what_was_asked_for(
    size: tuple[int, int],
    box: tuple[int, int],
    fit: Fit,
    enlarge: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    height, width = size
    box_width, box_height = box
    image = np.full((height, width, 3), (1, 100, 255), np.uint8)

    result = resize(image, width=box_width, height=box_height, fit=fit, enlarge=enlarge)

    assert (result == (1, 100, 255)).all()
    got_height, got_width = result.shape[:2]
    assert got_width <= box_width
    assert got_height <= box_height
    if enlarge:
        assert got_width == box_width or got_height == box_height
        assert fit is Fit.INSIDE or (got_width, got_height) == (box_width, box_height)
    else:
        assert got_width <= width
        assert got_height <= height


@every_type
@every_kind
def test_cover_keeps_the_middle(kind: str, dtype: Any) -> None:
    image = noise(20, 31, kind, dtype)

    result = resize(image, width=100, height=100, fit=Fit.COVER)

    np.testing.assert_array_equal(result, image[:, 5:25])


def test_covering_box_is_sampled_from_the_middle_alone() -> None:
    image = noise(40, 100, "BGR", np.uint8, 0.4, 0.6)

    result = resize(image, width=20, height=20, fit=Fit.COVER)

    np.testing.assert_allclose(result, expected(image[:, 30:70], 20, 20), rtol=0, atol=2)


@pytest.mark.parametrize("scale", [0.3, 0.7, 1.7])
@every_type
def test_colour_that_nobody_can_see_does_not_show(dtype: Any, scale: float) -> None:
    most = np.iinfo(dtype).max
    image = np.zeros((24, 30, 4), dtype)
    image[:, :15] = (most // 5, most // 2, most // 3, most)
    image[:, 15:, :3] = most

    result = resize(image, scale=scale)

    seen = result[..., 3] > most // 100
    assert seen.any()
    assert not seen.all()
    np.testing.assert_allclose(result[seen][:, :3], np.tile(image[0, 0, :3], (seen.sum(), 1)), atol=1, rtol=0)


@pytest.mark.parametrize("scale", [0.3, 0.7, 1.7])
@every_type
def test_opaque_image_stays_opaque_and_has_the_colours_of_one_without_alpha(dtype: Any, scale: float) -> None:
    image = noise(25, 30, "BGRA", dtype, 0.4, 0.6)
    image[..., 3] = np.iinfo(dtype).max

    result = resize(image, scale=scale)

    assert (result[..., 3] == np.iinfo(dtype).max).all()
    np.testing.assert_allclose(result[..., :3], resize(image[..., :3], scale=scale).astype(float), atol=2)


@pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
def test_millions_of_pixels_have_the_mean_that_they_have(dtype: Any) -> None:
    """OpenCV 5.0 makes 0 of more than 8.4 million times 255, and is 1.5 % off for as many of 16 bits."""
    most = np.iinfo(dtype).max
    image = np.full((1, 20_000_000), most, dtype)
    image[:, ::2] -= most // 25

    np.testing.assert_allclose(resize(image, width=1, height=1), [[most - most // 25 / 2]], rtol=0, atol=1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (1, 2), (2, 1)], ids=str)
@every_type
@every_kind
def test_thin_images(kind: str, dtype: Any, shape: tuple[int, int]) -> None:
    image = noise(*shape, kind, dtype, 0.4, 0.6)

    for width, height in ((1, 1), (5, 1), (1, 7), (3, 4)):
        result = resize(image, width=width, height=height, fit=Fit.EXACT, enlarge=True)
        np.testing.assert_allclose(result, expected(image, width, height), rtol=0, atol=2)


def test_longest_side() -> None:
    result = resize(np.full((2, 3), 9, np.uint8), width=65500, height=1, fit=Fit.EXACT, enlarge=True)

    assert result.shape == (1, 65500)
    assert (result == 9).all()


VIEWS = [
    pytest.param(lambda image: image[::2, ::-1], id="strided"),
    pytest.param(lambda image: image.swapaxes(0, 1), id="transposed"),
    pytest.param(lambda image: image[5:, 3:20], id="part"),
]


@pytest.mark.parametrize("view", VIEWS)
@every_type
@every_kind
def test_views_have_the_result_of_their_copies_and_stay_unchanged(kind: str, dtype: Any, view: Any) -> None:
    image = view(noise(40, 30, kind, dtype))
    before = image.copy()

    for parameters in (
        {"scale": 0.4},
        {"scale": 2.0},
        {"scale": 1.0},
        {"width": 9, "height": 9, "fit": Fit.COVER},
    ):
        result = resize(image, **parameters)
        np.testing.assert_array_equal(result, resize(before, **parameters))
        np.testing.assert_array_equal(image, before)
        assert not np.shares_memory(result, image)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        pytest.param("resize", "width=1600", id="nothing"),
        pytest.param("resize: fit=cover", "width=1600", id="no size"),
        pytest.param("resize: scale=0.5, width=3", "only one of them", id="scale and width"),
        pytest.param("resize: scale=0.5, height=3", "only one of them", id="scale and height"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(pipeline: str, message: str) -> None:
    with pytest.raises(BadPipeline, match=message):
        canonical(pipeline)


@pytest.mark.parametrize(
    ("shape", "parameters", "size"),
    [
        pytest.param((600, 800), {}, (256, 256), id="defaults"),
        pytest.param((600, 800), {"square": False}, (192, 256), id="whole"),
        pytest.param((100, 300), {}, (100, 100), id="smaller square"),
        pytest.param((100, 200), {"square": False}, (100, 200), id="smaller whole"),
        pytest.param((3, 900), {"size": 1}, (1, 1), id="smallest"),
        pytest.param((3, 900), {"size": 65500}, (3, 3), id="largest"),
    ],
)
def test_thumbnail_has_the_size(
    shape: tuple[int, int], parameters: dict[str, Any], size: tuple[int, int]
) -> None:
    assert thumbnail(np.zeros(shape, np.uint8), **parameters).shape == size


@every_type
@every_kind
def test_thumbnail_is_the_middle_square(kind: str, dtype: Any) -> None:
    image = noise(60, 100, kind, dtype, 0.4, 0.6)

    np.testing.assert_array_equal(thumbnail(image, size=16), resize(image[:, 20:80], width=16))
    np.testing.assert_array_equal(thumbnail(image, size=16, square=False), resize(image, width=16))


def test_catalogue_knows_both() -> None:
    assert [parameter.name for parameter in CATALOGUE["resize"].parameters] == [
        "width",
        "height",
        "scale",
        "fit",
        "enlarge",
    ]
    assert [parameter.name for parameter in CATALOGUE["thumbnail"].parameters] == ["size", "square"]
