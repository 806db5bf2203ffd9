"""Servers whose journal cannot be written: what they tell, and that they can be stopped."""

import re
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm.farm import LocalFarm, NodeSpec
from tests.acceptance.conftest import MakeFarm
from tests.acceptance.pictures import many_images, results
from tests.acceptance.processes import Running, Terminals, wait_until

SLOW = NodeSpec(1.0, ("--workers", "1", "--delay-s", "0.1"))
RANDOM = ("--strategy", "random")
STOPS_WITHIN_S = 12.0


@pytest.fixture
def farm(make_farm: MakeFarm) -> LocalFarm:
    """Two slow nodes, and a server to take its journal away from."""
    return make_farm([SLOW] * 2)


@pytest.fixture
def client(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> Iterator[Running]:
    """A client with a job of which some images are done; it does not wait long for a server that is lost."""
    base = many_images(tmp_path / "base", 200)
    client = terminals.client(farm, base, *RANDOM, "--wait-s", "0.5")
    wait_until(lambda: len(results(base)) >= 8, "8 results")
    yield client
    client.end()


def state_of(farm: LocalFarm) -> Path:
    return farm.machines_path.parent / ".pixfarm"


def fill_the_disk(farm: LocalFarm) -> None:
    """No file of the server may grow any more: the same to it as a disk that is full."""
    assert farm.server
    size = max(path.stat().st_size for path in state_of(farm).iterdir())
    resource.prlimit(farm.server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def job_of(farm: LocalFarm) -> str:
    """The job that the server has begun."""
    assert farm.server
    found = re.search(r"job (\w+) begins", farm.server.log())
    assert found
    return found[1]


def stop(farm: LocalFarm) -> float:
    """How long the server takes to end in order; it has logged no traceback."""
    assert farm.server
    began_at = time.monotonic()
    assert farm.server.stop(2 * STOPS_WITHIN_S) == 0
    assert "Traceback" not in farm.server.log()
    return time.monotonic() - began_at


def test_a_job_is_paused_though_the_disk_is_full_and_that_is_said(
    terminals: Terminals, farm: LocalFarm, client: Running
) -> None:
    fill_the_disk(farm)
    client.wait_for("the journal cannot be written: disk I/O error")
    job_id = job_of(farm)
    terminals.client(farm, "--pause", job_id).ended(10).has_one_line(
        2, f"job {job_id} is paused, but the journal cannot be written: disk I/O error"
    )
    assert stop(farm) < STOPS_WITHIN_S


def test_a_server_whose_disk_is_full_stops_in_time_and_so_does_a_client_whose_job_it_has_not_begun(
    terminals: Terminals, farm: LocalFarm, client: Running, tmp_path: Path
) -> None:
    fill_the_disk(farm)
    client.wait_for("the journal cannot be written")
    second = terminals.client(farm, many_images(tmp_path / "second", 3), *RANDOM)
    second.wait_for("the journal cannot be written")
    assert stop(farm) < STOPS_WITHIN_S
    ended = second.ended(10)
    assert (ended.code, ended.out) == (2, "")
    assert "was not begun: the journal was closed while it could not be written: disk" in ended.err
    assert ended.err.endswith("; submit it again when the server is back\n")


def test_a_state_directory_that_is_gone_is_said_and_the_server_can_be_stopped(
    terminals: Terminals, farm: LocalFarm, client: Running
) -> None:
    assert farm.server
    port, job_id = farm.server.port, job_of(farm)
    shutil.copytree(state_of(farm), state_of(farm).with_name("copy"))
    shutil.rmtree(state_of(farm))
    client.wait_for("was removed or replaced while the server was using it; stop the server and start it")
    assert stop(farm) < STOPS_WITHIN_S
    state_of(farm).with_name("copy").rename(state_of(farm))
    farm.start_server(port).wait_until_ready()
    assert [job["job_id"] for job in terminals.report(farm, "--jobs")["jobs"]] == [job_id]


def test_a_job_that_is_paused_is_not_retried(terminals: Terminals, farm: LocalFarm, client: Running) -> None:
    job_id = job_of(farm)
    terminals.client(farm, "--retry-failed", job_id).ended().has_one_line(
        2, f"client.py: job {job_id} is running; retry when it has ended"
    )
    assert terminals.client(farm, "--pause", job_id).ended().code == 0
    terminals.client(farm, "--retry-failed", job_id).ended().has_one_line(
        2, f"client.py: job {job_id} is paused; go on with client.py --resume {job_id}, or cancel it first"
    )
