"""Servers that are lost while a client waits for its job, and servers that come back."""

import re
import signal
from pathlib import Path

import pytest

from pixfarm.farm import LocalFarm, NodeSpec
from tests.acceptance.conftest import MakeFarm
from tests.acceptance.pictures import many_images, results
from tests.acceptance.processes import Running, Terminals, wait_until

# With the random strategy each image takes 0.1 s, and a node holds two.
SLOW = NodeSpec(1.0, ("--workers", "1", "--delay-s", "0.1"))
RANDOM = ("--strategy", "random")


@pytest.fixture
def slow_farm(make_farm: MakeFarm) -> LocalFarm:
    """Two slow nodes, and a server to lose."""
    return make_farm([SLOW] * 2)


def start(terminals: Terminals, farm: LocalFarm, base: Path, *arguments: str) -> Running:
    """A client with a job of which some images are done."""
    client = terminals.client(farm, base, *RANDOM, *arguments)
    wait_until(lambda: len(results(base)) >= 8, "8 results")
    assert client.process.poll() is None
    return client


def lose(farm: LocalFarm) -> int:
    """Kills the server; the port to start it on again."""
    assert farm.server
    farm.server.kill()
    return farm.server.port


def job_of(farm: LocalFarm) -> str:
    """The job that the server has begun."""
    assert farm.server
    found = re.search(r"job (\w+) begins", farm.server.log())
    assert found
    return found[1]


def test_the_job_of_a_killed_server_is_followed_to_its_end(
    terminals: Terminals, slow_farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 90)
    client = start(terminals, slow_farm, base)
    job_id = job_of(slow_farm)
    port = lose(slow_farm)
    client.wait_for(f"server lost; waiting for it to come back (job {job_id} goes on there by itself)")
    slow_farm.start_server(port).wait_until_ready()
    ended = client.ended()
    assert ended.code == 0, ended
    assert ended.out.startswith("90 of 90 images done in ")
    assert len(results(base)) == 90
    assert ended.err.count("server lost") == ended.err.count("the server is back") == 1
    done = [int(number) for number in re.findall(r"^  (\d+) of 90", ended.err, re.MULTILINE)]
    assert done[-1] > 0
    assert done == sorted(done)


def test_a_server_that_is_asked_to_stop_leaves_its_jobs_to_the_next_one(
    terminals: Terminals, slow_farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 90)
    client = start(terminals, slow_farm, base, "--json")
    assert slow_farm.server
    port = slow_farm.server.port
    assert slow_farm.server.stop() == 0
    assert client.process.poll() is None
    slow_farm.start_server(port).wait_until_ready()
    ended = client.ended()
    assert (ended.code, ended.err) == (0, "")
    assert (ended.report["state"], ended.report["done"]) == ("finished", 90)
    assert len(results(base)) == 90


def test_a_server_that_does_not_come_back_is_told_in_one_line_with_the_way_back(
    terminals: Terminals, slow_farm: LocalFarm, tmp_path: Path
) -> None:
    client = start(terminals, slow_farm, many_images(tmp_path / "base", 200), "--json", "--wait-s", "0.5")
    job_id = job_of(slow_farm)
    lose(slow_farm)
    client.ended(10).has_one_line(
        3,
        *("client.py: server (127.0.0.1:", "the server was lost and not back within 0.5 s; "),
        f"job {job_id} may still run: ask with client.py --attach {job_id}",
    )


def test_a_server_that_comes_back_without_the_job_does_not_get_it_a_second_time(
    terminals: Terminals, slow_farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 200)
    client = start(terminals, slow_farm, base, "--json")
    job_id = job_of(slow_farm)
    port = lose(slow_farm)
    done = len(results(base))
    arguments = ("--machines", slow_farm.machines_path, "--port", port, "--state", tmp_path / "other")
    terminals.script("server.py", *arguments).wait_for(" listens on ")
    client.ended(10).has_one_line(2, f"knows no job {job_id} now", "another --state")
    jobs = terminals.client(slow_farm, "--jobs").ended()
    assert jobs.out == "the server has no jobs\n"
    assert len(results(base)) <= done + 4  # what the nodes had in hand


def test_ctrl_c_while_the_server_is_away_cancels_when_it_is_back(
    terminals: Terminals, slow_farm: LocalFarm, tmp_path: Path
) -> None:
    client = start(terminals, slow_farm, many_images(tmp_path / "base", 300))
    job_id = job_of(slow_farm)
    port = lose(slow_farm)
    client.wait_for("server lost")
    client.send_to_group(signal.SIGINT)
    client.wait_for(f"job {job_id} will be cancelled as soon as the server is back; Ctrl-C again to leave")
    slow_farm.start_server(port).wait_until_ready()
    ended = client.ended()
    assert ended.code == 1
    assert ended.out.startswith("job cancelled: ")
    assert "  cancelling: running images finish" in ended.err


def test_the_second_ctrl_c_leaves_while_the_server_is_away(
    terminals: Terminals, slow_farm: LocalFarm, tmp_path: Path
) -> None:
    client = start(terminals, slow_farm, many_images(tmp_path / "base", 200))
    job_id = job_of(slow_farm)
    lose(slow_farm)
    client.wait_for("server lost")
    client.send(signal.SIGINT)
    client.wait_for("will be cancelled as soon as")
    client.send(signal.SIGINT)
    ended = client.ended(10)
    assert (ended.code, ended.out) == (130, "")
    assert f"  left; job {job_id} goes on; client.py --cancel {job_id} stops it\n" in ended.err
    assert "Traceback" not in ended.err


def test_an_attached_client_waits_for_a_lost_server_too(
    terminals: Terminals, slow_farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 90)
    start(terminals, slow_farm, base).end()
    client = terminals.client(slow_farm, "--attach", job_of(slow_farm))
    client.wait_for(" of 90 done")
    port = lose(slow_farm)
    client.wait_for("server lost")
    slow_farm.start_server(port).wait_until_ready()
    ended = client.ended()
    assert ended.code == 0, ended
    assert ended.out.startswith("90 of 90 images done in ")
