"""Busy nodes: what they refuse goes elsewhere, and nothing is lost."""

import time
from pathlib import Path
from typing import Any

import pytest

from pixfarm.farm import NodeSpec
from tests.acceptance.conftest import MakeFarm
from tests.acceptance.pictures import many_images, results
from tests.acceptance.processes import Terminals

ONE_WORKER = ("--workers", "1", "--delay-s", "0.05")


def done_by(report: dict[str, Any]) -> dict[str, int]:
    return {node["name"]: node["done"] for node in report["nodes"]}


def test_a_refused_image_goes_to_another_node(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([NodeSpec(1.0, ONE_WORKER), NodeSpec(0.0, ONE_WORKER)])
    report = terminals.report(farm, many_images(tmp_path / "base", 40))
    assert report["ok"]
    assert done_by(report) == {"node_1": 0, "node_2": 40}
    assert report["nodes"][0]["refused"] == report["rejections"] > 0
    assert report["retries"] == 0  # a refusal is no fault
    assert len(results(tmp_path / "base")) == 40


def test_the_random_strategy_makes_a_busy_node_late_and_is_never_refused(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([NodeSpec(1.0, ("--workers", "1", "--delay-s", "0.3")), NodeSpec(0.0, ONE_WORKER)])
    report = terminals.report(farm, many_images(tmp_path / "base", 60), "--strategy", "random")
    assert report["ok"]
    assert report["strategy"] == "random"
    assert report["rejections"] == 0
    busy, idle = report["nodes"]
    assert busy["done"] > 0
    assert busy["mean_s"] >= 0.3 > idle["mean_s"]


@pytest.mark.parametrize("strategy", ["load-balancing", "random"])
def test_equal_nodes_share_the_work(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path, strategy: str
) -> None:
    farm = make_farm([NodeSpec(0.5, ONE_WORKER)] * 4)
    report = terminals.report(farm, many_images(tmp_path / "base", 80), "--strategy", strategy)
    assert report["ok"]
    assert report["strategy"] == strategy
    # Four nodes, two images each at a time: a node with less than 5 of 80 would have stood still.
    assert min(done_by(report).values()) >= 5


def test_nodes_that_refuse_everything_end_the_job_at_once(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([NodeSpec(1.0, ONE_WORKER)] * 4)
    base = many_images(tmp_path / "base", 20)
    started_at = time.monotonic()
    client = terminals.client(farm, base, "--json").ended()
    assert time.monotonic() - started_at < 5
    report = client.report
    assert client.code == 1
    assert report["elapsed_s"] < 2
    assert (report["state"], report["code"]) == ("gave up", "ALL_NODES_REJECT")
    assert all(f"node_{number} has p = 1" in report["message"] for number in range(1, 5))
    assert (report["total"], report["done"], report["not_done"]) == (20, 0, 20)
    assert results(base) == []


def test_a_refused_job_is_told_in_words(terminals: Terminals, make_farm: MakeFarm, tmp_path: Path) -> None:
    farm = make_farm([NodeSpec(1.0, ONE_WORKER)])
    client = terminals.client(farm, many_images(tmp_path / "base", 2)).ended()
    assert client.code == 1
    assert client.out.startswith("gave up: every node refuses all work: node_1 has p = 1; start one with ")
    assert "image_0001.png: ALL_NODES_REJECT" in client.out


def test_nodes_that_refuse_almost_everything_lose_nothing(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([NodeSpec(0.99, ("--workers", "1", "--delay-s", "0.001"))] * 4)
    report = terminals.report(farm, many_images(tmp_path / "base", 40))
    assert report["ok"]
    assert report["rejections"] > 40  # less than that has a chance of 1e-17
    assert len(results(tmp_path / "base")) == 40
