import os
import re
import stat
import time
from pathlib import Path

import pytest

from pixfarm.errors import TaskFailed
from pixfarm.parts import name_part, remove_part, sweep, token_of

TOKEN = "0123456789abcdef" * 2
OTHER = "f" * 32
PART = f".image.png.{TOKEN}-7.part"


def write(path: Path, age_s: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half a result")
    os.utime(path, times=(time.time() - age_s,) * 2)
    return path


def sweep_all(root: Path) -> int:
    return sweep(root, lambda token, age_s: True, lambda: False)


def names_below(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def test_the_name_is_hidden_and_tells_its_image() -> None:
    assert name_part("image.png", "4f2a-1") == ".image.png.4f2a-1.part"


def test_names_of_long_names_are_short_and_differ() -> None:
    first, second = (name_part(letter + "a" * 250 + ".png", f"{TOKEN}-1") for letter in "xy")
    assert first != second
    assert len(first) < 100
    assert token_of(first) == token_of(second) == TOKEN


def test_the_part_of_one_attempt_is_removed_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "image.png"
    others = {"image.png", name_part("image.png", f"{TOKEN}-8"), name_part("other.png", f"{TOKEN}-7")}
    for name in (*others, PART):
        write(tmp_path / name)
    assert remove_part(target, f"{TOKEN}-7")
    assert names_below(tmp_path) == others
    assert not remove_part(target, f"{TOKEN}-7")


def test_a_part_in_a_folder_that_is_not_there_is_none(tmp_path: Path) -> None:
    write(tmp_path / "file")
    assert not remove_part(tmp_path / "missing" / "image.png", f"{TOKEN}-7")
    assert not remove_part(tmp_path / "file" / "image.png", f"{TOKEN}-7")


@pytest.mark.parametrize("attempt_id", ["../up", "a\0b"], ids=["up", "NUL"])
def test_an_attempt_id_that_leads_elsewhere_removes_nothing(tmp_path: Path, attempt_id: str) -> None:
    with pytest.raises(TaskFailed, match="attempt id"):
        remove_part(tmp_path / "image.png", attempt_id)


def make_link(path: Path) -> None:
    write(path.parent / "elsewhere")
    path.symlink_to("elsewhere")


KINDS = {"link": make_link, "fifo": os.mkfifo, "folder": os.mkdir}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_stays(tmp_path: Path, kind: str) -> None:
    path = tmp_path / PART
    KINDS[kind](path)
    before = stat.S_IFMT(path.lstat().st_mode)
    assert not remove_part(tmp_path / "image.png", f"{TOKEN}-7")
    assert sweep_all(tmp_path) == 0
    assert stat.S_IFMT(path.lstat().st_mode) == before


def test_a_sweep_removes_parts_in_all_folders_and_nothing_else(tmp_path: Path) -> None:
    parts = {PART, f"sub/{PART}", f"sub/deep/.x.{OTHER}-12.part", f".hidden/{PART}"}
    others = {"image.png", "sub/.image.png.a1.part", f"sub/image.png.{TOKEN}-1.part", f"deep/{PART}.png"}
    others |= {".pixfarm-check.host.123.part", f".a.{TOKEN.upper()}-1.part", f".a.{TOKEN}0-1.part"}
    for name in parts | others:
        write(tmp_path / name)
    assert sweep_all(tmp_path) == len(parts)
    assert names_below(tmp_path) == others


def test_a_sweep_asks_with_token_and_age(tmp_path: Path) -> None:
    write(tmp_path / f".a.{TOKEN}-1.part", age_s=100.0)
    write(tmp_path / f".a.{OTHER}-1.part", age_s=3600.0)
    asked: dict[str, float] = {}

    def is_dead(token: str, age_s: float) -> bool:
        asked[token] = age_s
        return token == OTHER

    assert sweep(tmp_path, is_dead, lambda: False) == 1
    assert asked == pytest.approx({TOKEN: 100.0, OTHER: 3600.0}, abs=30.0)
    assert names_below(tmp_path) == {f".a.{TOKEN}-1.part"}


def test_a_sweep_follows_no_link_to_a_folder_but_the_root(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / PART)
    write(tmp_path / "real" / "sub" / PART)
    (tmp_path / "real" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root").symlink_to(tmp_path / "real")
    assert sweep_all(tmp_path / "root") == 1
    assert (tmp_path / "elsewhere" / PART).exists()


def test_a_folder_that_becomes_a_link_during_the_sweep_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "deep" / PART)
    write(tmp_path / "root" / PART)
    write(tmp_path / "root" / "sub" / "deep" / "image.png")

    def is_dead(token: str, age_s: float) -> bool:  # asked in the root, before its folders are looked at
        if not (tmp_path / "away").exists():
            (tmp_path / "root" / "sub").rename(tmp_path / "away")
            (tmp_path / "root" / "sub").symlink_to(tmp_path / "elsewhere")
        return True

    assert sweep(tmp_path / "root", is_dead, lambda: False) == 1
    assert (tmp_path / "elsewhere" / "deep" / PART).exists()


def test_a_part_that_vanishes_meanwhile_is_no_error(tmp_path: Path) -> None:
    write(tmp_path / PART)

    def is_dead(token: str, age_s: float) -> bool:
        (tmp_path / PART).unlink()
        return True

    assert sweep(tmp_path, is_dead, lambda: False) == 0


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_root_that_is_no_folder_has_nothing_to_sweep(tmp_path: Path, name: str) -> None:
    write(tmp_path / "file")
    assert sweep_all(tmp_path / name) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_passed_over_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "closed" / PART)
    write(tmp_path / "open" / PART)
    (tmp_path / "closed").chmod(0)
    assert sweep_all(tmp_path) == 1
    (tmp_path / "closed").chmod(0o700)
    assert re.search("closed is not swept: Permission denied", caplog.text)


def test_a_sweep_can_be_stopped(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path / f"sub-{number}" / PART)
    removed: list[str] = []

    def is_dead(token: str, age_s: float) -> bool:
        removed.append(token)
        return True

    assert sweep(tmp_path, is_dead, lambda: len(removed) >= 5) == 5
    assert len(names_below(tmp_path)) == 15


def test_a_sweep_holds_no_descriptor_afterwards(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "c" / PART)
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - a Path's iterdir would hold one itself
    sweep_all(tmp_path)
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208
