import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging import ImageSettings, process_image
from pixfarm.imaging.encoding import encode
from pixfarm.imaging.fitting import fit
from pixfarm.imaging.formats import Format
from pixfarm.imaging.verification import verify
from tests.integration.imaging.image_files import Array, failure, picture, save, slope, tiff, to_bgr, wide

BGR = to_bgr(picture())
BGRA = np.dstack([BGR, slope()])
GREY = BGR[..., 0].copy()
IMAGES = {
    "colour": BGR,
    "grey": GREY,
    "alpha": BGRA,
    "opaque alpha": np.dstack([BGR, np.full_like(GREY, 255)]),
    "colour 16": wide(BGR),
    "grey 16": wide(GREY),
    "alpha 16": wide(BGRA),
    "one pixel": BGR[:1, :1].copy(),
}
LARGE = np.tile(BGR, (40, 20, 1))
MANY = encode(LARGE, Format.TIFF)


def encoded(image_format: Format, image: Array = BGR, *, lossless: bool = False) -> tuple[bytes, Array]:
    fitting = fit(image, image_format)
    return encode(fitting, image_format, lossless=lossless), fitting


def refusal(content: bytes, image_format: Format, image: Array = BGR) -> str:
    with pytest.raises(TaskFailed) as caught:
        verify(content, image_format, image)
    return failure(FailureCode.INTERNAL, caught.value)


@pytest.mark.parametrize("lossless", [True, False], ids=["lossless", "lossy"])
@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize("image_format", list(Format))
def test_what_opencv_encodes_is_whole(image_format: Format, image: Array, *, lossless: bool) -> None:
    content, fitting = encoded(image_format, image, lossless=lossless)

    verify(content, image_format, fitting)


@pytest.mark.parametrize("image_format", list(Format))
@pytest.mark.parametrize("image", [BGR, LARGE], ids=["one strip", "many strips"])
def test_a_file_that_breaks_off_anywhere_is_refused(image_format: Format, image: Array) -> None:
    content, fitting = encoded(image_format, image)

    for length in range(0, len(content), max(1, len(content) // 200)):
        assert "is no whole" in refusal(content[:length], image_format, fitting)
    assert "is no whole" in refusal(content[:-1], image_format, fitting)


@pytest.mark.parametrize("image_format", list(Format))
def test_an_empty_file_is_refused(image_format: Format) -> None:
    message = refusal(b"", image_format)

    assert message == f"its result is no whole {image_format} of 40 x 24 px: it is empty"


@pytest.mark.parametrize("image_format", list(Format))
def test_a_file_of_zeros_is_refused(image_format: Format) -> None:
    # What a full or failing disk leaves of a file, and what memory is before it is written.
    assert "is no whole" in refusal(bytes(len(encoded(image_format)[0])), image_format)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda image: image[:-1], id="a row less"),
        pytest.param(lambda image: image[:, 1:], id="a column less"),
        pytest.param(lambda image: image.swapaxes(0, 1), id="turned"),
    ],
)
@pytest.mark.parametrize("image_format", list(Format))
@pytest.mark.parametrize("lossless", [True, False], ids=["lossless", "lossy"])
def test_a_file_of_another_size_is_refused(
    image_format: Format, change: Callable[[Array], Array], *, lossless: bool
) -> None:
    other = np.ascontiguousarray(change(BGR))
    content, _ = encoded(image_format, other, lossless=lossless)

    message = refusal(content, image_format)

    height_px, width_px = other.shape[:2]
    expected = f"no whole {image_format} of 40 x 24 px: it has {width_px} x {height_px}"
    assert message == f"its result is {expected}"


@pytest.mark.parametrize("image_format", list(Format))
@pytest.mark.parametrize("other", list(Format))
def test_a_file_of_another_format_is_refused(image_format: Format, other: Format) -> None:
    content, _ = encoded(other)

    if other is image_format:
        verify(content, image_format, BGR)
        return
    message = refusal(content, image_format)
    assert message.startswith(f"its result is no whole {image_format} of")
    if image_format is not Format.AVIF:
        assert message.endswith("it is an AVIF image" if other is Format.AVIF else f"it is a {other}")


def with_count(content: bytes, tag: int, count: int) -> bytes:
    """A little-endian TIFF that claims so many values of a tag."""
    mended = bytearray(content)
    (start,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, start)
    places = [start + 2 + 12 * index for index in range(entries)]
    (place,) = [place for place in places if struct.unpack_from("<H", content, place) == (tag,)]
    struct.pack_into("<I", mended, place + 4, count)
    return bytes(mended)


@pytest.mark.parametrize(
    ("content", "image"),
    [
        pytest.param(tiff(BGR)[:-1], BGR, id="the last one is cut"),
        pytest.param(tiff(BGR, {279: [1, 1]}), BGR, id="more lengths than places"),
        pytest.param(with_count(with_count(MANY, 273, 10**6), 279, 10**6), LARGE, id="more than there are"),
    ],
)
def test_a_tiff_whose_strips_are_not_all_there_is_refused(content: bytes, image: Array) -> None:
    assert "is no whole TIFF" in refusal(content, Format.TIFF, image)


def test_another_file_of_the_same_boxes_is_no_avif() -> None:
    content = encode(BGR, Format.AVIF)

    assert "is no whole AVIF" in refusal(content.replace(b"avif", b"heic"), Format.AVIF)


@pytest.mark.parametrize(
    ("image_format", "written", "image"),
    [
        pytest.param(Format.JPEG, GREY, BGR, id="grey JPEG"),
        pytest.param(Format.PNG, GREY, BGR, id="grey PNG"),
        pytest.param(Format.PNG, BGR, BGRA, id="PNG without its alpha"),
        pytest.param(Format.BMP, BGR, BGRA, id="BMP without its alpha"),
        pytest.param(Format.TIFF, BGR, BGRA, id="TIFF without its alpha"),
        pytest.param(Format.WEBP, BGRA, BGR, id="WebP with alpha"),
        pytest.param(Format.AVIF, GREY, BGR, id="grey AVIF"),
        pytest.param(Format.AVIF, BGRA, BGR, id="AVIF with alpha"),
    ],
)
def test_a_file_of_other_channels_is_refused(image_format: Format, written: Array, image: Array) -> None:
    assert "channels, not" in refusal(encode(written, image_format), image_format, image)


@pytest.mark.parametrize("image_format", [Format.PNG, Format.TIFF])
def test_a_file_of_other_bits_is_refused(image_format: Format) -> None:
    message = refusal(encode(BGR, image_format), image_format, wide(BGR))

    assert message.endswith("it has 8 bits per channel, not 16")


@pytest.mark.parametrize("image_format", [Format.JPEG, Format.PNG, Format.BMP, Format.WEBP, Format.AVIF])
def test_a_file_that_goes_on_after_its_end_is_refused(image_format: Format) -> None:
    assert "is no whole" in refusal(encoded(image_format)[0] + b"\1\2\3", image_format)


@pytest.mark.parametrize("image_format", list(Format))
def test_nothing_is_published_of_a_result_that_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image_format: Format
) -> None:
    content, _ = encoded(image_format)
    monkeypatch.setattr("pixfarm.imaging.finishing.encode", lambda *arguments, **settings: content[:-1])
    (tmp_path / "a.png").write_bytes(save(Image.fromarray(picture()), "PNG"))

    with pytest.raises(TaskFailed) as caught:
        process_image(tmp_path / "a.png", tmp_path / "output_dir" / "a.png", "a1", ImageSettings(fsync=False))

    assert "is no whole PNG of 40 x 24 px" in failure(FailureCode.INTERNAL, caught.value)
    assert not (tmp_path / "output_dir").exists()
