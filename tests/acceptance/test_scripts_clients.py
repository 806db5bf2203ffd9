"""Clients that come together, leave early, are interrupted, or come back."""

import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pixfarm.farm import LocalFarm, NodeSpec
from pixfarm.machines import read_machines
from pixfarm.model import JobState, JobStatus
from pixfarm.wire import ServerCaller
from tests.acceptance.conftest import MakeFarm
from tests.acceptance.pictures import many_images, results
from tests.acceptance.processes import Running, Terminals, wait_until

RANDOM = ("--strategy", "random")


@pytest.fixture(scope="module")
def slow_farm() -> Iterator[LocalFarm]:
    """Two nodes of two places each, with 0.1 s for an image of the random strategy."""
    with LocalFarm([NodeSpec(1.0, ("--workers", "1", "--delay-s", "0.1"))] * 2) as farm:
        yield farm


@pytest.fixture
def server(slow_farm: LocalFarm) -> Iterator[ServerCaller]:
    """A line of one's own to the server."""
    with closing(ServerCaller(read_machines(slow_farm.machines_path).server)) as server:
        yield server


def start(terminals: Terminals, farm: LocalFarm, base: Path, *arguments: str) -> Running:
    """A client with a job of which some images are done."""
    client = terminals.client(farm, base, *RANDOM, *arguments)
    wait_until(lambda: len(results(base)) >= 4, "4 results")
    assert client.process.poll() is None
    return client


def job_on(server: ServerCaller, base: Path) -> JobStatus:
    (job,) = [job for job in server.list_jobs() if job.base_path == str(base)]
    return job


def test_a_small_job_does_not_wait_for_a_large_one(
    terminals: Terminals, slow_farm: LocalFarm, server: ServerCaller, tmp_path: Path
) -> None:
    large, small = many_images(tmp_path / "large", 150), many_images(tmp_path / "small", 20)
    first = start(terminals, slow_farm, large, "--json")
    before = len(results(large))
    second = terminals.client(slow_farm, small, *RANDOM, "--json").ended()
    assert (second.code, second.report["done"]) == (0, 20)
    job = job_on(server, large)
    assert job.state is JobState.RUNNING
    assert job.done > before + 10  # the large one went on all the while
    server.cancel_job(job.job_id)
    assert first.ended().report["code"] == "CANCELLED"


def test_two_clients_at_once_both_have_all_their_images(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    bases = [many_images(tmp_path / name, 60) for name in ("one", "two")]
    clients = [terminals.client(farm, base, "--json") for base in bases]
    reports = [client.ended().report for client in clients]
    assert [(report["ok"], report["done"]) for report in reports] == [(True, 60)] * 2
    assert reports[0]["job_id"] != reports[1]["job_id"]
    assert [len(results(base)) for base in bases] == [60, 60]


def test_two_clients_on_one_directory_do_no_harm(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 40)
    clients = [terminals.client(farm, base, "--json") for _ in range(2)]
    assert [client.ended().report["done"] for client in clients] == [40, 40]
    assert results(base) == sorted(path.name for path in (base / "input_dir").iterdir())


def test_a_killed_client_does_not_stop_its_job_and_another_gets_the_report(
    terminals: Terminals, slow_farm: LocalFarm, server: ServerCaller, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 40)
    start(terminals, slow_farm, base).end()
    job_id = job_on(server, base).job_id
    attached = terminals.client(slow_farm, "--attach", job_id, "--json").ended()
    assert attached.code == 0, attached
    assert (attached.report["job_id"], attached.report["done"]) == (job_id, 40)
    assert len(results(base)) == 40
    again = terminals.client(slow_farm, "--attach", job_id, "--json").ended()
    assert again == attached
    in_words = terminals.client(slow_farm, "--attach", job_id).ended()
    assert in_words.out.startswith("40 of 40 images done in ")
    assert f"  job       {job_id}\n" in in_words.out


@pytest.mark.parametrize("job_id", ["no-such-job", ""], ids=["unknown", "nothing"])
def test_an_unknown_job_is_refused_in_one_line(terminals: Terminals, farm: LocalFarm, job_id: str) -> None:
    ended = terminals.client(farm, "--attach", job_id).ended()
    ended.has_one_line(2, f"client.py: the server knows no job '{job_id}'")


def test_the_first_interrupt_cancels_the_job_and_shows_what_was_done(
    terminals: Terminals, slow_farm: LocalFarm, server: ServerCaller, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 150)
    client = start(terminals, slow_farm, base)
    client.send_to_group(signal.SIGINT)
    ended = client.ended(10)
    done = job_on(server, base).done
    assert ended.code == 1
    assert "  cancelling: running images finish; Ctrl-C again to leave at once\n" in ended.err
    assert ended.out.startswith(f"job cancelled: {done} of 150 done, {150 - done} not done\n")
    assert "  message   cancelled on request\n" in ended.out
    assert f"{150 - done} not done:\n" in ended.out
    assert ": CANCELLED: not done: the job stopped\n" in ended.out
    assert 4 <= done == len(results(base)) < 150
    assert job_on(server, base).state is JobState.CANCELLED


def test_the_second_interrupt_leaves_at_once(
    terminals: Terminals, make_farm: MakeFarm, tmp_path: Path
) -> None:
    farm = make_farm([NodeSpec(1.0, ("--workers", "1", "--delay-s", "60"))])
    client = terminals.client(farm, many_images(tmp_path / "base", 10), *RANDOM)
    client.wait_for("0 of 10 done")
    client.send(signal.SIGINT)
    client.wait_for("cancelling")
    client.send(signal.SIGINT)
    ended = client.ended(10)
    farm.nodes["node_1"].kill()  # which would first finish what it has
    assert ended.code == 130
    assert ended.out == ""
    assert "Traceback" not in ended.err


def test_an_interrupted_json_client_prints_its_one_document(
    terminals: Terminals, slow_farm: LocalFarm, tmp_path: Path
) -> None:
    client = start(terminals, slow_farm, many_images(tmp_path / "base", 150), "--json")
    client.send(signal.SIGINT)
    ended = client.ended(10)
    assert (ended.code, ended.err) == (1, "")
    assert (ended.report["state"], ended.report["code"]) == ("cancelled", "CANCELLED")
    assert len(ended.report["failures"]) == 100


def test_an_interrupted_attached_client_only_leaves(
    terminals: Terminals, slow_farm: LocalFarm, server: ServerCaller, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 150)
    first = start(terminals, slow_farm, base, "--json")
    job_id = job_on(server, base).job_id
    second = terminals.client(slow_farm, "--attach", job_id)
    second.wait_for(" of 150 done")
    second.send(signal.SIGINT)
    left = second.ended(10)
    assert left.code == 130
    assert f"left; job {job_id} goes on; client.py --cancel {job_id} stops it\n" in left.err
    assert server.job_status(job_id).state is JobState.RUNNING
    third = terminals.client(slow_farm, "--cancel", job_id, "--json").ended(10)
    assert third.report["state"] == first.ended(10).report["state"] == "cancelled"


def test_a_quiet_client_tells_of_failures_and_of_nothing_else(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 2)
    fine = terminals.client(farm, base, "--quiet").ended()
    assert (fine.code, fine.out, fine.err) == (0, "", "")
    (base / "input_dir" / "broken.jpg").write_bytes(b"")
    failed = terminals.client(farm, base, "--quiet").ended()
    assert (failed.code, failed.out) == (1, "")
    assert "broken.jpg: UNREADABLE: is empty" in failed.err
