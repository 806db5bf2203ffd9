"""The demonstration, and a local farm that does not start: nothing is left behind, whatever happens."""

import signal
import socket
import sys
from pathlib import Path

import pytest

from pixfarm.errors import NotReady
from pixfarm.farm import HOME, LocalFarm, NodeSpec
from tests.acceptance.pictures import many_images, results
from tests.acceptance.processes import Running, Terminals, is_open, wait_until, with_token

LISTENS = " listens on 127.0.0.1:"


def demo(terminals: Terminals, *arguments: object) -> Running:
    """What make demo runs; the fixture ``token`` checks that no process is left."""
    terminals.cwd = HOME  # as make does
    return terminals.start([sys.executable, "-m", "pixfarm.demo", *map(str, arguments)])


def ports(out: str) -> list[int]:
    return [int(line.split(LISTENS)[1].split(",")[0]) for line in out.splitlines() if LISTENS in line]


def test_the_demonstration_does_all_images_and_leaves_nothing(
    terminals: Terminals, token: str, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "my pictures", 10)
    ended = demo(terminals, base, "--delay-s", "0.1").ended()
    assert ended.code == 0, ended
    assert "Traceback" not in ended.err
    assert with_token(token) == []
    assert len(ports(ended.out)) == 5
    assert not any(is_open(port) for port in ports(ended.out))
    assert len(results(base)) == 10
    assert "10 of 10 images done in " in ended.out
    assert ended.out.endswith(f"originals: {base}/input_dir\nresults:   {base}/output_dir\n")


def test_the_demonstration_of_a_missing_directory_fails(terminals: Terminals, tmp_path: Path) -> None:
    ended = demo(terminals, tmp_path / "nowhere").ended()
    assert ended.code == 2
    assert "does not exist" in ended.err
    assert "results:" not in ended.out


def start_and_wait_for_results(terminals: Terminals, base: Path) -> Running:
    many_images(base, 400)
    running = demo(terminals, base, "--delay-s", "0.5")
    wait_until(lambda: (base / "output_dir").is_dir() and len(results(base)) >= 3, "3 results")
    return running


def test_ctrl_c_ends_the_demonstration_in_order(terminals: Terminals, token: str, tmp_path: Path) -> None:
    running = start_and_wait_for_results(terminals, tmp_path / "base")
    running.send_to_group(signal.SIGINT)
    ended = running.ended()
    assert ended.code == 1
    assert "job cancelled: " in ended.out
    assert ended.out.endswith("stopping the farm ...\n")
    assert "Traceback" not in ended.err
    assert with_token(token) == []


def test_a_kill_ends_the_demonstration_in_order(terminals: Terminals, token: str, tmp_path: Path) -> None:
    running = start_and_wait_for_results(terminals, tmp_path / "base")
    running.send(signal.SIGTERM)
    ended = running.ended()
    assert ended.code == 128 + signal.SIGTERM
    assert "Traceback" not in ended.err
    assert with_token(token) == []


@pytest.mark.parametrize(
    ("number", "times"),
    [(signal.SIGINT, 4), (signal.SIGTERM, 2), (signal.SIGKILL, 1)],
    ids=["Ctrl-C four times", "SIGTERM twice", "SIGKILL"],
)
def test_an_impatient_end_leaves_nothing_either(
    terminals: Terminals, token: str, tmp_path: Path, number: signal.Signals, times: int
) -> None:
    running = start_and_wait_for_results(terminals, tmp_path / "base")
    for _ in range(times):
        running.send_to_group(number)
    assert running.ended().code != 0
    wait_until(lambda: not with_token(token), "the end of all its processes", 10)


def test_ctrl_c_while_the_farm_starts_leaves_nothing(terminals: Terminals, tmp_path: Path) -> None:
    running = demo(terminals, many_images(tmp_path / "base", 2))
    running.wait_for("starting 4 nodes")
    running.send_to_group(signal.SIGINT)
    assert running.ended().code == 130
    assert not (tmp_path / "base" / "output_dir").exists()


@pytest.mark.parametrize(
    ("nodes", "server_arguments", "words"),
    [
        ([NodeSpec(), NodeSpec(0.0, ("--workers", "0"))], (), "node_2 ended at its start: .*'0' is not a"),
        ([NodeSpec(1.5)], (), "node_1 ended at its start: .*'1.5' is not a load probability"),
        ([NodeSpec()], ("--bogus",), "server ended at its start: .*unrecognized arguments: --bogus"),
    ],
    ids=["node", "only node", "server"],
)
def test_a_part_that_does_not_start_is_named_with_its_words_and_all_others_stop(
    token: str, nodes: list[NodeSpec], server_arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(NotReady, match=words), LocalFarm(nodes, server_arguments):
        pytest.fail("the farm is there")
    assert with_token(token) == []


def test_a_local_farm_that_is_closed_twice_stays_closed(token: str) -> None:
    farm = LocalFarm([NodeSpec()])
    with farm:
        part_ports = [farm.nodes["node_1"].port, farm.server.port if farm.server else 0]
        assert all(is_open(port) for port in part_ports)
    farm.close()
    assert [part.stop() for part in (farm.nodes["node_1"], farm.server) if part] == [0, 0]
    assert not any(is_open(port) for port in part_ports)
    assert not farm.machines_path.exists()
    assert with_token(token) == []


def test_a_local_farm_does_not_disturb_who_has_its_ports_already(token: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(NotReady, match="in use"),
        LocalFarm([NodeSpec()], ("--port", str(taken.getsockname()[1]))),
    ):
        pytest.fail("the farm is there")
    assert with_token(token) == []
