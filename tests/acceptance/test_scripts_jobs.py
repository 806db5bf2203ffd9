"""Jobs that are paused, resumed, retried, and listed."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pixfarm.farm import LocalFarm, NodeSpec
from pixfarm.machines import read_machines
from pixfarm.model import JobState
from pixfarm.wire import ServerCaller
from tests.acceptance.pictures import many_images, results, save_image
from tests.acceptance.processes import Running, Terminals, wait_until

pytestmark = pytest.mark.xdist_group("jobs")  # they share a farm

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


def start(
    terminals: Terminals, farm: LocalFarm, server: ServerCaller, base: Path, *arguments: str
) -> tuple[Running, str]:
    """A client with a job of which some images are done, and the job's id."""
    client = terminals.client(farm, base, *RANDOM, *arguments)
    wait_until(lambda: len(results(base)) >= 4, "4 results")
    assert client.process.poll() is None
    (job,) = [job for job in server.list_jobs() if job.base_path == str(base)]
    return client, job.job_id


def test_a_paused_job_stands_still_until_it_is_resumed(
    terminals: Terminals, slow_farm: LocalFarm, server: ServerCaller, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 60)
    client, job_id = start(terminals, slow_farm, server, base)
    paused = terminals.client(slow_farm, "--pause", job_id).ended()
    assert (paused.code, paused.err) == (0, "")
    assert re.fullmatch(
        rf"job {job_id} is paused: \d+ of 60 done(, \d images? still running)?; "
        rf"go on with client\.py --resume {job_id}\n",
        paused.out,
    )
    client.wait_for(f"paused; go on with client.py --resume {job_id}")

    def stands_still() -> bool:
        job = server.job_status(job_id)
        return job.running == 0 and job.done == len(results(base))

    wait_until(stands_still, "the end of what ran")
    standing = server.job_status(job_id)
    assert standing.state is JobState.PAUSED
    assert 4 <= standing.done < 60
    resumed = terminals.client(slow_farm, "--resume", job_id, "--json").ended()
    assert resumed.code == 0, resumed
    assert (resumed.report["done"], resumed.report["job_id"]) == (60, job_id)
    ended = client.ended()
    assert (ended.code, ended.out.split(" images")[0]) == (0, "60 of 60")


def test_a_paused_job_is_told_as_json(
    terminals: Terminals, slow_farm: LocalFarm, server: ServerCaller, tmp_path: Path
) -> None:
    client, job_id = start(terminals, slow_farm, server, many_images(tmp_path / "base", 150), "--json")
    paused = terminals.client(slow_farm, "--pause", job_id, "--json").ended()
    assert (paused.report["job_id"], paused.report["state"]) == (job_id, "paused")
    server.cancel_job(job_id)
    assert client.ended().report["state"] == "cancelled"


def test_a_cancelled_job_can_be_resumed_and_does_only_what_was_left(
    terminals: Terminals, slow_farm: LocalFarm, server: ServerCaller, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 60)
    client, job_id = start(terminals, slow_farm, server, base, "--json")
    server.cancel_job(job_id)
    before = client.ended().report
    assert before["not_done"] > 0
    done_before = {path: path.stat().st_mtime_ns for path in (base / "output_dir").iterdir()}
    after = terminals.client(slow_farm, "--resume", job_id, "--json").ended()
    assert after.code == 0, after
    assert (after.report["done"], after.report["not_done"]) == (60, 0)
    assert all(path.stat().st_mtime_ns == mtime for path, mtime in done_before.items())


def test_ctrl_c_only_leaves_a_resumed_job(
    terminals: Terminals, slow_farm: LocalFarm, server: ServerCaller, tmp_path: Path
) -> None:
    first, job_id = start(terminals, slow_farm, server, many_images(tmp_path / "base", 150), "--json")
    server.pause_job(job_id)
    second = terminals.client(slow_farm, "--resume", job_id)
    second.wait_for(" of 150 done")
    second.send(signal.SIGINT)
    left = second.ended(10)
    assert left.code == 130
    assert f"left; job {job_id} goes on; client.py --cancel {job_id} stops it\n" in left.err
    assert server.job_status(job_id).state is JobState.RUNNING
    server.cancel_job(job_id)
    assert first.ended().report["state"] == "cancelled"


@pytest.mark.parametrize(
    ("mode", "words"), [("--pause", "only a running job can be paused"), ("--resume", "is finished")]
)
def test_a_finished_job_is_neither_paused_nor_resumed(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path, mode: str, words: str
) -> None:
    job_id = terminals.report(farm, many_images(tmp_path / "base", 2))["job_id"]
    terminals.client(farm, mode, job_id).ended().has_one_line(2, f"client.py: job {job_id} ", words)


@pytest.mark.parametrize("state", ["finished", "cancelled"])
def test_a_job_that_had_ended_is_not_cancelled(
    terminals: Terminals, slow_farm: LocalFarm, server: ServerCaller, tmp_path: Path, state: str
) -> None:
    client, job_id = start(terminals, slow_farm, server, many_images(tmp_path / "base", 20), "--json")
    if state == "cancelled":
        server.cancel_job(job_id)
    assert client.ended().report["state"] == state
    ended = terminals.client(slow_farm, "--cancel", job_id).ended()
    ended.has_one_line(2, f"client.py: job {job_id} had already ended: {state}")


@pytest.mark.parametrize("mode", ["--pause", "--resume", "--report", "--retry-failed", "--cancel"])
def test_a_job_that_the_server_does_not_know_is_one_line(
    terminals: Terminals, farm: LocalFarm, mode: str
) -> None:
    ended = terminals.client(farm, mode, "no-such-job").ended()
    ended.has_one_line(2, "client.py: the server knows no job 'no-such-job'")


def test_only_what_failed_is_done_again(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = many_images(tmp_path / "base", 5)
    broken = base / "input_dir" / "broken.png"
    broken.write_bytes(b"\x89PNG")
    first = terminals.report(farm, base, *RANDOM)
    assert (first["done"], first["failed"]) == (5, 1)
    shutil.copy(base / "input_dir" / "image_0000.png", broken)
    again = terminals.client(farm, "--retry-failed", first["job_id"], "--json").ended()
    assert again.code == 0, again
    assert (again.report["total"], again.report["done"]) == (1, 1)
    assert (again.report["base_path"], again.report["strategy"]) == (str(base), "random")
    assert again.report["job_id"] != first["job_id"]
    assert len(results(base)) == 6


def test_a_job_without_failures_leaves_nothing_to_do_again(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 3)
    job_id = terminals.report(farm, base)["job_id"]
    ended = terminals.client(farm, "--retry-failed", job_id).ended()
    assert ended.code == 0, ended
    assert ended.out.splitlines()[0] == f"no images found in {base}: all images of job {job_id} were done"


def test_what_was_done_and_has_not_changed_is_passed_over(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    sources = [save_image(base / "input_dir" / f"image_{number}.png") for number in range(8)]
    assert terminals.client(farm, base).ended().code == 0
    again = terminals.client(farm, base, "--skip-done").ended()
    assert again.code == 0, again
    assert re.match(r"nothing to do: 8 images already done \(checked in \d+\.\d s\)\n", again.out)
    (base / "output_dir" / sources[0].name).unlink()
    save_image(sources[1], (64, 64))
    os.utime(sources[1], (time.time() + 5, time.time() + 5))
    some = terminals.client(farm, base, "--skip-done").ended()
    assert some.code == 0, some
    assert re.match(r"2 of 8 images done in .*, 6 already done\n", some.out)
    report = terminals.report(farm, base)
    assert (report["done"], report["skipped"]) == (8, 0)  # without the flag, everything is done


def test_what_was_done_is_found_again_however_the_directory_is_written(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 2)
    assert terminals.report(farm, base)["done"] == 2
    again = terminals.report(farm, f"{base}/input_dir/..", "--skip-done")
    assert (again["base_path"], again["skipped"]) == (str(base), 2)


def test_a_way_through_a_link_is_not_made_plain(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = many_images(tmp_path / "base", 2)
    (tmp_path / "link").symlink_to(base / "input_dir")
    report = terminals.report(farm, f"{tmp_path}/link/..")  # the base, where tmp_path is the plain reading
    assert (report["base_path"], report["done"]) == (f"{tmp_path}/link/..", 2)


def test_a_priority_is_told_where_there_is_one(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = many_images(tmp_path / "base", 3)
    ended = terminals.client(farm, base, "--priority", "-5").ended()
    assert "  priority  -5\n" in ended.out
    assert "by load-balancing, priority -5\n" in ended.err or not ended.err
    assert terminals.report(farm, base, "--priority", "100")["priority"] == 100
    assert "  priority" not in terminals.client(farm, base).ended().out


def test_an_image_that_takes_longer_than_allowed_is_given_up(
    terminals: Terminals, farm: LocalFarm, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    save_image(base / "input_dir" / "large.png", (6000, 6000))
    ended = terminals.client(farm, base, "--task-timeout", "0.05", "--json").ended()
    assert ended.code == 1, ended
    (failure,) = ended.report["failures"]
    assert (failure["filename"], failure["code"]) == ("large.png", "TIMED_OUT")


def test_jobs_are_listed_the_oldest_first(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    bases = [many_images(tmp_path / name, number) for name, number in (("one", 2), ("two", 3))]
    (bases[1] / "input_dir" / "broken.jpg").write_bytes(b"")
    ids = [terminals.report(farm, base)["job_id"] for base in bases]
    ended = terminals.client(farm, "--jobs").ended()
    assert (ended.code, ended.err) == (0, "")
    headline, _header, *rows = ended.out.splitlines()
    assert re.match(r"\d+ jobs: .*\d+ finished", headline)
    first, second = (row.split() for row in rows[-2:])
    assert (first[0], second[0]) == tuple(ids)
    assert abs(time.mktime(time.strptime(" ".join(first[1:3]), "%Y-%m-%d %H:%M")) - time.time()) < 600
    assert first[3:6] == ["finished", str(bases[0]), "2/2"]
    assert second[3:8] == ["finished", str(bases[1]), "3/4", "1", "0"]
    jobs = terminals.client(farm, "--jobs", "--json").ended().report["jobs"]
    assert [job["job_id"] for job in jobs[-2:]] == ids
    assert (jobs[-1]["done"], jobs[-1]["failed"], jobs[-1]["state"]) == (3, 1, "finished")


def test_a_job_of_an_earlier_server_can_still_be_looked_at(
    terminals: Terminals, tmp_path: Path, token: str
) -> None:
    base = many_images(tmp_path / "base", 3)
    with LocalFarm([NodeSpec()]) as farm:
        report = terminals.report(farm, base)
        assert farm.server
        port = farm.server.port
        assert farm.server.stop() == 0
        farm.start_server(port).wait_until_ready()
        attached = terminals.client(farm, "--attach", report["job_id"], "--json").ended()
        assert attached.report == report
        shown = json.loads(terminals.client(farm, "--report", report["job_id"], "--json").ended().out)
        assert len(shown["images"]) == 3
