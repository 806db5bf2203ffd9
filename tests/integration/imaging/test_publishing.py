import errno
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.publishing import NotPublished, Part
from pixfarm.parts import name_part
from tests.integration.imaging.image_files import failure

ATTEMPT = "4f2a-1"


@pytest.fixture
def umask() -> Iterator[int]:
    previous = os.umask(0o027)
    yield 0o027
    os.umask(previous)


def publish(content: bytes, target: Path, attempt_id: str, *, fsync: bool) -> int:
    return Part(content, target, attempt_id).publish(fsync=fsync)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def publish_fails(target: Path, code: FailureCode, attempt_id: str = ATTEMPT) -> str:
    with pytest.raises(TaskFailed) as caught:
        publish(b"new", target, attempt_id, fsync=True)
    return failure(code, caught.value)


@pytest.mark.parametrize("fsync", [True, False], ids=["fsync", "no fsync"])
def test_content_appears_under_its_name_alone(tmp_path: Path, fsync: bool) -> None:  # noqa: FBT001 - a table's column
    target = tmp_path / "output_dir" / "deep" / "image.png"

    mtime_ns = publish(b"new", target, ATTEMPT, fsync=fsync)

    assert target.read_bytes() == b"new"
    assert target.stat().st_mtime_ns == mtime_ns
    assert names_in(target.parent) == ["image.png"]


def test_existing_result_is_replaced_and_its_readers_keep_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "image.png"
    target.write_bytes(b"old")
    with target.open("rb") as reader:
        publish(b"new", target, ATTEMPT, fsync=True)

        assert reader.read() == b"old"
    assert target.read_bytes() == b"new"


def test_symbolic_link_at_the_target_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"old")
    target = tmp_path / "image.png"
    target.symlink_to(tmp_path / "elsewhere")

    publish(b"new", target, ATTEMPT, fsync=True)

    assert not target.is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"old"


def test_permissions_follow_the_umask(tmp_path: Path, umask: int) -> None:
    publish(b"new", tmp_path / "image.png", ATTEMPT, fsync=False)

    assert (tmp_path / "image.png").stat().st_mode & 0o777 == 0o666 & ~umask


def test_file_is_synced_before_it_gets_its_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    replace = Path.replace

    def replace_and_note(path: Path, target: Path) -> Path:
        steps.append("replace")
        return replace(path, target)

    monkeypatch.setattr("pixfarm.imaging.publishing.os.fsync", lambda descriptor: steps.append("fsync"))
    monkeypatch.setattr(Path, "replace", replace_and_note)

    publish(b"new", tmp_path / "image.png", ATTEMPT, fsync=True)
    publish(b"new", tmp_path / "image.png", ATTEMPT, fsync=False)

    assert steps == ["fsync", "replace", "fsync", "replace"]


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        pytest.param(errno.ENOSPC, FailureCode.NO_SPACE, "no space left", id="ENOSPC"),
        pytest.param(errno.EDQUOT, FailureCode.NO_SPACE, "quota", id="EDQUOT"),
        pytest.param(errno.EROFS, FailureCode.READ_ONLY, "read-only", id="EROFS"),
        pytest.param(errno.EMFILE, FailureCode.NO_RESOURCES, "too many open files", id="EMFILE"),
        pytest.param(errno.EACCES, FailureCode.FORBIDDEN, "output_dir is not writable", id="EACCES"),
        pytest.param(errno.EFBIG, FailureCode.IO, "cannot be written: File too large", id="EFBIG"),
        pytest.param(errno.ESTALE, FailureCode.NOT_FOUND, "mount the share anew", id="ESTALE"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "write"])
def test_failed_write_keeps_the_old_result_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: FailureCode, words: str
) -> None:
    target = tmp_path / "image.png"
    target.write_bytes(b"old")

    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path))

    if call == "fsync":
        monkeypatch.setattr("pixfarm.imaging.publishing.os.fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)

    with pytest.raises(NotPublished) as caught:
        publish(b"new", target, ATTEMPT, fsync=True)

    assert words in failure(code, caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).size_bytes == caught.value.size_bytes == len(b"new")
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["image.png"]


def test_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pixfarm.imaging.publishing.os.fsync", interrupt)

    with pytest.raises(KeyboardInterrupt):
        publish(b"new", tmp_path / "image.png", ATTEMPT, fsync=True)

    assert names_in(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk_is_no_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pixfarm.imaging.publishing._create", lambda part: os.open("/dev/full", os.O_WRONLY | os.O_CLOEXEC)
    )

    assert "no space left" in publish_fails(tmp_path / "image.png", FailureCode.NO_SPACE)
    assert names_in(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_write_permission_is_forbidden(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)

    assert "output_dir is not writable" in publish_fails(tmp_path / "image.png", FailureCode.FORBIDDEN)


def test_folder_of_the_same_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "image.png").mkdir()

    assert "a folder in output_dir" in publish_fails(tmp_path / "image.png", FailureCode.FORBIDDEN)
    assert names_in(tmp_path) == ["image.png"]


@pytest.mark.parametrize("below", ["image.png", "deep/image.png"])
def test_file_in_the_place_of_a_folder_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "output_dir").write_bytes(b"x")

    assert "a file in output_dir" in publish_fails(tmp_path / "output_dir" / below, FailureCode.IO)


def test_part_file_of_another_writer_is_left_alone(tmp_path: Path) -> None:
    part = tmp_path / name_part("image.png", ATTEMPT)
    part.write_bytes(b"of another")

    assert "same id" in publish_fails(tmp_path / "image.png", FailureCode.IO)
    assert part.read_bytes() == b"of another"


@pytest.mark.parametrize(
    "name",
    [
        "a" * 251 + ".png",
        "ä" * 125 + ".png",
        "new\nline.png",
        "with space.png",
        "日本語.png",
        ".png",
        "\udcff.png",
    ],
    ids=["255 ASCII bytes", "254 bytes of umlauts", "newline", "space", "unicode", "only dot", "no UTF-8"],
)
def test_any_name_a_source_can_have_is_published(tmp_path: Path, name: str) -> None:
    publish(b"new", tmp_path / name, ATTEMPT, fsync=False)

    assert names_in(tmp_path) == [name]


@pytest.mark.parametrize(
    "attempt_id", ["../up", "a/b", "a\0b", "x" * 300], ids=["up", "slash", "NUL", "long"]
)
def test_attempt_id_that_is_no_part_of_a_name_is_refused(tmp_path: Path, attempt_id: str) -> None:
    assert "attempt id" in publish_fails(tmp_path / "image.png", FailureCode.BAD_NAME, attempt_id)
    assert names_in(tmp_path) == []


def test_too_long_a_name_is_a_bad_name(tmp_path: Path) -> None:
    publish_fails(tmp_path / ("a" * 256), FailureCode.BAD_NAME)

    assert names_in(tmp_path) == []
