import io
from pathlib import Path

import cv2  # noqa: TID251 - its exceptions are what is tested
import numpy as np
import pytest
from PIL import Image

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging import ImageOutcome, ImageSettings, process_image, warm_up
from pixfarm.imaging.decoding import decode
from pixfarm.imaging.formats import examine
from tests.integration.imaging.image_files import (
    ORIENTATION_TAG,
    Array,
    exif,
    expected_edges,
    failure,
    picture,
    png,
    save,
    slope,
    tiff,
    to_bgr,
    wide,
)

RGB = Image.fromarray(picture())
RGBA = np.dstack([picture(), slope()])
BGR = to_bgr(picture())
BGRA = to_bgr(RGBA)
GREY = picture()[..., 0].copy()
SETTINGS = ImageSettings(fsync=False)


def process(folder: Path, content: bytes, name: str = "image") -> ImageOutcome:
    (folder / name).write_bytes(content)
    return process_image(folder / name, folder / "output_dir" / name, "a1", SETTINGS)


def process_fails(folder: Path, content: bytes, code: FailureCode) -> str:
    with pytest.raises(TaskFailed) as caught:
        process(folder, content)
    assert not (folder / "output_dir").exists()
    return failure(code, caught.value)


def stop_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("pixfarm.imaging.transforming.carry_out", fail)


@pytest.mark.parametrize(
    ("content", "source"),
    [
        pytest.param(save(RGB, "PNG"), BGR, id="PNG"),
        pytest.param(save(Image.fromarray(RGBA), "PNG"), BGRA, id="PNG RGBA"),
        pytest.param(save(Image.fromarray(GREY), "PNG"), GREY, id="PNG grey"),
        pytest.param(png(wide(picture()), 2, 16), wide(BGR), id="PNG 16"),
        pytest.param(png(wide(RGBA), 6, 16), wide(BGRA), id="PNG RGBA 16"),
        pytest.param(save(RGB, "BMP"), BGR, id="BMP"),
        pytest.param(save(RGB, "TIFF"), BGR, id="TIFF"),
        pytest.param(tiff(RGBA, {338: 2}), BGRA, id="TIFF RGBA"),
        pytest.param(tiff(wide(GREY)), wide(GREY), id="TIFF grey 16"),
        pytest.param(save(RGB, "WEBP", lossless=True), BGR, id="WebP"),
    ],
)
def test_result_has_the_format_of_the_source_and_exact_pixels(
    tmp_path: Path, content: bytes, source: Array
) -> None:
    outcome = process(tmp_path, content)

    result = (tmp_path / "output_dir" / "image").read_bytes()
    phases = outcome.phases
    assert len(phases.operations) == 1
    assert min(phases.reading, phases.decoding, *phases.operations, phases.encoding, phases.writing) > 0
    assert outcome == ImageOutcome(
        width_px=40,
        height_px=24,
        bytes_written=len(result),
        source_bytes=len(content),
        source_mtime_ns=(tmp_path / "image").stat().st_mtime_ns,
        result_mtime_ns=(tmp_path / "output_dir" / "image").stat().st_mtime_ns,
        pipeline="edges/2",
        phases=phases,
    )
    assert examine(result).format is examine(content).format
    np.testing.assert_array_equal(decode(examine(result)), expected_edges(source))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_result_of_a_lossy_source_is_close(tmp_path: Path, kind: str) -> None:
    content = save(RGB, kind, quality=95)

    process(tmp_path, content)

    result = (tmp_path / "output_dir" / "image").read_bytes()
    assert Image.open(io.BytesIO(result)).format == kind
    expected = expected_edges(decode(examine(content)))
    assert np.abs(decode(examine(result)).astype(int) - expected).mean() < 20


def test_mislabelled_image_keeps_name_and_real_format(tmp_path: Path) -> None:
    process(tmp_path, save(RGB, "PNG"), "image.jpg")

    with Image.open(tmp_path / "output_dir" / "image.jpg") as result:
        assert result.format == "PNG"


def test_outcome_has_the_upright_size_and_the_result_is_told_to_be_upright(tmp_path: Path) -> None:
    outcome = process(tmp_path, save(RGB, "PNG", exif=exif(6)))

    assert (outcome.width_px, outcome.height_px) == (24, 40)
    with Image.open(tmp_path / "output_dir" / "image") as result:
        assert result.size == (24, 40)
        assert result.getexif()[ORIENTATION_TAG] == 1


@pytest.mark.parametrize("name", ["new\nline.png", "sp ace.png", "日本語.png", "a" * 251 + ".png"], ids=ascii)
def test_unusual_names_are_kept(tmp_path: Path, name: str) -> None:
    process(tmp_path, save(RGB, "PNG"), name)

    assert [path.name for path in (tmp_path / "output_dir").iterdir()] == [name]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"", FailureCode.UNREADABLE, id="empty"),
        pytest.param(b"\0\1\2\3", FailureCode.UNREADABLE, id="no image"),
        pytest.param(save(RGB, "JPEG")[:-100], FailureCode.UNREADABLE, id="truncated"),
        pytest.param(save(RGB, "GIF"), FailureCode.UNSUPPORTED, id="GIF"),
    ],
)
def test_source_that_is_no_image_has_no_result(tmp_path: Path, content: bytes, code: FailureCode) -> None:
    process_fails(tmp_path, content, code)


def test_source_over_the_limit_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(save(RGB, "PNG"))

    with pytest.raises(TaskFailed) as caught:
        process_image(tmp_path / "image", tmp_path / "result", "a1", ImageSettings(max_bytes=20))

    failure(FailureCode.TOO_LARGE, caught.value)


def test_lack_of_memory_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_with(MemoryError(), monkeypatch)

    message = process_fails(tmp_path, save(RGB, "PNG"), FailureCode.NO_MEMORY)

    assert message == "not enough memory for this image"


def test_lack_of_memory_tells_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_with(MemoryError(), monkeypatch)
    (tmp_path / "image").write_bytes(save(RGB, "PNG"))

    with pytest.raises(TaskFailed) as caught:
        process_image(tmp_path / "image", tmp_path / "result", "a1", ImageSettings(memory_mib=70))

    message = failure(FailureCode.NO_MEMORY, caught.value)
    assert message == "needs more memory than an image may take (70 MiB)"


def test_lack_of_memory_in_opencv_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = cv2.error("Insufficient memory")
    error.code = cv2.Error.StsNoMem
    stop_with(error, monkeypatch)

    process_fails(tmp_path, save(RGB, "PNG"), FailureCode.NO_MEMORY)


def test_lack_of_memory_while_decoding_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        error = cv2.error("Insufficient memory")
        error.code = cv2.Error.StsNoMem
        raise error

    monkeypatch.setattr("pixfarm.imaging.decoding.cv2.imdecode", fail)

    process_fails(tmp_path, save(RGB, "PNG"), FailureCode.NO_MEMORY)


@pytest.mark.parametrize("other", [ZeroDivisionError("a bug"), cv2.error("a bug")], ids=["Python", "OpenCV"])
def test_bug_is_loud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: Exception) -> None:
    if isinstance(other, cv2.error):
        other.code = cv2.Error.StsAssert
    stop_with(other, monkeypatch)

    with pytest.raises(type(other), match="a bug"):
        process(tmp_path, save(RGB, "PNG"))


def test_warm_up_keeps_opencv_to_one_thread_and_quiet(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    warm_up()

    process_fails(tmp_path, save(RGB, "TIFF")[:-100], FailureCode.UNREADABLE)
    assert cv2.getNumThreads() == 1
    assert capfd.readouterr().err == ""


def original_and_link(tmp_path: Path, *, hard: bool) -> tuple[Path, Path, bytes]:
    """An original, and a result's place that is the same file by another name."""
    source, target = tmp_path / "input_dir" / "a.png", tmp_path / "output_dir" / "a.png"
    source.parent.mkdir()
    source.write_bytes(save(RGB, "PNG"))
    if hard:
        target.parent.mkdir()
        target.hardlink_to(source)
    else:
        target.parent.symlink_to(source.parent)
    return source, target, source.read_bytes()


def test_an_original_is_not_replaced_by_its_result_where_a_link_leads_back(tmp_path: Path) -> None:
    source, target, content = original_and_link(tmp_path, hard=False)
    with pytest.raises(TaskFailed) as caught:
        process_image(source, target, "a1", SETTINGS)
    assert "a link in output_dir leads to the sources" in failure(FailureCode.FORBIDDEN, caught.value)
    assert (source.read_bytes(), [path.name for path in source.parent.iterdir()]) == (content, ["a.png"])


def test_a_result_that_was_a_hard_link_to_its_original_leaves_that_alone(tmp_path: Path) -> None:
    source, target, content = original_and_link(tmp_path, hard=True)
    process_image(source, target, "a1", SETTINGS)
    assert source.read_bytes() == content
    assert target.read_bytes() != content


def test_an_original_that_is_only_linked_to_is_not_replaced_either(tmp_path: Path) -> None:
    # input_dir/a.png -> originals/a.png, and output_dir -> originals
    original = tmp_path / "originals" / "a.png"
    original.parent.mkdir()
    original.write_bytes(content := save(RGB, "PNG"))
    (tmp_path / "input_dir").mkdir()
    (tmp_path / "input_dir" / "a.png").symlink_to(original)
    (tmp_path / "output_dir").symlink_to(original.parent)
    with pytest.raises(TaskFailed) as caught:
        process_image(tmp_path / "input_dir" / "a.png", tmp_path / "output_dir" / "a.png", "a1", SETTINGS)
    failure(FailureCode.FORBIDDEN, caught.value)
    assert original.read_bytes() == content
