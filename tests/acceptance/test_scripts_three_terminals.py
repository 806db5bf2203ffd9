"""The way of the README: a terminal for each node, one for the server, one for the client."""

import re
import shutil
from pathlib import Path

import pytest

from pixfarm.farm import HOME
from tests.acceptance.pictures import PHOTOGRAPHS, is_same_as_done_here, many_images, results
from tests.acceptance.processes import Running, Terminals, free_ports, write_machines

NAMES = sorted(str(path.relative_to(PHOTOGRAPHS)) for path in PHOTOGRAPHS.rglob("*") if path.is_file())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the project, as a clone would be, with other ports."""
    home = tmp_path / "pixfarm clone"
    ignored = shutil.ignore_patterns("__pycache__", "output_dir")
    for folder in ("pixfarm", "gen-py", "data", "thrift"):
        shutil.copytree(HOME / folder, home / folder, ignore=ignored)
    for name in ("client.py", "server.py", "computenode.py", "machine.txt"):
        shutil.copy(HOME / name, home)
    ports = map(str, free_ports(5))
    text = re.sub(r"\b909\d$", lambda _: next(ports), (home / "machine.txt").read_text(), flags=re.MULTILINE)
    (home / "machine.txt").write_text(text)
    return home


def start_all(terminals: Terminals, home: Path, probabilities: list[str]) -> list[Running]:
    parts = []
    for probability in probabilities:
        parts.append(terminals.script("computenode.py", probability, home=home))
        parts[-1].wait_for(" listens on ")
    parts.append(terminals.script("server.py", home=home))
    parts[-1].wait_for(" listens on ")
    return parts


def test_the_commands_of_the_readme_do_all_photographs(
    terminals: Terminals, home: Path, tmp_path: Path
) -> None:
    *nodes, server = start_all(terminals, home, ["0", "0.0", "0e0", "00"])
    ports = [line.split()[2] for line in (home / "machine.txt").read_text().splitlines()[1:]]
    assert server.out() == f"server listens on 127.0.0.1:{ports[0]}, 4 nodes\n"
    for number, node in enumerate(nodes, start=1):  # each took the first line that was still free
        line = rf"node_{number} listens on 127\.0\.0\.1:{ports[number]}, p = 0, \d+ workers?\n"
        assert re.fullmatch(line, node.out())
        assert node.err() == ""
    client = terminals.script("client.py", home=home).ended()
    assert client.code == 0, client
    assert client.out.startswith(f"{len(NAMES)} of {len(NAMES)} images done in ")
    assert results(home / "data") == NAMES
    different = [
        name
        for name in NAMES
        if not is_same_as_done_here(PHOTOGRAPHS / name, home / "data" / "output_dir" / name, tmp_path)
    ]
    assert different == []


def test_a_fifth_node_finds_no_free_line(terminals: Terminals, tmp_path: Path) -> None:
    machines = write_machines(tmp_path / "farm.txt", nodes=2)
    with machines.open("a") as file:
        file.write("node_3 192.0.2.1\n")  # an address that is nobody's (RFC 5737)
    for name in ("node_1", "node_2"):
        terminals.script("computenode.py", "0", "--machines", machines).wait_for(f"{name} listens on ")
    third = terminals.script("computenode.py", "0", "--machines", machines).ended()
    ports = ", ".join(line.split()[2] for line in machines.read_text().splitlines()[1:3])
    third.has_one_line(
        3,
        "all 2 nodes of farm.txt that are addresses of this machine already run here, or their ports are "
        f"taken: {ports}; add a node",
    )


def test_a_base_path_is_relative_to_where_the_client_is_called(terminals: Terminals, home: Path) -> None:
    start_all(terminals, home, ["0"])
    many_images(terminals.cwd / "my pictures", 3)
    client = terminals.script("client.py", "my pictures", home=home).ended()
    assert client.code == 0, client
    assert len(results(terminals.cwd / "my pictures")) == 3
    assert f"results   {terminals.cwd / 'my pictures' / 'output_dir'}\n" in client.out


def test_the_server_says_what_a_job_took_and_all_stop_as_asked(terminals: Terminals, home: Path) -> None:
    node, server = start_all(terminals, home, ["0.0625"])
    assert ", p = 0.0625, " in node.out()
    many_images(terminals.cwd, 3)
    terminals.script("client.py", ".", home=home).ended()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d job [0-9a-f]{12} finished: 3 of 3 images done in \d+\.\d s, \d+\.\d images/s, "
        r"0 failed, 0 not done, \d+ refusals?, 0 retries",
        server.wait_for(" finished: "),
    )
    for part, name in ((server, "server"), (node, "node_1")):
        part.process.terminate()
        ended = part.ended()
        assert ended.code == 0
        assert ended.out.endswith(f"{name} stopped\n")
        assert "Traceback" not in ended.err
