"""Folders that cannot be written, lead elsewhere, or change while a job runs; images too large for a node."""

from pathlib import Path

import pytest

from pixfarm.farm import LocalFarm, NodeSpec
from tests.acceptance.conftest import MakeFarm
from tests.acceptance.pictures import is_whole, many_images, results, save_image
from tests.acceptance.processes import Terminals, wait_until
from tests.integration.small_disks import small_disk


def test_a_job_that_cannot_be_written_hinders_no_other(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([NodeSpec()] * 2, ("--give-up-s", "3"))
    bad, good = many_images(tmp_path / "bad", 40), many_images(tmp_path / "good", 40)
    with small_disk(bad / "output_dir", read_only=True):
        stuck = terminals.client(farm, bad)
        stuck.wait_for("no usable node; waiting")
        report = terminals.report(farm, good)
        assert (report["state"], report["done"]) == ("finished", 40)
        assert stuck.ended().code == 3
        (job,) = [job for job in terminals.report(farm, "--jobs")["jobs"] if job["base_path"] == str(bad)]
        assert (job["code"], job["not_done"]) == ("NO_NODES", 40)
        assert job["message"].count(f"output_dir is on a file system that is read-only ({bad})") == 2
        assert terminals.report(farm, many_images(tmp_path / "next", 10))["done"] == 10
    assert terminals.report(farm, "--retry-failed", job["job_id"])["done"] == 40
    assert len(results(bad)) == 40


@pytest.mark.parametrize("leads_to", ["input_dir", "."])
def test_originals_are_not_overwritten_where_output_dir_leads_to_them(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path, leads_to: str
) -> None:
    base = many_images(tmp_path / "base", 3)
    (base / "output_dir").symlink_to(base / leads_to)
    original = (base / "input_dir" / "image_0000.png").read_bytes()
    terminals.client(farm, base).ended().has_one_line(2, "results would mix with the originals")
    assert {path.read_bytes() for path in (base / "input_dir").iterdir()} == {original}
    assert len(list((base / "input_dir").iterdir())) == 3


def test_a_folder_called_input_dir_that_appears_in_mid_job_changes_nothing(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([NodeSpec(1.0, ("--workers", "1", "--delay-s", "0.1"))])
    base = many_images(tmp_path / "made", 20) / "input_dir"
    client = terminals.client(farm, base, "--strategy", "random", "--json")
    wait_until(lambda: len(results(base)) >= 3, "3 results")
    prepared = tmp_path / "prepared"
    for index in range(20):
        save_image(prepared / f"image_{index:04}.png", (20, 20))
    prepared.rename(base / "input_dir")
    ended = client.ended()
    assert (ended.code, ended.report["done"]) == (0, 20)
    assert all(is_whole(base / "output_dir" / name) for name in results(base))
    assert len(results(base)) == 20


def test_what_is_too_large_for_one_node_is_done_by_another(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    small = NodeSpec(0.0, ("--workers", "1", "--memory-mib", "64"))
    farm = make_farm([small, NodeSpec()])
    for index in range(4):
        save_image(tmp_path / "base" / "input_dir" / f"{index}.png", (6000, 4000))
    report = terminals.report(farm, tmp_path / "base")
    assert (report["done"], report["failed"]) == (4, 0)
    assert [(node["name"], node["done"]) for node in report["nodes"]][-1] == ("node_2", 4)
    farm = make_farm([small])
    ended = terminals.client(farm, tmp_path / "base", "--json").ended()
    assert ended.code == 1
    assert {failure["code"] for failure in ended.report["failures"]} == {"NO_MEMORY"}
    assert results(tmp_path / "base") == [f"{index}.png" for index in range(4)]
