"""Nodes that die, freeze, come back, or were never there."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixfarm.farm import LocalFarm, NodeSpec, Part
from tests.acceptance.conftest import MakeFarm
from tests.acceptance.pictures import is_whole, many_images, results
from tests.acceptance.processes import Running, Terminals, wait_until, write_machines

SLOW = NodeSpec(0.5, ("--workers", "1", "--delay-s", "0.2"))
GIVE_UP = ("--give-up-s", "1")


def start_and_wait_for_results(
    terminals: Terminals, farm: LocalFarm, base: Path, *arguments: str, number: int = 5
) -> Running:
    client = terminals.client(farm, base, "--json", *arguments)
    wait_until(lambda: len(results(base)) >= number, f"{number} results")
    assert client.process.poll() is None
    return client


@contextmanager
def frozen(node: Part) -> Iterator[None]:
    node.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        node.process.send_signal(signal.SIGCONT)


def assert_all_whole(base: Path, number: int) -> None:
    names: list[str] = []

    def are_all_there() -> bool:
        # A frozen node that came back may still be at images that another one has done: for a moment there
        # are temporary files again. So the names are those of one look, at which there were none.
        names[:] = results(base)
        return len(names) == number

    wait_until(are_all_there, f"{number} results and nothing else")
    assert [name for name in names if not is_whole(base / "output_dir" / name)] == []


@pytest.mark.parametrize(
    ("strategy", "p", "retries"), [("load-balancing", 0.5, 0), ("random", 1.0, 1)], ids=["balanced", "random"]
)
def test_a_killed_node_costs_no_image(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path, strategy: str, p: float, retries: int
) -> None:
    farm = make_farm([NodeSpec(p, SLOW.arguments)] * 4)
    base = many_images(tmp_path / "base", 50)
    client = start_and_wait_for_results(terminals, farm, base, "--strategy", strategy)
    farm.nodes["node_2"].kill()
    ended = client.ended()
    assert ended.code == 0, ended
    assert ended.report["done"] == 50
    assert ended.report["retries"] >= retries  # it may have had no image in hand, if p is not 1
    assert farm.server
    assert "node lost: node_2 (127.0.0.1:" in farm.server.log()
    assert_all_whole(base, 50)


def test_a_node_that_is_started_again_is_used_again(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([SLOW] * 2)
    base = many_images(tmp_path / "base", 12)
    client = start_and_wait_for_results(terminals, farm, base)
    killed = farm.nodes["node_2"]
    killed.kill()
    assert client.ended().report["ok"]
    farm.start_node("node_2", killed.port).wait_until_ready()
    report = terminals.report(farm, base)
    assert report["ok"]
    assert report["nodes"][1]["name"] == "node_2"
    assert report["nodes"][1]["done"] >= 2


def test_a_node_that_is_started_again_is_used_by_the_job_that_lost_it(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([SLOW])
    base = many_images(tmp_path / "base", 12)
    client = start_and_wait_for_results(terminals, farm, base)
    killed = farm.nodes["node_1"]
    killed.kill()
    farm.start_node("node_1", killed.port).wait_until_ready()
    assert client.ended().code == 0
    assert_all_whole(base, 12)


@pytest.mark.parametrize("strategy", ["load-balancing", "random"])
def test_a_frozen_node_is_worked_around(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path, strategy: str
) -> None:
    farm = make_farm([SLOW] * 3)
    base = many_images(tmp_path / "base", 40)
    client = start_and_wait_for_results(terminals, farm, base, "--strategy", strategy)
    with frozen(farm.nodes["node_1"]):
        # Silent for 1 s, then a ping of 2 s without an answer: far below the 120 s that a call may take.
        ended = client.ended(20)
    assert ended.code == 0, ended
    assert ended.report["done"] == 40
    # Found dead; or its last images were copied to the others before that, which random never does.
    copies = ended.report["copies"] if strategy == "load-balancing" else 0
    assert ended.report["nodes"][0]["failed"] + copies >= 1
    assert_all_whole(base, 40)


def test_a_thawed_node_is_used_again(terminals: Terminals, make_farm: MakeFarm, tmp_path: Path) -> None:
    farm = make_farm([SLOW])
    base = many_images(tmp_path / "base", 10)
    client = start_and_wait_for_results(terminals, farm, base, "--strategy", "random", number=3)
    with frozen(farm.nodes["node_1"]):
        wait_until(lambda: farm.server and "node lost" in farm.server.log(), "the loss in the server's log")
        assert client.process.poll() is None
    assert client.ended().code == 0
    assert_all_whole(base, 10)


def test_a_job_without_any_node_left_gives_up_and_keeps_what_is_done(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([SLOW] * 2, GIVE_UP)
    base = many_images(tmp_path / "base", 40)
    # Of these, each node may have four in hand that nobody was told of.
    client = start_and_wait_for_results(terminals, farm, base, number=13)
    for node in farm.nodes.values():
        node.kill()
    ended = client.ended(10)
    report = ended.report
    assert ended.code == 3
    assert (report["state"], report["code"]) == ("gave up", "NO_NODES")
    assert all(name in report["message"] for name in farm.nodes)
    assert report["done"] >= 5
    assert report["done"] + report["failed"] + report["not_done"] == report["total"] == 40
    whole = [name for name in results(base) if is_whole(base / "output_dir" / name)]
    # A killed node may have published an image without having told of it.
    assert len(whole) >= report["done"]


def test_nodes_that_were_never_started_are_named(terminals: Terminals, tmp_path: Path) -> None:
    machines = write_machines(tmp_path / "machine.txt", nodes=2)
    terminals.script("server.py", "--machines", machines, *GIVE_UP).wait_for("listens on")
    base = many_images(tmp_path / "base", 5)
    client = terminals.script("client.py", base, "--machines", machines).ended(10)
    assert client.code == 3
    assert client.out.startswith("gave up: no node was usable for 1 s: ")
    headline = client.out.splitlines()[0]
    assert all(f"{name} (localhost:" in headline for name in ("node_1", "node_2"))
    assert "start computenode.py on the machines that are down" in headline
    assert results(base) == []


def test_nodes_may_be_started_after_the_job(terminals: Terminals, tmp_path: Path) -> None:
    machines = write_machines(tmp_path / "machine.txt", nodes=2)
    terminals.script("server.py", "--machines", machines).wait_for("listens on")
    client = terminals.script("client.py", many_images(tmp_path / "base", 5), "--machines", machines)
    client.wait_for("no usable node; waiting ")
    terminals.script("computenode.py", "0", "--machines", machines)
    assert client.ended().code == 0
    assert_all_whole(tmp_path / "base", 5)
