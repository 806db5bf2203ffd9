import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.colours import Colour
from pixfarm.imaging.operations import marking
from pixfarm.imaging.operations.lettering import letters
from pixfarm.imaging.operations.marking import overlay, watermark
from pixfarm.imaging.operations.placing import Gravity
from pixfarm.imaging.pipeline.carrying_out import canonical
from pixfarm.imaging.source import Source, read_source
from pixfarm.pipeline_text import BadPipeline
from tests.integration.imaging.image_files import Array, picture, png, slope, to_bgr

KINDS = {"grey": (), "BGR": (3,), "BGRA": (4,)}
TYPES = {"8bit": np.uint8, "16bit": np.uint16}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_type = pytest.mark.parametrize("dtype", TYPES.values(), ids=TYPES)


def noise(height: int, width: int, kind: str, dtype: Any, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, np.iinfo(dtype).max, (height, width, *KINDS[kind]), dtype, endpoint=True)
    if kind == "BGRA":
        image[0, :2, 3] = 0
        image[1, :2, 3] = np.iinfo(dtype).max
    return image


def saved(folder: Path, image: Array, name: str = "mark.png") -> str:
    """A PNG of grey, BGR or BGRA."""
    kind = 0 if image.ndim == 2 else {3: 2, 4: 6}[image.shape[2]]
    rows = image if image.ndim == 2 else to_bgr(image).reshape(len(image), -1)  # its own inverse
    path = folder / name
    path.write_bytes(png(rows, kind, image.dtype.itemsize * 8, width=image.shape[1]))
    return str(path)


def over(under: Array, mark: Array, opacity: int) -> Array:
    """Porter and Duff's "over" of one pixel, in fractions; both of one type, the mark with opacity."""
    most = int(np.iinfo(under.dtype).max)
    above = Fraction(int(mark[-1]), most) * Fraction(opacity, 100)
    has_alpha = len(under) == 4
    below = (Fraction(int(under[3]), most) if has_alpha else Fraction(1)) * (1 - above)
    if above + below == 0:
        return under
    parts = [
        (int(mark[k]) * above + int(under[k]) * below) / (above + below) for k in range(min(3, len(under)))
    ]
    parts += [(above + below) * most] if has_alpha else []
    return np.array([int(part + Fraction(1, 2)) for part in parts], under.dtype)


def as_mark(mark: Array, image: Array) -> Array:
    """The mark with opacity and, unless the image is grey, in colour; same type as before."""
    if mark.ndim == 2:
        mark = mark[..., None]
    alpha = mark[..., 3:] if mark.shape[2] == 4 else np.full((*mark.shape[:2], 1), np.iinfo(mark.dtype).max)
    colour = np.repeat(mark, 3, 2) if mark.shape[2] == 1 else mark[..., :3]
    if image.ndim == 2 and mark.shape[2] != 1:
        colour = np.rint(colour @ np.array([0.114, 0.587, 0.299]))[..., None]
    elif image.ndim == 2:
        colour = mark
    return np.dstack([colour, alpha]).astype(np.int64)


def expected_overlay(image: Array, mark: Array, left: int, top: int, opacity: int) -> Array:
    result = image.copy().reshape(*image.shape[:2], -1)
    full = as_mark(mark, image)
    for row, column in np.ndindex(*mark.shape[:2]):
        y, x = row + top, column + left
        if 0 <= y < image.shape[0] and 0 <= x < image.shape[1]:
            result[y, x] = over(result[y, x], full[row, column], opacity)
    return result.reshape(image.shape)


@every_kind
@every_type
@pytest.mark.parametrize("mark_kind", KINDS)
@pytest.mark.parametrize("opacity", [100, 37])
def test_overlay_blends_exactly(tmp_path: Path, kind: str, dtype: Any, mark_kind: str, opacity: int) -> None:
    image, mark = noise(8, 9, kind, dtype), noise(5, 4, mark_kind, dtype, seed=1)

    result = overlay(image, file=saved(tmp_path, mark), x=2, y=1, opacity=opacity)

    expected = expected_overlay(image, mark, 2, 1, opacity)
    # A colour mark on a grey image is grey to a level, which OpenCV may round otherwise.
    tolerance = 1 if kind == "grey" and mark_kind != "grey" else 0
    assert result.dtype == dtype
    assert np.abs(result.astype(np.int64) - expected).max() <= tolerance


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_blending_is_exact_for_every_value(data: st.DataObject) -> None:
    dtype: Any = data.draw(st.sampled_from([np.uint8, np.uint16]))
    most = int(np.iinfo(dtype).max)
    value = st.one_of(st.sampled_from([0, 1, most]), st.integers(0, most))
    channels = data.draw(st.sampled_from([1, 3, 4]))
    under = np.array([data.draw(value) for _ in range(channels)], dtype)
    mark = np.array([data.draw(value) for _ in range(min(channels, 3) + 1)], dtype)
    opacity = data.draw(st.integers(0, 100))

    pixel = (1, 1, -1)
    colour, cover = mark[:-1].reshape(pixel), mark[-1:].reshape(pixel)
    result = marking._blend(under.reshape(pixel), colour, cover, opacity)

    np.testing.assert_array_equal(result.reshape(-1), over(under, mark, opacity))


def test_overlay_with_opacity_is_that_of_pillow(tmp_path: Path) -> None:
    image, mark = noise(30, 40, "BGRA", np.uint8), noise(30, 40, "BGRA", np.uint8, seed=1)

    result = overlay(image, file=saved(tmp_path, mark))

    pillow = Image.alpha_composite(Image.fromarray(to_bgr(image)), Image.fromarray(to_bgr(mark)))
    expected = to_bgr(np.asarray(pillow)).astype(int)
    seen = expected[..., 3] > 0
    assert np.abs(result.astype(int) - expected)[seen].max() <= 1


def test_a_mark_takes_the_depth_of_the_image(tmp_path: Path) -> None:
    narrow, wide = noise(6, 6, "BGR", np.uint8), noise(6, 6, "BGR", np.uint16)

    up = overlay(np.zeros((6, 6, 3), np.uint16), file=saved(tmp_path, narrow, "narrow.png"))
    down = overlay(np.zeros((6, 6, 3), np.uint8), file=saved(tmp_path, wide, "wide.png"))

    np.testing.assert_array_equal(up, narrow.astype(np.uint16) * 257)
    np.testing.assert_array_equal(down, np.rint(wide / 257))


@pytest.mark.parametrize(("x", "y"), [(-3, -2), (6, 5), (-3, 5), (8, 0), (0, None), (None, 7)])
def test_overlay_is_cut_off_at_the_edges(tmp_path: Path, x: int | None, y: int | None) -> None:
    image, mark = noise(8, 9, "BGR", np.uint8), noise(4, 5, "BGRA", np.uint8, seed=1)

    result = overlay(image, file=saved(tmp_path, mark), x=x, y=y)

    np.testing.assert_array_equal(result, expected_overlay(image, mark, x or 0, y or 0, 100))


@pytest.mark.parametrize(
    ("gravity", "left", "top"),
    [
        (None, 3, 2),
        (Gravity.CENTRE, 3, 2),
        (Gravity.NORTHWEST, 0, 0),
        (Gravity.NORTH, 3, 0),
        (Gravity.EAST, 6, 2),
        (Gravity.SOUTHEAST, 6, 4),
        (Gravity.SOUTHWEST, 0, 4),
    ],
)
def test_overlay_goes_where_gravity_draws_it(
    tmp_path: Path, gravity: Gravity | None, left: int, top: int
) -> None:
    image, mark = noise(8, 9, "grey", np.uint8), noise(4, 3, "grey", np.uint8, seed=1)

    result = overlay(image, file=saved(tmp_path, mark), gravity=gravity)

    np.testing.assert_array_equal(result, expected_overlay(image, mark, left, top, 100))


def test_a_larger_overlay_shows_its_middle(tmp_path: Path) -> None:
    mark = noise(9, 11, "BGR", np.uint8)

    result = overlay(np.zeros((3, 5, 3), np.uint8), file=saved(tmp_path, mark))

    np.testing.assert_array_equal(result, mark[3:6, 3:8])


@pytest.mark.parametrize("scale", [0.1, 25, 50, 300, 1000])
@every_type
def test_scale_is_of_the_size_of_the_file(tmp_path: Path, scale: float, dtype: Any) -> None:
    most = np.iinfo(dtype).max
    mark = np.full((8, 12, 3), most, dtype)

    result = overlay(np.zeros((90, 130), dtype), file=saved(tmp_path, mark), scale=scale)

    side = [max(1, round(length * scale / 100)) for length in mark.shape[:2]]
    assert (result == most).sum() == side[0] * side[1]
    assert set(np.unique(result)) <= {0, most}


def test_invisible_colour_of_a_mark_does_not_bleed_when_it_is_scaled(tmp_path: Path) -> None:
    mark = np.zeros((8, 8, 4), np.uint8)
    mark[:, 3:] = (200, 200, 200, 255)
    mark[:, :3, 2] = 255

    result = overlay(np.full((8, 8, 3), 200, np.uint8), file=saved(tmp_path, mark), scale=50)

    np.testing.assert_array_equal(result, 200)


@pytest.mark.parametrize("gravity", Gravity)
@pytest.mark.parametrize("mark", ["text", "file"])
def test_watermark_stands_within_its_margins_at_its_side(tmp_path: Path, gravity: Gravity, mark: str) -> None:
    image = np.zeros((200, 300), np.uint8)
    what = (
        {"text": "Größe"} if mark == "text" else {"file": saved(tmp_path, np.full((20, 40), 255, np.uint8))}
    )

    result = watermark(image, **what, gravity=gravity, opacity=100, size=20, margin=10)

    rows, columns = np.nonzero(result)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    assert right - left == pytest.approx(60, abs=1)  # thin edges of letters may round to nothing
    room = {"west": (left, 20), "east": (300 - right, 20), "north": (top, 20), "south": (200 - bottom, 20)}
    for side, (found, expected) in room.items():
        if side in gravity:
            assert found == pytest.approx(expected, abs=1)
    if gravity in {Gravity.CENTRE, Gravity.NORTH, Gravity.SOUTH}:
        assert left + right == pytest.approx(300, abs=2)
    if gravity in {Gravity.CENTRE, Gravity.WEST, Gravity.EAST}:
        assert top + bottom == pytest.approx(200, abs=2)


def test_a_watermark_that_would_be_too_high_is_as_high_as_the_margins_allow(tmp_path: Path) -> None:
    mark = saved(tmp_path, np.full((40, 10), 255, np.uint8))

    result = watermark(np.zeros((100, 200), np.uint8), file=mark, size=100, margin=5, opacity=100)

    rows, columns = np.nonzero(result)
    assert (int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1) == (90, 22)


@every_kind
@every_type
def test_text_has_its_colour_and_opacity(kind: str, dtype: Any) -> None:
    image = np.zeros((60, 200, *KINDS[kind]), dtype)
    unit = np.iinfo(dtype).max // 255

    result = watermark(image, text="MM", colour=Colour(200, 100, 50), size=80, opacity=100)

    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    inside = {"grey": [grey], "BGR": [50, 100, 200], "BGRA": [50, 100, 200, 255]}[kind]
    found = result.reshape(-1, result.shape[2] if result.ndim == 3 else 1)
    # Grey of 16 bits is finer than that of the colour's 8.
    near = np.abs(found.astype(int) - np.array(inside) * unit) <= unit // 2
    assert near.all(axis=1).sum() > 500
    assert result.dtype == dtype


def test_opacity_of_the_colour_counts() -> None:
    image = np.zeros((60, 200), np.uint8)

    assert watermark(image, text="MM", colour=Colour(255, 255, 255, 128), opacity=50, size=90).max() == 64


@pytest.mark.parametrize("parameters", [{"size": 0.1}, {"size": 100}, {"margin": 45}, {"margin": 0}], ids=str)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (40, 3), (64, 64)], ids=str)
@every_kind
def test_a_mark_is_seen_in_images_of_every_size(
    kind: str, size: tuple[int, int], parameters: dict[str, float]
) -> None:
    image = np.zeros((*size, *KINDS[kind]), np.uint8)

    result = watermark(image, text="■", opacity=100, **parameters)

    assert result.shape == image.shape
    assert result.any()


@pytest.mark.parametrize(
    "text", ["ä", "ß", "É", "ő", "€", "©", "Ж", "Ω", "ł", "中", "あ", "한", "“", "½", "?"]
)
def test_each_character_looks_unlike_the_question_mark_that_stands_for_lack(text: str) -> None:
    drawn = letters(text, 32)

    assert watermark(np.zeros((50, 50), np.uint8), text=text).any()
    assert text == "?" or not np.array_equal(drawn, letters("?", 32))


def test_an_accent_of_its_own_is_drawn_upon_its_letter() -> None:
    image = np.zeros((50, 200), np.uint8)

    composed, apart = watermark(image, text="Gr\u00f6\u00dfe"), watermark(image, text="Gro\u0308\u00dfe")

    np.testing.assert_array_equal(composed, apart)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("hi \U0001f600", r"U\+1F600"),
        ("x\u0302\u0323", r"U\+0302"),
        ("\u05e9\u05dc\u05d5\u05dd", r"U\+05E9.*U\+05DD"),
        ("\u0633\u0644\u0627\u0645", r"U\+0633"),
        ("\u0928\u092e", r"U\+0928"),
        ("two\nlines", r"U\+000A"),
        ("\u01ce", r"U\+01CE"),  # OpenCV draws nothing for it
        ("\x00", r"U\+0000"),
        ("\ud800", r"U\+D800"),
        ("\U00010400", r"U\+10400"),  # OpenCV draws another letter
    ],
)
def test_what_cannot_be_drawn_is_named(text: str, named: str) -> None:
    with pytest.raises(BadPipeline, match=named) as caught:
        canonical(f'watermark: text="{text}"')

    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("watermark", r"write text=\.\.\. or file=\.\.\."),
        ("watermark: text=a, file=/b.png", "one of them"),
        ('watermark: text="  "', "write some letters"),
        ("watermark: file=b.png", r"'b\.png' is no absolute path; write file=/"),
        ("overlay: file=../b.png", "is no absolute path; write file=/"),
        ("overlay: file=~/b.png", "is no absolute path; write file=/"),
        ('overlay: file=""', "is no absolute path; write file=/"),
        ("overlay: file=/b.png, x=1, gravity=north", "write one of the two"),
        ("overlay: file=/b.png, y=0, gravity=centre", "write one of the two"),
    ],
)
def test_what_no_image_can_be_marked_with_is_refused(pipeline: str, message: str) -> None:
    with pytest.raises(BadPipeline, match=message):
        canonical(pipeline)


def test_whether_a_file_is_there_is_for_the_node_to_say(tmp_path: Path) -> None:
    assert canonical(f"watermark: file={tmp_path}/none.png | overlay: file={tmp_path}/none.png")


@pytest.mark.parametrize(("x", "y"), [(5, 0), (0, 5), (-2, 0), (0, -2), (65500, -65500)])
def test_overlay_outside_of_the_image_is_refused(tmp_path: Path, x: int, y: int) -> None:
    mark = saved(tmp_path, noise(2, 2, "grey", np.uint8))

    with pytest.raises(ValueError, match=rf"2 x 2 px at x={x}, y={y} lie outside of this image of 5 x 5"):
        overlay(np.zeros((5, 5), np.uint8), file=mark, x=x, y=y)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is not there"), (b"", "is empty"), (b"no image", ""), (png(picture(), 2, 8)[:200], "")],
    ids=["missing", "empty", "no image", "truncated"],
)
def test_a_missing_or_broken_file_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "logo of mine.png"
    if content is not None:
        path.write_bytes(content)

    for done in (overlay, watermark):
        with pytest.raises(ValueError, match=rf"logo of mine\.png .*{message}"):
            done(np.zeros((5, 5), np.uint8), file=str(path))


def test_trouble_of_the_node_is_not_blamed_on_the_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, max_bytes: int) -> None:
        raise TaskFailed(FailureCode.NO_RESOURCES, "the node has too many open files")

    monkeypatch.setattr(marking, "read_source", fail)

    with pytest.raises(TaskFailed, match=r"logo\.png.*too many open files") as caught:
        overlay(np.zeros((5, 5), np.uint8), file=str(tmp_path / "logo.png"))
    assert caught.value.code is FailureCode.NO_RESOURCES
    assert "/" not in caught.value.message


def test_a_mark_that_finds_no_memory_is_not_called_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logo.png").write_bytes(png(picture(), 2, 8)[:200])
    monkeypatch.setattr(marking, "has_failed_allocation", lambda: True)

    with pytest.raises(MemoryError):
        overlay(np.zeros((5, 5), np.uint8), file=str(tmp_path / "logo.png"))


def test_a_file_is_read_once_and_again_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def counted(path: Path, max_bytes: int) -> Source:
        read.append(path)
        return read_source(path, max_bytes)

    monkeypatch.setattr(marking, "read_source", counted)
    image = np.zeros((4, 4), np.uint8)
    mark = saved(tmp_path, np.full((4, 4), 7, np.uint8))

    assert [overlay(image, file=mark).max() for _ in range(3)] == [7, 7, 7]
    assert len(read) == 1

    saved(tmp_path, np.full((4, 4), 9, np.uint8))
    os.utime(mark, ns=(1, 1))
    assert [overlay(image, file=mark).max() for _ in range(2)] == [9, 9]
    assert len(read) == 2

    Path(mark).unlink()
    with pytest.raises(ValueError, match="is not there"):
        overlay(image, file=mark)


@every_kind
@every_type
def test_a_view_has_the_result_of_its_copy_and_stays_unchanged(tmp_path: Path, kind: str, dtype: Any) -> None:
    whole = noise(40, 60, kind, dtype)
    view, before = whole[::2, ::-1], whole.copy()
    mark = saved(tmp_path, np.dstack([picture(), slope()]))

    ways: list[Callable[[Array], Array]] = [
        lambda image: overlay(image, file=mark),
        lambda image: watermark(image, text="©"),
    ]
    for done in ways:
        result = done(view)
        np.testing.assert_array_equal(result, done(view.copy()))
        np.testing.assert_array_equal(whole, before)
        assert not np.shares_memory(result, whole)


@every_kind
@every_type
def test_nothing_is_drawn_at_opacity_0(tmp_path: Path, kind: str, dtype: Any) -> None:
    image = noise(24, 40, kind, dtype)

    result = overlay(image, file=saved(tmp_path, np.dstack([picture(), slope()])), opacity=0)

    np.testing.assert_array_equal(result, image)
