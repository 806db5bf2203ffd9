"""What a person can get wrong: one line that says what to write instead, never a traceback."""

import shutil
import socket
import sys
from pathlib import Path

import pytest

from pixfarm.farm import HOME
from tests.acceptance.processes import Terminals, free_ports, write_machines

P = "a load probability from 0 (never busy) to 1 (always busy), like 0.5"
GOOD_MACHINES = "server localhost 9090\nnode_1 localhost 9091\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("computenode.py", "the following arguments are required: P"),
        ("computenode.py 1.5", f"'1.5' is not {P}"),
        ("computenode.py -0.5", f"'-0.5' is not {P}"),
        ("computenode.py nan", f"'nan' is not {P}"),
        ("computenode.py 0,5", f"'0,5' is not {P}"),
        ("computenode.py busy", f"'busy' is not {P}"),
        ("computenode.py 0.5 0.6", "unrecognized arguments: 0.6"),
        ("computenode.py 0 --workers 0", "'0' is not a whole number from 1 to 1024"),
        ("computenode.py 0 --workers two", "'two' is not a whole number from 1 to 1024"),
        ("computenode.py 0 --delay-s -1", "'-1' is not a number of seconds from 0 to 86400"),
        ("computenode.py 0 --delay-s inf", "'inf' is not a number of seconds"),
        ("computenode.py 0 --port 70000", "'70000' is not a whole number from 0 to 65535"),
        ("computenode.py 0 --seed x", "--seed: 'x' is not a whole number from 0 to"),
        ("computenode.py 0 --bogus", "unrecognized arguments: --bogus"),
        ("computenode.py 0 --work 1", "unrecognized arguments: --work 1 (did you mean --workers?); see "),
        ("client.py --skip-don", "unrecognized arguments: --skip-don (did you mean --skip-done?); see "),
        ("client.py --attach job data", "--attach submits nothing, so base_path would be ignored"),
        ("client.py --list-nodes --strategy random", "so --strategy would be ignored; leave it out"),
        ("client.py --list-nodes --quiet", "--list-nodes shows the nodes and leaves; leave out --quiet"),
        ("client.py --attach job --cancel job", "--attach and --cancel do not go together; choose one"),
        ("client.py --pause job --report job", "--pause and --report do not go together; choose one"),
        (
            "client.py --retry-failed job data",
            "--retry-failed takes base path and images of JOB, so base_path would",
        ),
        ("client.py --csv out.csv", "--csv needs --report JOB"),
        ("client.py --priority 101", "'101' is not a whole number from -100 to 100"),
        ("client.py --task-timeout 0", "'0' is not a number of seconds above 0 and up to 3600"),
        ("client.py --wait-s forever", "'forever' is not a number of seconds from 0 to 86400"),
        ("client.py --json --quiet", "--quiet: not allowed with argument --json"),
        ("server.py here", "unrecognized arguments: here"),
        ("server.py --port http", "'http' is not a whole number from 0 to 65535"),
        ("server.py --give-up-s soon", "'soon' is not a number of seconds"),
        ("server.py --machines", "--machines: expected one argument"),
        ("server.py --machines nowhere", "nowhere: No such file or directory; name the right file"),
        ("client.py one two", "unrecognized arguments: two"),
        ("client.py --strategy fastest", "'fastest' is not random or load-balancing"),
        ("client.py --strategy", "--strategy: expected one argument"),
        ("client.py --attach", "--attach: expected one argument"),
        ("client.py --machines nowhere", "nowhere: No such file or directory; name the right file"),
        ("client.py --machines .", ".: Is a directory; name the right file"),
    ],
)
def test_wrong_arguments_are_one_line(terminals: Terminals, command: str, words: str) -> None:
    name, *arguments = command.split()
    terminals.script(name, *arguments).ended().has_one_line(2, name.removesuffix(".py"), words)


def test_an_argument_cannot_break_the_line_or_steer_the_terminal(terminals: Terminals) -> None:
    ended = terminals.script("client.py", "one", "two\nlines", "\x1b[2J").ended()
    ended.has_one_line(2, r"unrecognized arguments: two\nlines \x1b[2J;")


@pytest.mark.parametrize("name", ["client.py", "server.py", "computenode.py"])
@pytest.mark.parametrize(("option", "words"), [("--help", "exit codes: 0 "), ("--version", "pixfarm ")])
def test_help_and_version_are_no_errors(terminals: Terminals, name: str, option: str, words: str) -> None:
    ended = terminals.script(name, option).ended()
    assert (ended.code, ended.err) == (0, "")
    assert words in ended.out


@pytest.mark.parametrize("script", ["client.py", "server.py", "computenode.py 0"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD_MACHINES + "node_2\n", "machine.txt:3: expected 'name host [port]', found 1 word: 'node_2'"),
        (GOOD_MACHINES + "worker_1 localhost\n", "machine.txt:3: the name 'worker_1' is unknown; write"),
        ("server localhost 99999\n", "machine.txt:1: the port '99999' is not a number from 1 to 65535"),
        (GOOD_MACHINES + "node_2 127.0.0.1 9091\n", "machine.txt:3: 127.0.0.1 port 9091 is already used in"),
        (GOOD_MACHINES + "# caf\udce9\n", "machine.txt:3: not UTF-8 text; save the file as UTF-8"),
        ("server localhost\n", "no line names a node; add one like 'node_1 localhost 9091'"),
    ],
    ids=["one word", "unknown name", "port", "same address", "latin-1", "no node"],
)
def test_a_wrong_machine_txt_is_one_line_with_its_place(
    terminals: Terminals, tmp_path: Path, script: str, text: str, words: str
) -> None:
    machines = tmp_path / "machine.txt"
    machines.write_bytes(text.encode(errors="surrogateescape"))
    name, *arguments = script.split()
    ended = terminals.script(name, *arguments, "--machines", machines).ended()
    ended.has_one_line(2, f"{name}: ", words)


@pytest.mark.parametrize("name", ["node_9", "server", ""], ids=["unknown", "server", "nothing"])
def test_a_name_that_is_no_node_of_machine_txt_is_refused(
    terminals: Terminals, tmp_path: Path, name: str
) -> None:
    machines = write_machines(tmp_path / "machine.txt", nodes=2)
    ended = terminals.script("computenode.py", "0", "--name", name, "--machines", machines).ended()
    ended.has_one_line(2, f"computenode.py: no node is called '{name}'; there are node_1, node_2")


@pytest.mark.parametrize(
    ("venv", "words"),
    [
        (".venv", "; .venv/bin/python has what `make` installed; first run: . {}/.venv/bin/activate\n"),
        ("", " -m venv {0}/.venv && . {0}/.venv/bin/activate && python -m pip install -r "),
    ],
    ids=["after make", "before"],
)
def test_a_python_without_the_packages_is_one_line_that_leads_to_them(
    terminals: Terminals, tmp_path: Path, venv: str, words: str
) -> None:
    home = tmp_path / "clone"
    shutil.copytree(HOME / "pixfarm", home / "pixfarm", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HOME / "client.py", home)
    if venv:
        (home / venv / "bin").mkdir(parents=True)
        (home / venv / "bin" / "python").symlink_to(sys.executable)
    # -S: as a Python outside of every virtual environment, without any package.
    ended = terminals.start([sys.executable, "-S", str(home / "client.py")]).ended()
    ended.has_one_line(2, "pixfarm: NumPy, OpenCV, rich, Apache Thrift", words.format(home))


IN_USE = "port {} on localhost is in use; stop what runs there, or change the port in machine.txt"
ONLY_NODE = "node_1, the only node of farm.txt that is an address of this machine, already runs here, or its "


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("server.py", IN_USE),
        ("computenode.py 0", ONLY_NODE + "port is taken: {}; add a node, or stop what runs there"),
        ("computenode.py 0 --name node_1", IN_USE),
    ],
)
def test_a_port_in_use_is_one_line(terminals: Terminals, tmp_path: Path, command: str, words: str) -> None:
    (port,) = free_ports(1)
    name, *arguments = command.split()
    is_server = name == "server.py"
    server, node = (port, 1) if is_server else (1, port)
    machines = tmp_path / "farm.txt"
    machines.write_text(f"server localhost {server}\nnode_1 localhost {node}\n")
    with socket.create_server(("127.0.0.1", port)):
        ended = terminals.script(name, *arguments, "--machines", machines).ended()
    ended.has_one_line(3, words.format(port))


def test_a_port_without_a_name_is_refused_where_there_are_several_nodes(
    terminals: Terminals, tmp_path: Path
) -> None:
    machines = write_machines(tmp_path / "machine.txt", nodes=2)
    ended = terminals.script("computenode.py", "0", "--port", "0", "--machines", machines).ended()
    ended.has_one_line(2, "computenode.py: --port needs --name: which of the 2 nodes is to listen there")


def test_a_port_without_a_name_is_that_of_the_only_node(terminals: Terminals, tmp_path: Path) -> None:
    machines = write_machines(tmp_path / "machine.txt", nodes=1)
    node = terminals.script("computenode.py", "0", "--port", "0", "--machines", machines)
    assert node.wait_for(" listens on ").startswith("node_1 listens on 127.0.0.1:")


def test_a_node_on_another_machine_is_not_taken_here(terminals: Terminals, tmp_path: Path) -> None:
    machines = tmp_path / "machine.txt"
    machines.write_text("server localhost\nnode_1 192.0.2.1\n")  # an address that is nobody's (RFC 5737)
    ended = terminals.script("computenode.py", "0", "--machines", machines).ended()
    ended.has_one_line(3, "node_1: 192.0.2.1 is not an address of this machine")
