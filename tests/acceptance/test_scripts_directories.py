"""Directories as people have them."""

import os
from pathlib import Path

import pytest

from pixfarm.farm import LocalFarm
from tests.acceptance.pictures import is_whole, many_images, results, save_image
from tests.acceptance.processes import Terminals

NAMES = [
    "a b  c.png",
    " leading and trailing .png",
    "ünï/cödé/日本.jpg",
    "emoji 🐈.webp",
    "two\nlines.png",
    "tab\tand\x1b[31mescape.png",
    "right\u202eto left.png",
    "-rf.png",
    "quote'\"`$HOME.png",
    "back\\slash.png",
    "percent %s %d.png",
    "CAPITALS.JPG",
    "a.b.c.tif",
    "deep/er/and/deep/er/and/deep/er.bmp",
    "n" * 251 + ".png",
    "f" * 255 + "/x.jpeg",
]


def test_names_of_all_kinds_come_back_as_they_are(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    for name in NAMES:
        save_image(tmp_path / "base dir" / "input_dir" / name)
    ended = terminals.client(farm, tmp_path / "base dir").ended()
    assert ended.code == 0, ended
    assert results(tmp_path / "base dir") == sorted(NAMES)
    assert all(is_whole(tmp_path / "base dir" / "output_dir" / name) for name in NAMES)


def test_a_name_that_is_not_utf_8_is_one_failed_line(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 2)
    save_image(base / "input_dir" / os.fsdecode(b"caf\xe9 \n.png"))
    ended = terminals.client(farm, base).ended()
    assert ended.code == 1
    assert ended.out.startswith("2 of 3 images done in ")
    line = r"  ./caf\xe9 \n.png: BAD_NAME: the file name is not UTF-8; rename the file"
    assert [text for text in ended.out.splitlines() if "BAD_NAME" in text] == [line]
    assert results(base) == ["image_0000.png", "image_0001.png"]


def test_three_hundred_images_are_done(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = many_images(tmp_path / "base", 300)
    report = terminals.report(farm, base)
    assert (report["ok"], report["total"], report["done"]) == (True, 300, 300)
    assert sum(node["done"] for node in report["nodes"]) == 300
    assert results(base) == sorted(path.name for path in (base / "input_dir").iterdir())
    assert all(is_whole(path) for path in (base / "output_dir").iterdir())


def test_a_directory_without_input_dir_is_the_source_itself_and_its_results_are_not(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = tmp_path / "holiday"
    for name in ("one.png", "day 2/two.png"):
        save_image(base / name)
    for _ in range(2):
        assert terminals.report(farm, base)["total"] == 2
    assert results(base) == ["day 2/two.png", "one.png"]


def test_sources_stay_as_they_are(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = many_images(tmp_path / "base", 2)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (base / "input_dir").iterdir()}
    assert terminals.client(farm, base).ended().code == 0
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before


@pytest.mark.parametrize("name", ["", "input_dir"], ids=["base path", "input_dir"])
def test_an_empty_directory_is_no_error(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty" / name).mkdir(parents=True)
    ended = terminals.client(farm, tmp_path / "empty").ended()
    assert ended.code == 0
    assert ended.out.startswith(
        f"no images found in {tmp_path}/empty: looked for jpg jpeg png bmp tif tiff webp\n"
    )
    assert not (tmp_path / "empty" / "output_dir").exists()


@pytest.mark.parametrize(
    ("base_path", "words"),
    [
        ("nowhere", "does not exist on "),
        ("../elswhere/pictures", "does not exist on "),
        ("file.png", "is not a directory on "),
        ("file.png/below", "does not exist on "),
        ("", "'' is no directory; write . for the working directory"),
        ("x" * 300, "cannot be read: File name too long"),
        ("caf\udce9", "is not UTF-8 and cannot be sent; rename it"),
    ],
    ids=["missing", "relative typo", "file", "below a file", "nothing", "too long", "not UTF-8"],
)
def test_a_wrong_base_path_is_refused_in_one_line(
    terminals: Terminals, farm: LocalFarm, base_path: str, words: str
) -> None:
    save_image(terminals.cwd / "file.png")
    terminals.client(farm, base_path).ended().has_one_line(2, words)


def test_an_absolute_base_path_that_is_wrong_is_named_whole(terminals: Terminals, farm: LocalFarm) -> None:
    terminals.client(farm, "typo").ended().has_one_line(2, f"'{terminals.cwd}/typo' does not exist")
