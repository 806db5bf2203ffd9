"""Files that are no images, or no longer: named, skipped, and in nobody's way."""

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixfarm.farm import LocalFarm
from tests.acceptance.pictures import is_whole, many_images, results, save_image
from tests.acceptance.processes import Terminals

BAD = {
    "damaged.jpg": "UNREADABLE",
    "empty.png": "UNREADABLE",
    "truncated.jpg": "UNREADABLE",
    "truncated.png": "UNREADABLE",
    "sub folder/text.png": "UNSUPPORTED",
    "movie.jpg": "UNSUPPORTED",
}
GOOD = {"image_0000.png", "image_0001.png", "link.png", "mislabelled.jpg"}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Two good images and all kinds of bad ones."""
    base = many_images(tmp_path / "base", 2)
    source = base / "input_dir"
    whole_jpeg = save_image(tmp_path / "whole.jpg", (200, 150)).read_bytes()
    whole_png = save_image(tmp_path / "whole.png", (200, 150)).read_bytes()
    (source / "sub folder").mkdir()
    (source / "damaged.jpg").write_bytes(whole_jpeg[:2] + bytes(len(whole_jpeg)))
    (source / "empty.png").touch()
    (source / "truncated.jpg").write_bytes(whole_jpeg[: len(whole_jpeg) // 2])
    (source / "truncated.png").write_bytes(whole_png[: len(whole_png) // 2])
    (source / "sub folder" / "text.png").write_text("this is no image\n")
    Image.new("P", (8, 8)).save(source / "movie.jpg", "GIF")
    (source / "mislabelled.jpg").write_bytes(save_image(tmp_path / "real.png").read_bytes())
    (source / "link.png").symlink_to(save_image(tmp_path / "outside" / "target.png"))
    os.mkfifo(source / "fifo.jpg")
    (source / "folder.png").mkdir()
    (source / ".hidden.png").write_bytes(whole_png)
    save_image(source / ".hidden folder" / "image.png")
    (source / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    (source / "notes.txt").write_text("not an image by its name\n")
    return base


@pytest.fixture
def report(base: Path, terminals: Terminals, farm: LocalFarm) -> dict[str, Any]:
    ended = terminals.client(farm, base, "--json").ended()
    assert (ended.code, ended.err) == (1, "")
    return ended.report


def test_bad_images_are_named_with_code_message_and_node(report: dict[str, Any]) -> None:
    assert (report["state"], report["ok"]) == ("finished", False)
    failures = {failure["filename"]: failure for failure in report["failures"]}
    assert {name: failure["code"] for name, failure in failures.items()} == BAD
    assert all(failure["message"] for failure in failures.values())
    assert {failure["node"] for failure in failures.values()} <= {f"node_{n}" for n in range(1, 5)}
    assert (report["total"], report["done"], report["failed"]) == (len(BAD) + len(GOOD), len(GOOD), len(BAD))


def test_bad_images_leave_no_file_and_good_ones_are_whole(report: dict[str, Any], base: Path) -> None:
    assert set(results(base)) == GOOD
    assert all(is_whole(base / "output_dir" / name) for name in GOOD)


def test_a_mislabelled_image_keeps_its_format_and_its_name(report: dict[str, Any], base: Path) -> None:
    with Image.open(base / "output_dir" / "mislabelled.jpg") as image:
        assert image.format == "PNG"


def test_an_image_that_is_certainly_bad_is_not_tried_again(report: dict[str, Any]) -> None:
    assert report["retries"] == 0


def test_each_bad_image_has_a_line_for_people(base: Path, terminals: Terminals, farm: LocalFarm) -> None:
    ended = terminals.client(farm, base).ended()
    assert ended.code == 1
    head, _, tail = ended.out.partition(f"{len(BAD)} failed:\n")
    assert head.startswith(f"{len(GOOD)} of {len(BAD) + len(GOOD)} images done in ")
    for name, code in BAD.items():
        (line,) = [line for line in tail.splitlines() if line.startswith(f"  {name}: {code}: ")]
        assert line.endswith(")"), line
        assert "(node_" in line


def test_an_output_dir_that_cannot_be_made_fails_each_image_by_name(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 2)
    (base / "output_dir").write_text("a file in the way\n")
    ended = terminals.client(farm, base, "--json").ended()
    assert ended.code == 1
    assert [failure["code"] for failure in ended.report["failures"]] == ["IO", "IO"]
    assert "output_dir" in ended.report["failures"][0]["message"]
