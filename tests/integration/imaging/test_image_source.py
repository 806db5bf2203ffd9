import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.source import read_source
from tests.integration.imaging.image_files import failure

LIMIT_BYTES = 100


def read_fails(path: Path, code: FailureCode) -> str:
    with pytest.raises(TaskFailed) as caught:
        read_source(path, LIMIT_BYTES)
    return failure(code, caught.value)


@pytest.mark.parametrize("size", [1, LIMIT_BYTES], ids=["one byte", "at the limit"])
def test_content_comes_back_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "image"
    path.write_bytes(b"x" * size)
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))

    source = read_source(path, LIMIT_BYTES)

    assert source.content == b"x" * size
    assert source.mtime_ns == path.stat().st_mtime_ns == 1_700_000_000_123_456_789


def test_missing_file_is_not_found(tmp_path: Path) -> None:
    assert read_fails(tmp_path / "nowhere.png", FailureCode.NOT_FOUND) == "is not there"


def test_file_used_as_folder_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    read_fails(tmp_path / "file" / "image.png", FailureCode.NOT_FOUND)


def test_empty_file_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "image.png").touch()

    assert read_fails(tmp_path / "image.png", FailureCode.UNREADABLE) == "is empty"


def test_larger_file_than_allowed_is_told_with_both_sizes(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    with path.open("wb") as file:
        file.truncate(300 * 1024 * 1024)

    with pytest.raises(TaskFailed) as caught:
        read_source(path, 256 * 1024 * 1024)

    assert failure(FailureCode.TOO_LARGE, caught.value) == "has 300.0 MiB; the limit is 256 MiB"


def test_directory_is_forbidden(tmp_path: Path) -> None:
    assert "directory" in read_fails(tmp_path, FailureCode.FORBIDDEN)


def test_fifo_is_forbidden_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "image.png")

    assert read_fails(tmp_path / "image.png", FailureCode.FORBIDDEN) == "is not a regular file"


def test_device_is_forbidden() -> None:
    assert read_fails(Path("/dev/zero"), FailureCode.FORBIDDEN) == "is not a regular file"


def test_socket_is_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("image.png")

        assert read_fails(tmp_path / "image.png", FailureCode.FORBIDDEN) == "is not a regular file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_read_permission_is_forbidden(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"x")
    path.chmod(0)

    assert "may not be read" in read_fails(path, FailureCode.FORBIDDEN)


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        pytest.param(errno.EACCES, FailureCode.FORBIDDEN, "may not be read", id="EACCES"),
        pytest.param(errno.EMFILE, FailureCode.NO_RESOURCES, "raise its limit", id="EMFILE"),
        pytest.param(errno.ENFILE, FailureCode.NO_RESOURCES, "too many open files", id="ENFILE"),
        pytest.param(errno.ENOMEM, FailureCode.NO_RESOURCES, "out of memory", id="ENOMEM"),
        pytest.param(errno.EAGAIN, FailureCode.IO, "temporarily unavailable", id="EAGAIN, a lease"),
        pytest.param(errno.ESTALE, FailureCode.NOT_FOUND, "mount the share anew", id="ESTALE"),
        pytest.param(errno.EIO, FailureCode.IO, "Input" + chr(47) + "output error", id="EIO"),
    ],
)
def test_errors_of_the_system_are_translated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: FailureCode, words: str
) -> None:
    def fail(*arguments: object) -> int:
        raise OSError(number, os.strerror(number), str(tmp_path))

    monkeypatch.setattr("pixfarm.imaging.source.os.open", fail)

    with pytest.raises(TaskFailed, match=words) as caught:
        read_source(tmp_path / "image.png", LIMIT_BYTES)

    assert caught.value.code is code
    assert str(tmp_path) not in caught.value.message


def test_file_that_grows_under_the_reader_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"first half")
    fstat = os.fstat

    def stat_and_grow(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        path.write_bytes(b"first half, second half")
        return status

    monkeypatch.setattr("pixfarm.imaging.source.os.fstat", stat_and_grow)

    assert "changed while it was read" in read_fails(path, FailureCode.IO)


def test_file_that_is_rewritten_under_the_reader_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"one half")
    os.utime(path, ns=(1, 1))
    fstat = os.fstat

    def stat_and_rewrite(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        path.write_bytes(b"no  half")
        return status

    monkeypatch.setattr("pixfarm.imaging.source.os.fstat", stat_and_rewrite)

    assert "changed while it was read" in read_fails(path, FailureCode.IO)


def test_file_replaced_on_the_file_server_is_opened_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"new")
    answers = iter([OSError(errno.ESTALE, os.strerror(errno.ESTALE))])
    really_open = os.open

    def open_stale_once(*arguments: Any) -> int:
        for error in answers:
            raise error
        return really_open(*arguments)

    monkeypatch.setattr("pixfarm.imaging.source.os.open", open_stale_once)

    assert read_source(path, LIMIT_BYTES).content == b"new"


@pytest.mark.parametrize("name", ["a\0b", "x" * 300], ids=["NUL", "300 bytes"])
def test_impossible_name_is_a_bad_name(tmp_path: Path, name: str) -> None:
    read_fails(tmp_path / name, FailureCode.BAD_NAME)
