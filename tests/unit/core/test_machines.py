from pathlib import Path

import pytest

from pixfarm.errors import BadMachinesFile
from pixfarm.machines import Machines, read_machines
from pixfarm.model import Machine

GOOD = "server localhost 9090\nnode_1 localhost 9091\n"


def parse(tmp_path: Path, content: str | bytes) -> Machines:
    path = tmp_path / "machine.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_machines(path)


def complaint(tmp_path: Path, content: str | bytes) -> str:
    with pytest.raises(BadMachinesFile) as caught:
        parse(tmp_path, content)
    return str(caught.value)


def test_nodes_keep_the_order_of_the_file(tmp_path: Path) -> None:
    text = "node_b 10.0.0.2 7001\nserver 10.0.0.1 7000\nnode_a 10.0.0.3 7002\n"
    assert parse(tmp_path, text) == Machines(
        Machine("server", "10.0.0.1", 7000),
        (Machine("node_b", "10.0.0.2", 7001), Machine("node_a", "10.0.0.3", 7002)),
    )


@pytest.mark.parametrize(
    ("line", "port"),
    [("server desk", 9090), ("node_1 desk", 9091), ("node_1 desk 1", 1), ("node_1 desk 65535", 65535)],
    ids=["server", "node", "least", "greatest"],
)
def test_a_port_that_is_left_out_has_a_default(tmp_path: Path, line: str, port: int) -> None:
    others = "node_9 other\n" if line.startswith("server") else "server other\n"
    machines = parse(tmp_path, f"{line}\n{others}")
    assert port in {machines.server.port, machines.nodes[0].port}


@pytest.mark.parametrize(
    "text",
    [
        "# a farm\n\n   \nserver localhost 9090  # here\n\t# there\nnode_1 localhost 9091#\n",
        "\ufeffserver localhost 9090\nnode_1 localhost 9091",
        "server localhost 9090\r\nnode_1 localhost 9091\r\n",
        "\tserver\tlocalhost  9090 \n  node_1 localhost 9091",
        "client localhost\nserver localhost 9090\nnode_1 localhost 9091\n",
        "# page one\x0cnode_2 localhost\u2028node_3 localhost\nserver localhost 9090\nnode_1 localhost 9091",
    ],
    ids=["comments", "byte order mark", "CRLF", "blanks", "client", "page breaks in a comment"],
)
def test_what_means_nothing_is_passed_over(tmp_path: Path, text: str) -> None:
    assert parse(tmp_path, text) == Machines(
        Machine("server", "localhost", 9090), (Machine("node_1", "localhost", 9091),)
    )


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("node_2", "expected 'name host [port]', found 1 word: 'node_2'"),
        ("node_2 localhost 9092 fast", "expected 'name host [port]', found 4 words"),
        ("worker localhost 9092", "write server, client, or one that starts with node"),
        ("Server localhost 9092", "write server, client, or one that starts with node"),
        ("node/2 localhost 9092", "write server, client, or one that starts with node"),
        ("nodé localhost 9092", "write server, client, or one that starts with node"),
        ("node_2 lab/pc7 9092", "write one like localhost or 192.168.0.7"),
        ("node_2 schlüssel 9092", "write one like localhost or 192.168.0.7"),
        (f"node_2 {'x' * 254} 9092", "write one like localhost or 192.168.0.7"),
        ("node_2 localhost:9092", "write one like localhost or 192.168.0.7"),
        ("node_2 localhost 0", "is not a number from 1 to 65535"),
        ("node_2 localhost 65536", "is not a number from 1 to 65535"),
        ("node_2 localhost -1", "is not a number from 1 to 65535"),
        ("node_2 localhost +9", "is not a number from 1 to 65535"),
        ("node_2 localhost http", "is not a number from 1 to 65535"),
        ("node_2 localhost 9_1", "is not a number from 1 to 65535"),
        ("node_2 localhost ٩٠٩٢", "is not a number from 1 to 65535"),
        ("node_2 localhost ²", "is not a number from 1 to 65535"),
        (f"node_2 localhost {'9' * 5000}", "is not a number from 1 to 65535"),
        ("node_1 elsewhere 9092", "the name 'node_1' is already used in line 2"),
        ("server elsewhere 9092", "the name 'server' is already used in line 1"),
        ("node_2 localhost 9091", "localhost port 9091 is already used in line 2"),
        ("node_2 localhost 9090", "localhost port 9090 is already used in line 1"),
        ("node_2 127.0.0.1 9091", "127.0.0.1 port 9091 is already used in line 2"),
        ("node_2 LOCALHOST 9091", "LOCALHOST port 9091 is already used in line 2"),
        ("node_2 localhost", "localhost port 9091 is already used in line 2"),
    ],
    ids=lambda value: ascii(value[:40]),
)
def test_a_wrong_line_is_named_with_what_to_write(tmp_path: Path, line: str, hint: str) -> None:
    message = complaint(tmp_path, f"{GOOD}\n# more\n{line}\n")
    assert message.startswith("machine.txt:5: ")
    assert hint in message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("node_1 localhost\n", "add one like 'server localhost 9090'"),
        ("server localhost\nclient localhost\n", "add one like 'node_1 localhost 9091'"),
        ("", "add one like 'server localhost 9090'"),
    ],
    ids=["no server", "no node", "empty"],
)
def test_a_farm_that_lacks_a_part_is_told_which_line_to_add(tmp_path: Path, text: str, hint: str) -> None:
    message = complaint(tmp_path, text)
    assert message.startswith(f"{tmp_path / 'machine.txt'}: ")
    assert hint in message


@pytest.mark.parametrize(
    "start", [b"", b"\xef\xbb\xbf"], ids=["without byte order mark", "with byte order mark"]
)
def test_text_that_is_not_utf_8_is_named_by_its_line(tmp_path: Path, start: bytes) -> None:
    message = complaint(tmp_path, start + b"server localhost\n\xff\n")
    assert message == "machine.txt:2: not UTF-8 text; save the file as UTF-8"


def test_a_missing_file_is_told_with_the_option_that_names_another(tmp_path: Path) -> None:
    with pytest.raises(BadMachinesFile, match=r"gone\.txt: No such file .* --machines"):
        read_machines(tmp_path / "gone.txt")


def test_a_directory_is_no_machines_file(tmp_path: Path) -> None:
    with pytest.raises(BadMachinesFile, match="Is a directory"):
        read_machines(tmp_path)


def test_a_file_of_images_is_not_parsed(tmp_path: Path) -> None:
    assert "is this a machine.txt?" in complaint(tmp_path, b"#" * (1024 * 1024 + 1))


@pytest.mark.parametrize("host", ["::1", "fe80::1%eth0", "pc-7.lab.example", "a_b"])
def test_a_host_may_be_a_name_or_an_address(tmp_path: Path, host: str) -> None:
    assert parse(tmp_path, f"server {host}\nnode {host}\n").server.host == host


def test_a_node_is_found_by_its_name(tmp_path: Path) -> None:
    assert parse(tmp_path, GOOD).node("node_1") == Machine("node_1", "localhost", 9091)


def test_an_unknown_node_is_answered_with_those_there_are(tmp_path: Path) -> None:
    machines = parse(tmp_path, GOOD + "node_2 localhost 9092")
    with pytest.raises(BadMachinesFile, match="no node is called 'node_7'; there are node_1, node_2"):
        machines.node("node_7")
