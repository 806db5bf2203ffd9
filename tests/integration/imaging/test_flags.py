from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixfarm.imaging import draw_edges
from pixfarm.imaging.decoding import decode
from pixfarm.imaging.finishing import finish
from pixfarm.imaging.flags import flags_of
from pixfarm.imaging.formats import examine
from pixfarm.imaging.operations.thresholding import threshold
from pixfarm.recipe import OutputFormat, Recipe
from tests.integration.imaging.image_files import Array, picture, save, to_bgr

_PICTURES = Path(__file__).resolve().parents[3] / "data" / "input_dir"
PHOTOGRAPHS = sorted(path for path in _PICTURES.rglob("*.*") if path.is_file())
SHAPES: dict[str, tuple[int, ...]] = {"grey": (), "colour": (3,), "alpha": (4,)}
KINDS = [
    pytest.param(shape, dtype, id=f"{name} {dtype.__name__}")
    for name, shape in SHAPES.items()
    for dtype in (np.uint8, np.uint16)
]


def plain(value: int, shape: tuple[int, ...], dtype: type, height: int = 70, width: int = 33) -> Array:
    """An opaque image of one value; more rows than are looked at in one go."""
    image: Array = np.full((height, width, *shape), value, dtype)
    if shape == (4,):
        image[..., 3] = np.iinfo(dtype).max
    return image


def by_definition(image: Array) -> set[str]:
    """The flags as plainly as they can be written."""
    full = np.iinfo(image.dtype).max
    pixels = image.reshape(image.shape[0] * image.shape[1], -1)
    seen = pixels[pixels[:, 3] > 0] if pixels.shape[1] == 4 else pixels
    flags = {"uniform"} if len(np.unique(pixels, axis=0)) == 1 or not len(seen) else set()
    colour = seen[:, :3]
    clipped = ((colour == 0) | (colour == full)).all(axis=1).sum()
    return flags | ({"clipped"} if clipped > len(seen) / 2 else set())


@pytest.mark.parametrize(("shape", "dtype"), KINDS)
def test_one_colour_is_uniform(shape: tuple[int, ...], dtype: type) -> None:
    assert flags_of(plain(77, shape, dtype)) == ("uniform",)


@pytest.mark.parametrize("place", [(0, 0), (0, 32), (35, 16), (69, 0), (69, 32)], ids=str)
@pytest.mark.parametrize(("shape", "dtype"), KINDS)
def test_one_other_pixel_is_enough_not_to_be(
    shape: tuple[int, ...], dtype: type, place: tuple[int, int]
) -> None:
    image = plain(77, shape, dtype)
    image[(*place, *([0] if shape else []))] = 78

    assert flags_of(image) == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)], ids=str)
def test_the_smallest_images_have_flags_too(size: tuple[int, int]) -> None:
    assert flags_of(plain(9, (3,), np.uint8, *size)) == ("uniform",)


def test_an_image_of_which_nothing_is_seen_is_uniform() -> None:
    image = np.dstack([to_bgr(picture()), np.zeros((24, 40), np.uint8)])
    assert flags_of(image) == ("uniform",)


def test_a_shape_that_is_drawn_by_opacity_alone_is_not_uniform() -> None:
    image = plain(50, (4,), np.uint8)
    image[10:20, 5:9, 3] = 0
    assert flags_of(image) == ()


@pytest.mark.parametrize("end", ["black", "white"])
@pytest.mark.parametrize(("shape", "dtype"), KINDS)
def test_more_than_half_at_the_ends_is_clipped(shape: tuple[int, ...], dtype: type, end: str) -> None:
    image = plain(77, shape, dtype, height=80)
    colour = image if image.ndim == 2 else image[..., :3]  # a view
    colour[:40] = np.iinfo(dtype).max if end == "white" else 0
    half = flags_of(image)
    colour[40, 0] = 0

    assert (half, flags_of(image)) == ((), ("clipped",))


def test_full_8_bit_values_are_not_clipped_in_16_bits() -> None:
    image = plain(255, (3,), np.uint16)
    image[0, 0] = 3
    assert flags_of(image) == ()


def test_one_channel_at_the_ends_is_not_clipped() -> None:
    image = plain(77, (3,), np.uint8)
    image[5:, :, 2] = 255
    assert flags_of(image) == ()


def test_a_colour_that_has_nothing_but_ends_is_clipped() -> None:
    image = plain(77, (3,), np.uint8)
    image[5:] = (0, 0, 255)
    assert flags_of(image) == ("clipped",)


def test_pixels_that_cannot_be_seen_do_not_count() -> None:
    image = plain(77, (4,), np.uint8, height=100)
    image[:60] = 0  # transparent black, as most programs leave it
    unseen = flags_of(image)
    image[60:81, :, :3] = 255  # 21 of the 40 rows that are seen

    assert (unseen, flags_of(image)) == ((), ("clipped",))


@pytest.mark.parametrize(("shape", "dtype"), KINDS)
def test_flags_are_those_of_the_definition(shape: tuple[int, ...], dtype: type) -> None:
    rng = np.random.default_rng(5)
    full = np.iinfo(dtype).max
    for _ in range(60):
        size = (int(rng.integers(1, 80)), int(rng.integers(1, 12)), *shape)
        # Few values, with ends often enough to be about half of the pixels.
        image = rng.choice(np.array([0, full, 7], dtype), size, p=[0.42, 0.42, 0.16])
        assert set(flags_of(image)) == by_definition(image)


@pytest.mark.parametrize("path", PHOTOGRAPHS, ids=lambda path: path.name)
def test_a_photograph_and_its_edges_have_no_flags(path: Path) -> None:
    image = decode(examine(path.read_bytes()))

    assert (flags_of(image), flags_of(draw_edges(image))) == ((), ())


def test_a_photograph_in_black_and_white_is_clipped() -> None:
    image = decode(examine((_PICTURES / "coffee.jpg").read_bytes()))

    assert flags_of(threshold(image)) == ("clipped",)


def test_flags_are_looked_for_only_when_asked() -> None:
    source = examine(save(Image.new("RGB", (30, 20), "white"), "PNG"))

    assert finish(decode(source), source, Recipe()).flags == ()
    assert finish(decode(source), source, Recipe(check=True)).flags == ("uniform", "clipped")


def test_flags_are_those_of_the_result_as_its_format_has_it() -> None:
    source = examine(save(Image.new("RGBA", (30, 20), (200, 30, 30, 0)), "PNG"))

    finished = finish(decode(source), source, Recipe(format=OutputFormat.JPG, check=True))

    assert finished.flags == ("uniform", "clipped")  # nothing but the white that it is laid on
