from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixfarm.imaging.colours import Colour
from pixfarm.imaging.operations.declaration import CATALOGUE
from pixfarm.imaging.operations.framing import Direction, border, crop, flip, pad, rotate
from pixfarm.imaging.operations.placing import Gravity
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.pipeline_text import BadPipeline
from tests.integration.imaging.image_files import Array

KINDS = {"grey": (), "BGR": (3,), "BGRA": (4,)}
TYPES = {"8bit": np.uint8, "16bit": np.uint16}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_type = pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)
ORANGE = Colour(255, 165, 0, alpha=128)


def full(image: Array) -> int:
    return int(np.iinfo(image.dtype).max)


def noise(height: int, width: int, kind: str, dtype: Any, low: float = 0, high: float = 1) -> Array:
    rng = np.random.default_rng(height * 1000 + width)
    most = np.iinfo(dtype).max
    return rng.integers(
        int(low * most), int(high * most), (height, width, *KINDS[kind]), dtype, endpoint=True
    )


def numbered(height: int = 60, width: int = 100) -> Array:
    """No two pixels are alike."""
    return np.arange(height * width, dtype=np.uint16).reshape(height, width)


def orange(image: Array) -> Array:
    """ORANGE as a pixel of that image."""
    scale = full(image) // 255
    return np.array([173 * scale] if image.ndim == 2 else [0, 165 * scale, 255 * scale, 128 * scale])[
        : 1 if image.ndim == 2 else image.shape[2]
    ]


def padded(image: Array, top: int, bottom: int, left: int, right: int, pixel: Array) -> Array:
    """On a plain canvas of that pixel."""
    height, width = image.shape[:2]
    canvas = np.empty((height + top + bottom, width + left + right, len(pixel)), image.dtype)
    canvas[...] = pixel
    canvas[top : top + height, left : left + width] = image.reshape(height, width, -1)
    return canvas.reshape(*canvas.shape[:2], *image.shape[2:])


@pytest.mark.parametrize(
    ("parameters", "rows", "columns"),
    [
        pytest.param({"x": 10, "y": 20, "width": 30, "height": 25}, (20, 45), (10, 40), id="box"),
        pytest.param({"x": 0, "y": 0, "width": 1, "height": 1}, (0, 1), (0, 1), id="first pixel"),
        pytest.param({"x": 99, "y": 59}, (59, 60), (99, 100), id="last pixel"),
        pytest.param({"x": 7}, (0, 60), (7, 100), id="x alone"),
        pytest.param({"y": 7}, (7, 60), (0, 100), id="y alone"),
        pytest.param({"x": 90, "y": 50, "width": 20, "height": 20}, (50, 60), (90, 100), id="partly outside"),
        pytest.param({"width": 30, "height": 20}, (20, 40), (35, 65), id="centre"),
        pytest.param({"width": 31, "height": 21}, (19, 40), (34, 65), id="odd rest"),
        pytest.param({"width": 30}, (0, 60), (35, 65), id="width alone"),
        pytest.param({"height": 20}, (20, 40), (0, 100), id="height alone"),
        pytest.param({"width": 65500, "height": 65500}, (0, 60), (0, 100), id="larger than the image"),
        pytest.param({"width": 30, "height": 20, "gravity": Gravity.NORTH}, (0, 20), (35, 65), id="north"),
        pytest.param({"width": 30, "height": 20, "gravity": Gravity.NORTHEAST}, (0, 20), (70, 100), id="ne"),
        pytest.param({"width": 30, "height": 20, "gravity": Gravity.EAST}, (20, 40), (70, 100), id="east"),
        pytest.param({"width": 30, "height": 20, "gravity": Gravity.SOUTHEAST}, (40, 60), (70, 100), id="se"),
        pytest.param({"width": 30, "height": 20, "gravity": Gravity.SOUTH}, (40, 60), (35, 65), id="south"),
        pytest.param({"width": 30, "height": 20, "gravity": Gravity.SOUTHWEST}, (40, 60), (0, 30), id="sw"),
        pytest.param({"width": 30, "height": 20, "gravity": Gravity.WEST}, (20, 40), (0, 30), id="west"),
        pytest.param({"width": 30, "height": 20, "gravity": Gravity.NORTHWEST}, (0, 20), (0, 30), id="nw"),
        pytest.param(
            {"width": 200, "height": 20, "gravity": Gravity.SOUTHEAST}, (40, 60), (0, 100), id="wide"
        ),
    ],
)
def test_crop_keeps_the_box(
    parameters: dict[str, Any], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    result = crop(numbered(), **parameters)

    np.testing.assert_array_equal(result, numbered()[slice(*rows), slice(*columns)])


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_crop_is_what_slicing_keeps(x: int, y: int, width: int, height: int) -> None:
    image = numbered(20, 25)
    kept = image[y : y + height, x : x + width]

    if kept.size:
        np.testing.assert_array_equal(crop(image, x=x, y=y, width=width, height=height), kept)
    else:
        with pytest.raises(ValueError, match=r"nothing to keep at .* 25 x 20"):
            crop(image, x=x, y=y, width=width, height=height)


@pytest.mark.parametrize(
    ("parameters", "sides"),
    [
        pytest.param({"width": 20, "height": 15}, (2, 3, 3, 4), id="centre"),
        pytest.param({"width": 20}, (0, 0, 3, 4), id="width alone"),
        pytest.param({"height": 12}, (1, 1, 0, 0), id="height alone"),
        pytest.param({"width": 5, "height": 12}, (1, 1, 0, 0), id="wider than asked for"),
        pytest.param({"width": 1, "height": 1}, (0, 0, 0, 0), id="larger than asked for"),
        pytest.param({"width": 20, "height": 15, "gravity": Gravity.NORTH}, (0, 5, 3, 4), id="north"),
        pytest.param({"width": 20, "height": 15, "gravity": Gravity.NORTHEAST}, (0, 5, 7, 0), id="northeast"),
        pytest.param({"width": 20, "height": 15, "gravity": Gravity.EAST}, (2, 3, 7, 0), id="east"),
        pytest.param({"width": 20, "height": 15, "gravity": Gravity.SOUTHEAST}, (5, 0, 7, 0), id="southeast"),
        pytest.param({"width": 20, "height": 15, "gravity": Gravity.SOUTH}, (5, 0, 3, 4), id="south"),
        pytest.param({"width": 20, "height": 15, "gravity": Gravity.SOUTHWEST}, (5, 0, 0, 7), id="southwest"),
        pytest.param({"width": 20, "height": 15, "gravity": Gravity.WEST}, (2, 3, 0, 7), id="west"),
        pytest.param({"width": 20, "height": 15, "gravity": Gravity.NORTHWEST}, (0, 5, 0, 7), id="northwest"),
        pytest.param({"top": 3}, (3, 0, 0, 0), id="top"),
        pytest.param({"top": 1, "right": 2, "bottom": 3, "left": 4}, (1, 3, 4, 2), id="all sides"),
    ],
)
@every_type
@every_kind
def test_pad_adds_around_the_image(
    kind: str, dtype: Any, parameters: dict[str, Any], sides: tuple[int, int, int, int]
) -> None:
    image = noise(10, 13, kind, dtype)

    result = pad(image, **parameters, colour=ORANGE)

    assert result.dtype == dtype
    np.testing.assert_array_equal(result, padded(image, *sides, orange(image)))


def test_longest_sides_of_pad() -> None:
    assert pad(np.zeros((1, 1), np.uint8), width=65500).shape == (1, 65500)
    assert pad(np.zeros((1, 1), np.uint8), bottom=65500).shape == (65501, 1)


@every_type
def test_pad_is_white_and_transparent_where_there_is_opacity(dtype: Any) -> None:
    most = np.iinfo(dtype).max
    for kind, pixel in (("grey", most), ("BGR", [most] * 3), ("BGRA", [most, most, most, 0])):
        assert (pad(noise(2, 2, kind, dtype), top=1)[0] == pixel).all()


@pytest.mark.parametrize("width", [1, 20, 300])
@every_type
@every_kind
def test_border_is_on_all_sides(kind: str, dtype: Any, width: int) -> None:
    image = noise(10, 13, kind, dtype)

    result = border(image, width=width, colour=ORANGE)

    np.testing.assert_array_equal(result, padded(image, width, width, width, width, orange(image)))


@every_type
@every_kind
def test_border_is_white_and_twenty_pixels_wide(kind: str, dtype: Any) -> None:
    image = noise(3, 5, kind, dtype)

    white = np.full(image.shape[2:] or 1, full(image))
    np.testing.assert_array_equal(border(image), padded(image, 20, 20, 20, 20, white))


@pytest.mark.parametrize(
    ("angle", "counter_clockwise_turns"),
    [(0, 0), (90, 3), (180, 2), (270, 1), (360, 0), (-90, 1), (-180, 2), (-270, 3), (-360, 0), (-1e-30, 0)],
)
@every_type
@every_kind
def test_quarter_turns_are_exact(kind: str, dtype: Any, angle: float, counter_clockwise_turns: int) -> None:
    image = noise(10, 13, kind, dtype)

    np.testing.assert_array_equal(rotate(image, angle=angle), np.rot90(image, counter_clockwise_turns))


def test_rotation_is_by_a_quarter_clockwise() -> None:
    image = np.array([[1, 2], [3, 4]], np.uint8)

    np.testing.assert_array_equal(rotate(image), [[3, 1], [4, 2]])


@every_type
@every_kind
def test_quarter_turn_that_keeps_the_size_keeps_the_middle(kind: str, dtype: Any) -> None:
    image = noise(10, 14, kind, dtype)

    result = rotate(image, angle=90, expand=False, background=ORANGE)

    assert result.shape == image.shape
    middle = np.rot90(image, 3)[2:12]
    np.testing.assert_array_equal(result, padded(middle, 0, 0, 2, 2, orange(image)))
    np.testing.assert_array_equal(rotate(image, angle=180, expand=False), image[::-1, ::-1])


def cubic(distance: Array, a: float = -0.75) -> Array:
    """Keys (1981)."""
    d = abs(distance)
    near, far = (a + 2) * d**3 - (a + 3) * d**2 + 1, a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def expected_turn(image: Array, angle: float, size: tuple[int, int], pixel: Array) -> Array:
    """Cubic samples at the places of the result's pixels, of colour times opacity, on endless background."""
    rim = 3
    planes = padded(image.astype(float), rim, rim, rim, rim, pixel)
    planes = planes.reshape(*planes.shape[:2], -1)
    if planes.shape[2] == 4:
        planes[..., :3] *= planes[..., 3:] / full(image)
    (height, width), (new_width, new_height) = image.shape[:2], size
    y, x = np.mgrid[0:new_height, 0:new_width] - np.reshape(
        [(new_height - 1) / 2, (new_width - 1) / 2], (2, 1, 1)
    )
    sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    at_x, at_y = cosine * x + sine * y + (width - 1) / 2, cosine * y - sine * x + (height - 1) / 2
    result = np.zeros((new_height, new_width, planes.shape[2]))
    left, top = np.floor(at_x).astype(int), np.floor(at_y).astype(int)
    for row in range(-1, 3):
        for column in range(-1, 3):
            weight = cubic(at_y - top - row) * cubic(at_x - left - column)
            taps_y = np.clip(top + row + rim, 0, height + 2 * rim - 1)
            taps_x = np.clip(left + column + rim, 0, width + 2 * rim - 1)
            result += weight[..., None] * planes[taps_y, taps_x]
    if planes.shape[2] == 4:
        alpha = result[..., 3:].copy()
        result[..., :3] = np.divide(
            result[..., :3] * full(image), alpha, out=np.zeros_like(result[..., :3]), where=alpha > 0
        )
    return np.clip(result, 0, full(image)).reshape(new_height, new_width, *image.shape[2:])


@pytest.mark.parametrize("angle", [0.5, 7.3, 45, 89.9, 133, -20, 271.5, -359])
@pytest.mark.parametrize("expand", [True, False], ids=["expanded", "same size"])
@every_type
@every_kind
def test_turn_follows_the_definition_of_cubic_samples(
    kind: str,
    dtype: Any,
    expand: bool,  # noqa: FBT001 - pytest gives it
    angle: float,
) -> None:
    image = noise(19, 26, kind, dtype, 0.3, 0.7)
    opaque = Colour(255, 165, 0)

    result = rotate(image, angle=angle, expand=expand, background=opaque)

    pixel = orange(image)
    if kind == "BGRA":
        pixel[3] = full(image)
    assert result.dtype == dtype
    assert expand or result.shape == image.shape
    reference = expected_turn(image, angle, (result.shape[1], result.shape[0]), pixel)
    np.testing.assert_allclose(result, reference, rtol=0, atol=1)


@pytest.mark.parametrize(
    ("angle", "size"),
    [(45, (71, 71)), (30, (72, 65)), (-30, (72, 65)), (89.999, (41, 61)), (1e-9, (60, 40)), (120, (65, 72))],
)
def test_expanded_size_holds_all_of_the_image(angle: float, size: tuple[int, int]) -> None:
    image = np.full((40, 60), 255, np.uint8)

    result = rotate(image, angle=angle, background=Colour(0, 0, 0))

    assert result.shape == (size[1], size[0])
    assert result.sum() / 255 == pytest.approx(40 * 60, rel=0.005)


@pytest.mark.parametrize("angle", [10.0, -33.0, 100.0])
@every_type
def test_turn_of_a_smooth_picture_is_close_to_pillows(dtype: Any, angle: float) -> None:
    y, x = np.mgrid[0:60, 0:80]
    most = np.iinfo(dtype).max
    image = ((np.sin(x / 6) * np.cos(y / 7) / 2.5 + 0.5) * most).astype(dtype)

    result = rotate(image, angle=angle, expand=False)

    source = Image.fromarray(image.astype(np.float32))
    reference = np.asarray(source.rotate(-angle, Image.Resampling.BICUBIC))
    distance = np.hypot(y - 29.5, x - 39.5)
    assert np.abs(result - reference)[distance < 25].max() < most * 0.01


@pytest.mark.parametrize("expand", [True, False], ids=["expanded", "same size"])
@every_type
def test_colour_that_nobody_can_see_does_not_show(dtype: Any, expand: bool) -> None:  # noqa: FBT001 - pytest gives it
    most = np.iinfo(dtype).max
    image = np.zeros((24, 30, 4), dtype)
    image[:, :15] = (most // 5, most // 2, most // 3, most)
    image[:, 15:, :3] = most

    result = rotate(image, angle=25, expand=expand)

    seen = result[..., 3] > most // 50
    assert seen.any()
    assert not seen.all()
    np.testing.assert_allclose(result[seen][:, :3], np.tile(image[0, 0, :3], (seen.sum(), 1)), rtol=0, atol=2)


@every_type
def test_free_corners_are_white_and_transparent_where_there_is_opacity(dtype: Any) -> None:
    most = np.iinfo(dtype).max
    for kind in ("grey", "BGR"):
        assert (rotate(noise(20, 20, kind, dtype), angle=45)[0, 0] == most).all()
    assert rotate(noise(20, 20, "BGRA", dtype), angle=45)[0, 0, 3] == 0


@pytest.mark.parametrize(
    ("direction", "flipped"),
    [
        pytest.param(Direction.HORIZONTAL, lambda image: image[:, ::-1], id="horizontal"),
        pytest.param(Direction.VERTICAL, lambda image: image[::-1], id="vertical"),
        pytest.param(Direction.BOTH, lambda image: image[::-1, ::-1], id="both"),
    ],
)
@every_type
@every_kind
def test_flip_mirrors(kind: str, dtype: Any, direction: Direction, flipped: Any) -> None:
    image = noise(10, 13, kind, dtype)

    result = flip(image, direction=direction)

    assert result.dtype == dtype
    np.testing.assert_array_equal(result, flipped(image))


def test_flip_exchanges_left_and_right_unless_told_otherwise() -> None:
    np.testing.assert_array_equal(flip(np.array([[1, 2], [3, 4]], np.uint8)), [[2, 1], [4, 3]])


CALLS = [
    pytest.param(lambda image: crop(image, width=4), id="crop"),
    pytest.param(lambda image: crop(image, x=0, y=0), id="crop nothing"),
    pytest.param(lambda image: pad(image, width=30, height=40), id="pad"),
    pytest.param(lambda image: pad(image, width=1), id="pad nothing"),
    pytest.param(lambda image: border(image, width=2), id="border"),
    pytest.param(rotate, id="rotate 90"),
    pytest.param(lambda image: rotate(image, angle=0), id="rotate 0"),
    pytest.param(lambda image: rotate(image, angle=180), id="rotate 180"),
    pytest.param(lambda image: rotate(image, angle=90, expand=False), id="rotate 90, same size"),
    pytest.param(lambda image: rotate(image, angle=12), id="rotate 12"),
    pytest.param(flip, id="flip"),
]


@pytest.mark.parametrize("call", CALLS)
@every_type
@every_kind
def test_views_have_the_result_of_their_copies_and_stay_unchanged(kind: str, dtype: Any, call: Any) -> None:
    image = noise(40, 30, kind, dtype)

    for view in (image[::2, ::-1], image.swapaxes(0, 1), image[5:, 3:20], image):
        before = view.copy()
        result = call(view)
        np.testing.assert_array_equal(result, call(before))
        np.testing.assert_array_equal(view, before)
        assert not np.shares_memory(result, image)
        assert result.flags.c_contiguous


@pytest.mark.parametrize("call", CALLS)
@every_type
@every_kind
def test_thin_images(kind: str, dtype: Any, call: Any) -> None:
    for shape in ((1, 1), (1, 9), (9, 1)):
        image = np.full((*shape, *KINDS[kind]), np.iinfo(dtype).max, dtype)

        result = call(image)

        assert result.dtype == dtype
        assert result.shape[2:] == image.shape[2:]
        assert result.max() == np.iinfo(dtype).max


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        pytest.param("crop", "write width and height", id="no box"),
        pytest.param("crop: gravity=north", "write width and height", id="gravity alone"),
        pytest.param("crop: x=1, gravity=north", "only one of them", id="x, gravity"),
        pytest.param("crop: y=1, width=2, gravity=north", "only one of them", id="y, width, gravity"),
        pytest.param("pad", "write width and height, or top", id="nothing to pad"),
        pytest.param("pad: gravity=east", "write width and height, or top", id="gravity alone, to pad"),
        pytest.param("pad: width=9, top=1", "only one of them", id="size and side"),
        pytest.param("pad: height=9, left=1", "only one of them", id="height and side"),
        pytest.param("pad: top=1, gravity=east", "leave it out", id="side, gravity"),
    ],
)
def test_combinations_that_make_no_sense_are_refused(pipeline: str, message: str) -> None:
    with pytest.raises(BadPipeline, match=message):
        canonical(pipeline)


@pytest.mark.parametrize("box", [{"x": 6, "y": 2}, {"y": 65500, "height": 9}], ids=str)
def test_a_box_outside_of_the_image_is_refused(box: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=rf"x={box.get('x', 0)}, y={box['y']} of an image of 6 x 4"):
        crop(np.zeros((4, 6), np.uint8), **box)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("crop", ["x", "y", "width", "height", "gravity"]),
        ("pad", ["width", "height", "gravity", "top", "right", "bottom", "left", "colour"]),
        ("border", ["width", "colour"]),
        ("rotate", ["angle", "expand", "background"]),
        ("flip", ["direction"]),
    ],
)
def test_catalogue_knows_the_parameters(name: str, parameters: list[str]) -> None:
    assert [parameter.name for parameter in CATALOGUE[name].parameters] == parameters
