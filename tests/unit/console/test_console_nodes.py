import dataclasses
import io
from typing import Any

import pytest

from pixfarm.console import print_error, print_nodes
from pixfarm.model import NodeHealth, NodeStatus
from tests.unit.console.samples import HARMLESS, HOSTILE, Terminal

UP = NodeStatus(
    name="node_1",
    host="127.0.0.1",
    port=9091,
    load_probability=0.25,
    workers=4,
    in_flight=3,
    draining=True,
    done=1234,
    refused=41,
    version="0.1.0",
    delay_s=3.0,
)
DOWN = NodeStatus(name="node_2", host="fe80::1", port=9092, health=NodeHealth.DOWN, message="refused\nus")


def test_a_pipe_gets_everything_about_each_node() -> None:
    stream = io.StringIO()
    print_nodes([UP, DOWN], stream)
    assert stream.getvalue().splitlines() == [
        "2 nodes: 1 up, 1 down; 4 workers",
        "  node    address         state     load  busy   done  refused  failed  delay  version",
        "  node_1  127.0.0.1:9091  draining  0.25   3/4  1,234       41       0    3 s  0.1.0",
        "  node_2  [fe80::1]:9092  down         ?   0/?      0        0       0      ?  ?",
        "  node_2: refused\\nus",
    ]


def test_a_terminal_of_80_columns_leaves_out_what_has_no_room(terminal: Terminal) -> None:
    print_nodes([UP, DOWN], terminal)
    assert [line.rstrip() for line in terminal.text().splitlines()] == [
        "2 nodes: 1 up, 1 down; 4 workers",
        "  node    address         state     load  busy   done  refused  failed",
        "  node_1  127.0.0.1:9091  draining  0.25   3/4  1,234       41       0",
        "  node_2  [fe80::1]:9092  down         ?   0/?      0        0       0",
        "  node_2: refused\\nus",
    ]


def test_a_wide_terminal_shows_delay_and_version(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    print_nodes([UP], terminal)
    assert "delay  version" in terminal.text()


def test_a_narrow_terminal_shows_at_least_where_nodes_are_and_how(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    print_nodes([UP], terminal)
    assert [line.rstrip() for line in terminal.text().splitlines()] == [
        "1 node: 1 up; 4 workers",
        "  node    address         state     load  busy",
        "  node_1  127.0.0.1:9091  draining  0.25   3/4",
    ]


FULL = "no space left on /srv"


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"health": NodeHealth.PARKED, "fault": FULL}, f"parked: {FULL}"),
        ({"health": NodeHealth.PARKED, "message": FULL, "fault": FULL}, f"parked: {FULL}"),
        ({"health": NodeHealth.PARKED, "message": f"parked: {FULL}", "fault": FULL}, f"parked: {FULL}"),
        (
            {"health": NodeHealth.PARKED, "message": "asked 2 s ago", "fault": FULL},
            f"parked: asked 2 s ago; {FULL}",
        ),
        ({"fault": FULL}, FULL),
        ({"health": NodeHealth.DOWN, "message": "refused"}, "refused"),
    ],
    ids=["fault", "told twice", "told already", "message and fault", "not parked yet", "down"],
)
def test_what_is_broken_on_a_node_is_told(changes: dict[str, Any], remark: str) -> None:
    stream = io.StringIO()
    print_nodes([dataclasses.replace(UP, draining=False, **changes)], stream)
    *_table, last = stream.getvalue().splitlines()
    assert last == f"  node_1: {remark}"


def test_a_reason_that_begins_with_the_node_does_not_name_it_twice() -> None:
    stream = io.StringIO()
    message = "node_2 ([fe80::1]:9092) cannot be reached: Connection refused"
    print_nodes([dataclasses.replace(DOWN, message=message)], stream)
    assert stream.getvalue().splitlines()[-1] == f"  {message}"


def test_a_parked_node_is_counted_and_named_as_such() -> None:
    stream = io.StringIO()
    print_nodes([UP, dataclasses.replace(UP, health=NodeHealth.PARKED, draining=False)], stream)
    headline, _header, _up, parked = stream.getvalue().splitlines()
    assert headline == "2 nodes: 1 up, 1 parked; 4 workers"
    assert parked.split()[2] == "parked"


def test_a_farm_without_nodes_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_nodes([])
    assert capsys.readouterr().out == "the server has no nodes\n"


def test_a_terminal_is_told_of_a_farm_without_nodes(terminal: Terminal) -> None:
    print_nodes([], terminal)
    assert terminal.text() == "the server has no nodes\n"


def test_an_error_is_one_harmless_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(f"client: cannot read {HOSTILE}")
    captured = capsys.readouterr()
    assert captured.err == f"client: cannot read {HARMLESS}\n"
    assert captured.out == ""
