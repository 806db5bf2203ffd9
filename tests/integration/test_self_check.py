import errno
import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging import NotPublished
from pixfarm.self_check import SelfCheck
from tests.integration.own_resources import nothing_left_over
from tests.integration.real_nodes import EXECUTE, real_node
from tests.integration.small_disks import small_disk
from tests.integration.small_images import save_image, save_slow_image
from tests.integration.waiting import eventually

FULL = NotPublished(FailureCode.NO_SPACE, "no space left for output_dir", 3_000_000)
SHORT = TaskFailed(FailureCode.NO_RESOURCES, "too few of something")


class Disk:
    """The file system as the check sees it: works, fails, or hangs until it is let go; counts the bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error = 0
        self.names: list[str] = []
        self.sizes: list[int] = []
        self.hangs = threading.Event()
        self.let_go = threading.Event()
        self.is_hung = False
        self._open, self._fsync = os.open, os.fsync
        monkeypatch.setattr("pixfarm.self_check.os.open", self.open)
        monkeypatch.setattr("pixfarm.self_check.os.fsync", self.fsync)

    def open(self, path: Any, *arguments: Any) -> int:
        self.names.append(str(path))
        if self.error:
            raise OSError(self.error, os.strerror(self.error), str(path))
        return self._open(path, *arguments)

    def fsync(self, descriptor: int) -> None:
        self.sizes.append(os.fstat(descriptor).st_size)
        if self.is_hung:
            self.hangs.set()
            self.let_go.wait()
        self._fsync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def checking(pool_fault: Callable[[], str] = str) -> closing[SelfCheck]:
    return closing(SelfCheck(pool_fault, fsync=True, pause_s=0.01))


def target_in(base: Path) -> Path:
    (base / "output_dir").mkdir(exist_ok=True)
    return base / "output_dir" / "image.png"


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def tries(disk: Disk, more: int = 3) -> bool:
    wanted = len(disk.names) + more
    return eventually(lambda: len(disk.names) >= wanted)


@pytest.mark.parametrize(
    "code", [FailureCode.UNREADABLE, FailureCode.CRASHED, FailureCode.FORBIDDEN, FailureCode.IO]
)
def test_what_is_not_the_nodes_fault_is_no_fault(tmp_path: Path, disk: Disk, code: FailureCode) -> None:
    with checking() as check:
        check.note(TaskFailed(code, "is a bad image"), target_in(tmp_path), tmp_path)
        assert check.fault == ""
        assert not eventually(lambda: disk.names, within_s=0.2)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(errno.ENOSPC, id="ENOSPC"),
        pytest.param(errno.EDQUOT, id="EDQUOT"),
        pytest.param(errno.EROFS, id="EROFS"),
    ],
)
def test_a_disk_is_tried_until_it_takes_the_bytes_again(tmp_path: Path, disk: Disk, number: int) -> None:
    disk.error = number
    with checking() as check:
        check.note(FULL, target_in(tmp_path), tmp_path)
        assert (check.unwritable, check.fault) == ((str(tmp_path),), "")
        assert tries(disk)
        assert check.unwritable == (str(tmp_path),)
        disk.error = 0
        assert eventually(lambda: not check.unwritable)
    assert disk.sizes[0] == FULL.size_bytes
    assert {Path(name).parent for name in disk.names} == {tmp_path / "output_dir"}
    assert files_below(tmp_path) == []


def test_a_large_result_is_not_tried_in_full(tmp_path: Path, disk: Disk) -> None:
    huge = NotPublished(FailureCode.NO_SPACE, "no space left for output_dir", 500_000_000)
    with checking() as check:
        check.note(huge, target_in(tmp_path), tmp_path)
        assert eventually(lambda: not check.unwritable)
    assert disk.sizes == [16 * 1024 * 1024]


def test_the_largest_of_the_results_is_tried(tmp_path: Path, disk: Disk) -> None:
    disk.error = errno.ENOSPC
    with checking() as check:
        for size_bytes in (10, 2_000, 300):
            failure = NotPublished(FailureCode.NO_SPACE, "no space left for output_dir", size_bytes)
            check.note(failure, target_in(tmp_path), tmp_path)
        assert tries(disk)
        disk.error = 0
        assert eventually(lambda: not check.unwritable)
    assert disk.sizes == [2_000]


def test_each_disk_that_failed_is_tried_by_itself(tmp_path: Path, disk: Disk) -> None:
    disk.error = errno.EROFS
    bases = [tmp_path / name for name in ("one", "two")]
    with checking() as check:
        for base in bases:
            base.mkdir()
            check.note(FULL, target_in(base), base)
        assert tries(disk, 4)
        assert check.unwritable == tuple(str(base) for base in bases)
        (tmp_path / "one" / "output_dir").rmdir()
        (tmp_path / "one").rmdir()
        assert eventually(lambda: check.unwritable == (str(bases[1]),))
        disk.error = 0
        assert eventually(lambda: not check.unwritable)


def test_a_chosen_directory_that_is_full_is_no_fault_of_the_base_path(tmp_path: Path, disk: Disk) -> None:
    base, chosen = tmp_path / "base", tmp_path / "web"
    for folder in (base, chosen):
        folder.mkdir()
    with checking() as check:
        disk.error = errno.ENOSPC
        check.note(FULL, chosen / "sub" / "image.png", base, chosen)
        assert check.unwritable == (str(chosen),)
        disk.error = 0
        assert eventually(lambda: not check.unwritable)
    assert files_below(tmp_path) == []


def test_the_check_writes_where_there_is_a_folder_and_makes_none(tmp_path: Path, disk: Disk) -> None:
    base = tmp_path / "base"
    base.mkdir()
    with checking() as check:
        check.note(FULL, base / "output_dir" / "sub" / "image.png", base)
        assert eventually(lambda: not check.unwritable)
    assert {Path(name).parent for name in disk.names} == {base}
    assert list(base.iterdir()) == []


def test_nothing_is_written_outside_of_a_base_path_that_is_gone(tmp_path: Path, disk: Disk) -> None:
    base = tmp_path / "base"
    with checking() as check:
        check.note(FULL, base / "output_dir" / "image.png", base)
        assert eventually(lambda: not check.unwritable)
    assert disk.names == []


def test_the_file_of_a_killed_node_of_the_same_number_is_no_obstacle(tmp_path: Path, disk: Disk) -> None:
    with checking() as check:
        check.note(FULL, target_in(tmp_path), tmp_path)
        assert eventually(lambda: not check.unwritable)
        left = Path(disk.names[0])
        left.write_bytes(b"of a killed one")
        check.note(FULL, target_in(tmp_path), tmp_path)
        assert eventually(lambda: not check.unwritable)
    assert files_below(tmp_path) == []


def test_a_shortage_lasts_until_the_pool_has_workers(tmp_path: Path, disk: Disk) -> None:
    faults = ["no image worker can be started"]
    with checking(lambda: faults[0] if faults else "") as check:
        check.note(SHORT, target_in(tmp_path), tmp_path)
        assert tries(disk, 40)
        assert check.fault == "no image worker can be started"
        faults.clear()
        assert eventually(lambda: check.fault == "")
    assert set(disk.names) == {os.devnull}


def test_a_shortage_of_descriptors_lasts_as_long_as_it_lasts(tmp_path: Path, disk: Disk) -> None:
    disk.error = errno.EMFILE
    with checking() as check:
        check.note(SHORT, target_in(tmp_path), tmp_path)
        assert tries(disk)
        assert "too many open files" in check.fault
        disk.error = 0
        assert eventually(lambda: check.fault == "")


def test_a_pool_without_workers_is_a_fault_that_no_image_has_to_find() -> None:
    with checking(lambda: "no image worker can be started") as check:
        assert check.fault == "no image worker can be started"


def test_a_file_system_that_hangs_keeps_nobody_waiting(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pixfarm.self_check._CLOSE_TIMEOUT_S", 0.2)
    disk.is_hung = True
    with nothing_left_over():
        with checking() as check:
            check.note(FULL, target_in(tmp_path), tmp_path)
            assert disk.hangs.wait(10)
            began = time.monotonic()
            assert (check.unwritable, check.fault) == ((str(tmp_path),), "")
            check.note(FULL, target_in(tmp_path), tmp_path)
            assert time.monotonic() - began < 0.1
            with caplog.at_level(logging.WARNING):
                check.close()
            assert time.monotonic() - began < 3
        disk.let_go.set()
    assert "hangs" in caplog.text
    assert files_below(tmp_path) == []


def test_a_fault_that_is_found_during_a_check_is_checked_itself(tmp_path: Path, disk: Disk) -> None:
    disk.is_hung = True
    first, second = tmp_path / "first", tmp_path / "second"
    with checking() as check:
        first.mkdir()
        check.note(FULL, target_in(first), first)
        assert disk.hangs.wait(10)
        second.mkdir()
        check.note(FULL, target_in(second), second)
        disk.let_go.set()
        assert eventually(lambda: not check.unwritable)
    assert {Path(name).parent for name in disk.names} == {first / "output_dir", second / "output_dir"}


@pytest.mark.parametrize("pause_s", [0.0, 60.0], ids=["busy", "waiting"])
def test_close_ends_the_thread_and_leaves_no_file(tmp_path: Path, pause_s: float) -> None:
    full = NotPublished(FailureCode.NO_SPACE, "no space left for output_dir", 16_000_000)
    with nothing_left_over():
        for _ in range(5):
            check = SelfCheck(str, fsync=False, pause_s=pause_s)
            check.note(full, target_in(tmp_path), tmp_path)
            check.close()
            check.close()
            assert files_below(tmp_path) == []


def test_a_fault_is_logged_once_and_its_end_too(
    tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.error = errno.ENOSPC
    with checking() as check, caplog.at_level(logging.INFO):
        for _ in range(5):
            check.note(FULL, target_in(tmp_path), tmp_path)
        assert tries(disk)
        disk.error = 0
        assert eventually(lambda: not check.unwritable)
    assert len(caplog.messages) == 2
    assert "no space left" in caplog.messages[0]
    assert caplog.messages[1] == f"results of {tmp_path} can be written again"


def test_what_nobody_has_met_for_ten_minutes_is_not_tried_any_more(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.error = errno.EROFS
    with checking() as check:
        check.note(FULL, target_in(tmp_path), tmp_path)
        assert tries(disk)
        monkeypatch.setattr("pixfarm.self_check._FORGET_S", 0.0)
        assert eventually(lambda: not check.unwritable)


def test_a_node_with_a_full_disk_says_so_until_there_is_space(tmp_path: Path) -> None:
    base = tmp_path / "base"
    save_slow_image(base / "input_dir" / "large.png")
    save_image(base / "input_dir" / "small.png")
    with small_disk(base / "output_dir"), real_node(tmp_path, base, "0") as node:
        with pytest.raises(TaskFailed) as failed:
            node.call(EXECUTE, "large.png")
        assert failed.value.code is FailureCode.NO_SPACE
        assert (node.status().unwritable, node.status().fault) == ((str(base),), "")
        assert not eventually(lambda: not node.status().unwritable, within_s=1.5)
        subprocess.run(["mount", "-o", "remount,size=64m", str(base / "output_dir")], check=True)
        assert eventually(lambda: not node.status().unwritable)
        assert node.call(EXECUTE, "large.png").width_px == 2500
        subprocess.run(["mount", "-o", "remount,ro", str(base / "output_dir")], check=True)
        with pytest.raises(TaskFailed) as failed:
            node.call(EXECUTE, "small.png")
        assert failed.value.code is FailureCode.READ_ONLY
        assert node.status().unwritable == (str(base),)
        subprocess.run(["mount", "-o", "remount,rw", str(base / "output_dir")], check=True)
        assert eventually(lambda: not node.status().unwritable)
        assert node.call(EXECUTE, "small.png").width_px == 40
        assert sorted(path.name for path in (base / "output_dir").iterdir()) == ["large.png", "small.png"]
