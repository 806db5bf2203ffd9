"""What goes where: stdout, stderr, for people, for programs, for nobody."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from pixfarm.farm import LocalFarm, NodeSpec
from tests.acceptance.conftest import MakeFarm
from tests.acceptance.pictures import many_images
from tests.acceptance.processes import Terminals

KEYS = {
    *("ok", "job_id", "base_path", "strategy", "state", "total", "done", "failed", "not_done"),
    *("rejections", "retries", "elapsed_s", "nodes", "code", "message", "failures", "images_per_s"),
    *("skipped", "copies", "priority", "submitted_at", "recipe", "output", "flagged", "flags", "verdict"),
}


def test_json_is_one_document_and_nothing_else(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    base = many_images(tmp_path / "base", 12)
    ended = terminals.client(farm, base, "--json").ended()
    assert (ended.code, ended.err) == (0, "")
    report = ended.report
    assert set(report) == KEYS
    assert (report["state"], report["strategy"]) == ("finished", "load-balancing")
    assert (report["base_path"], report["done"], report["failures"]) == (str(base), 12, [])


def test_quiet_prints_nothing(terminals: Terminals, farm: LocalFarm, tmp_path: Path) -> None:
    ended = terminals.client(farm, many_images(tmp_path / "base", 3), "--quiet").ended()
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_quiet_still_says_what_is_wrong(terminals: Terminals, farm: LocalFarm) -> None:
    terminals.client(farm, "nowhere", "--quiet").ended().has_one_line(2, "does not exist")


def test_pipes_get_plain_lines(terminals: Terminals, make_farm: MakeFarm, tmp_path: Path) -> None:
    farm = make_farm([NodeSpec(1.0, ("--workers", "1", "--delay-s", "0.3"))])
    ended = terminals.client(farm, many_images(tmp_path / "base", 6), "--strategy", "random").ended()
    assert ended.code == 0
    assert "\x1b" not in ended.out + ended.err
    assert "\r" not in ended.out + ended.err
    assert ended.out.isascii()
    assert re.match(r"6 of 6 images done in \d\.\d s \(\d\.\d\d? images/s\)\n", ended.out)
    # Progress goes to stderr, a line now and then.
    assert re.match(r"  job \w{12}: /.*/base by random\n  \d of 6 done", ended.err)
    assert len(ended.err.splitlines()) <= 4


def test_a_reader_that_leaves_is_no_error_worth_a_traceback(farm: LocalFarm, tmp_path: Path) -> None:
    base = many_images(tmp_path / "base", 3)
    with subprocess.Popen(
        farm.client_command(str(base)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout
        assert client.stderr
        client.stdout.close()
        assert client.wait(30) == 1
        assert "Traceback" not in client.stderr.read()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("mode", ["--jobs", "--report JOB", "--report JOB --json", "--report JOB --csv -"])
def test_a_full_disk_under_the_output_is_said_to_be_that(farm: LocalFarm, tmp_path: Path, mode: str) -> None:
    base = many_images(tmp_path / "base", 3)
    job = subprocess.run(farm.client_command(str(base), "--json"), capture_output=True, check=True)
    command = farm.client_command(*mode.replace("JOB", json.loads(job.stdout)["job_id"]).split())
    with Path("/dev/full").open("w") as full:
        client = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert client.returncode == 1
    assert client.stderr == "client.py: standard output cannot be written: No space left on device\n"


@pytest.fixture
def half_farm(make_farm: MakeFarm) -> LocalFarm:
    """Two nodes, of which the second is dead."""
    farm = make_farm([NodeSpec(0.25), NodeSpec()])
    farm.nodes["node_2"].kill()
    return farm


def test_list_nodes_shows_who_is_up_and_who_is_not(terminals: Terminals, half_farm: LocalFarm) -> None:
    ended = terminals.client(half_farm, "--list-nodes").ended()
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("2 nodes: 1 up, 1 down; ")
    _headline, _header, *rows, why = ended.out.splitlines()
    lines = {line.split()[0]: line.split() for line in rows}
    assert lines["node_1"][1:4] == [f"127.0.0.1:{half_farm.nodes['node_1'].port}", "up", "0.25"]
    assert lines["node_2"][1:3] == [f"127.0.0.1:{half_farm.nodes['node_2'].port}", "down"]
    assert why.startswith("  node_2 (127.0.0.1:")  # why it is down
    assert "Connection refused" in why


def test_list_nodes_as_json(terminals: Terminals, half_farm: LocalFarm) -> None:
    ended = terminals.client(half_farm, "--list-nodes", "--json").ended()
    assert (ended.code, ended.err) == (0, "")
    up, down = json.loads(ended.out)["nodes"]
    assert (up["name"], up["health"], up["load_probability"], up["workers"]) == ("node_1", "up", 0.25, 1)
    assert (down["name"], down["health"]) == ("node_2", "down")
    assert "Connection refused" in down["message"]
