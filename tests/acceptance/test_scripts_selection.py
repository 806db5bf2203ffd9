"""Choosing images, and where results go and what they are called, as a person does."""

import os
import subprocess
from pathlib import Path

import pytest

from pixfarm.farm import LocalFarm, NodeSpec
from tests.acceptance.conftest import MakeFarm
from tests.acceptance.pictures import many_images, results, save_image
from tests.acceptance.processes import Terminals, wait_until

SLOW = NodeSpec(1.0, ("--workers", "1", "--delay-s", "0.1"))


def shoot(base: Path) -> Path:
    """A base path with images in folders and formats."""
    first = save_image(base / "input_dir" / "a.png")
    for name in ("2025/b.png", "2026/c.png", "2026/d.png"):
        (path := base / "input_dir" / name).parent.mkdir(exist_ok=True)
        os.link(first, path)
    save_image(base / "input_dir" / "2026" / "e.jpg")
    return base


def test_patterns_and_a_limit_choose_images(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = shoot(tmp_path / "base")
    chosen = ("--include", "2026/", "--include", "/a.*", "--exclude", "*.jpg")
    report = terminals.report(farm, base, *chosen)
    assert (report["total"], report["done"]) == (3, 3)
    assert results(base) == ["2026/c.png", "2026/d.png", "a.png"]
    assert terminals.report(farm, base, *chosen, "--limit", "2", "--skip-done")["skipped"] == 2


def test_only_images_that_changed_since_are_done(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = shoot(tmp_path / "base")
    os.utime(base / "input_dir" / "2026" / "e.jpg", (10**9, 10**9))
    assert terminals.report(farm, base, "--newer-than", "7d")["total"] == 4
    assert terminals.report(farm, base, "--newer-than", "2001-09-12")["total"] == 4
    assert terminals.report(farm, base, "--newer-than", "2001-09-01")["total"] == 5


def test_where_nothing_is_chosen_that_is_said(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    ended = terminals.client(farm, shoot(tmp_path / "base"), "--include", "*.tif", "--limit", "1").ended()
    assert "none was chosen by --include and --limit" in " ".join(ended.out.split())


def test_a_list_chooses_images_and_misses_none(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = shoot(tmp_path / "base")
    (terminals.cwd / "list.txt").write_text(f"a.png\n{base}/input_dir/2026/e.jpg\ngone.png\na.png\n")
    report = terminals.report(farm, base, "--files-from", "list.txt")
    assert (report["done"], report["failed"], report["not_done"]) == (2, 1, 0)
    (failure,) = report["failures"]
    assert (failure["filename"], failure["code"]) == ("gone.png", "NOT_FOUND")
    assert results(base) == ["2026/e.jpg", "a.png"]


def test_a_wrong_line_of_a_list_is_one_line_and_nothing_is_done(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = shoot(tmp_path / "base")
    (base / "list.txt").write_text("a.png\n../secret.png\n")
    client = terminals.client(farm, base, "--files-from", base / "list.txt")
    client.ended().has_one_line(2, f"{base}/list.txt:2: '../secret.png' is not the plain path of a file")
    assert not (base / "output_dir").exists()


@pytest.mark.parametrize(
    ("given", "code", "done"),
    [(b"./a.png\0./2026/c.png\0", 0, ["2026/c.png", "a.png"]), (b"/etc/passwd\n", 2, [])],
    ids=["find -print0", "wrong"],
)
def test_a_list_may_come_by_standard_input_and_leaves_no_file(
    farm: LocalFarm, tmp_path: Path, given: bytes, code: int, done: list[str]
) -> None:
    base = shoot(tmp_path / "base")
    command = farm.client_command(str(base), "--files-from", "-", "--quiet")
    ended = subprocess.run(command, input=given, capture_output=True, check=False, timeout=30)
    assert ended.returncode == code, ended.stderr
    assert (b"standard input:1: '/etc/passwd' does not lie below" in ended.stderr) == (code == 2)
    assert results(base) == done


def test_results_go_elsewhere_under_other_names(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = shoot(tmp_path / "base")
    web = tmp_path / "made" / "web"
    where = ("--output", "../made/x/../web", "--name", "{stem}_{op}{ext}", "--op", "flip | blur")
    report = terminals.report(farm, base, *where)
    assert report["done"] == 5
    assert sorted(str(path.relative_to(web)) for path in web.rglob("*.*")) == [
        "2025/b_flip-blur.png", "2026/c_flip-blur.png", "2026/d_flip-blur.png", "2026/e_flip-blur.jpg",
        "a_flip-blur.png",
    ]  # fmt: skip
    assert not (base / "output_dir").exists()
    assert terminals.report(farm, base, *where, "--skip-done")["skipped"] == 5
    assert terminals.report(farm, "--attach", report["job_id"])["output"]["directory"] == str(web)


def test_results_that_would_share_a_name_are_refused_before_any_is_written(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = shoot(tmp_path / "base")
    save_image(base / "input_dir" / "a.jpg")
    client = terminals.client(farm, base, "--format", "webp")
    client.ended().has_one_line(2, "'a.", "would both become 'a.webp'; leave one out with --exclude")
    assert not (base / "output_dir").exists()
    assert terminals.report(farm, base, "--format", "webp", "--exclude", "/a.jpg")["done"] == 5


@pytest.mark.parametrize("output", ["base/input_dir", "base/input_dir/web", "base", "."])
def test_results_never_go_among_the_originals(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path, output: str
) -> None:
    base = shoot(tmp_path / "base")
    client = terminals.client(farm, base, "--output", tmp_path / output)
    client.ended().has_one_line(2, "results would mix with the originals", "choose an output directory")


def test_a_retry_goes_where_the_job_went(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = shoot(tmp_path / "base")
    (base / "input_dir" / "late.png").write_bytes(b"not yet")
    report = terminals.report(farm, base, "--output", tmp_path / "web", "--name", "{stem}_2{ext}")
    save_image(base / "input_dir" / "late.png")
    again = terminals.report(farm, "--retry-failed", report["job_id"])
    assert (report["failed"], again["done"]) == (1, 1)
    assert (tmp_path / "web" / "late_2.png").exists()
    assert not (base / "output_dir").exists()


def test_a_list_outlives_its_file_and_the_server(
    make_farm: MakeFarm, terminals: Terminals, tmp_path: Path
) -> None:
    farm = make_farm([SLOW] * 2)
    base = many_images(tmp_path / "base", 40)
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(f"image_{i:04}.png" for i in range(0, 40, 2)))
    client = terminals.client(farm, base, "--files-from", listed, "--strategy", "random", "--json")
    wait_until(lambda: len(results(base)) >= 5, "5 results")
    listed.unlink()
    assert farm.server
    port = farm.server.port
    farm.server.kill()
    farm.start_server(port).wait_until_ready()
    report = client.ended(60).report
    assert (report["done"], report["failed"]) == (20, 0)
    assert [name for name in results(base) if not name.startswith(".")] == [
        f"image_{i:04}.png" for i in range(0, 40, 2)
    ]
    assert not list((farm.machines_path.parent / ".pixfarm" / "lists").iterdir())
