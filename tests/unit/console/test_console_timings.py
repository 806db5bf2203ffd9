import io
from dataclasses import replace

import pytest

from pixfarm.console import print_report
from pixfarm.model import JobReport
from tests.unit.console.samples import NODES, TIMED, Terminal, report, timed_report

VERDICT = "reading takes 72 % of the time: the file server or disk is the limit, more nodes will not help"
TITLE = "time per image (share: without waiting)"


def plain(shown: JobReport) -> list[str]:
    stream = io.StringIO()
    print_report(shown, stream)
    return stream.getvalue().splitlines()


def drawn(terminal: Terminal, shown: JobReport) -> list[str]:
    """The lines from the title of the table on."""
    print_report(shown, terminal)
    lines = [line.strip() for line in terminal.text().splitlines()]
    return lines[lines.index(TITLE) :]


def test_a_pipe_gets_a_row_for_each_node_and_the_verdict() -> None:
    assert plain(timed_report())[-7:] == [
        f"{TITLE}:",
        "  node    waiting  sending  reading  decoding  resize  sharpen  encoding  writing",
        "  node_1    30 ms   1.5 ms   180 ms     15 ms   15 ms   7.5 ms     22 ms   7.5 ms",
        "  node_2    60 ms   3.0 ms   360 ms     30 ms   30 ms    15 ms     45 ms    15 ms",
        "  all       40 ms   2.0 ms   240 ms     20 ms   20 ms    10 ms     30 ms    10 ms",
        "  share         -      1 %     72 %       6 %     6 %      3 %       9 %      3 %",
        f"  {VERDICT}",
    ]


def test_a_terminal_of_80_columns_has_the_operations_in_one(terminal: Terminal) -> None:
    assert drawn(terminal, timed_report())[1:6] == [
        "node    waiting  sending  reading  decoding  operations  encoding  writing",
        "node_1    30 ms   1.5 ms   180 ms     15 ms       22 ms     22 ms   7.5 ms",
        "node_2    60 ms   3.0 ms   360 ms     30 ms       45 ms     45 ms    15 ms",
        "all       40 ms   2.0 ms   240 ms     20 ms       30 ms     30 ms    10 ms",
        "share         -      1 %     72 %       6 %         9 %       9 %      3 %",
    ]


def test_a_wide_terminal_has_every_operation(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    lines = drawn(terminal, timed_report())
    assert lines[1].split()[5:7] == ["resize", "sharpen"]
    assert lines[-1] == VERDICT


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (70, "sending reading decoding operations encoding writing"),
        (62, "reading decoding operations encoding writing"),
        (50, "reading operations encoding"),
        (36, "reading encoding"),
    ],
)
def test_a_narrow_terminal_leaves_out_waiting_and_then_the_shortest_times(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, width: int, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_report(timed_report(), terminal)
    lines = terminal.text().splitlines()
    header = next(line for line in lines if "reading" in line and "node" in line)
    assert header.split() == ["node", *columns.split()]
    assert max(map(len, lines)) <= width


def test_a_single_node_is_not_summed_up() -> None:
    lines = plain(replace(timed_report(), nodes=TIMED[:1]))
    assert not any(line.startswith("  all") for line in lines)


def test_nodes_that_do_not_tell_where_time_went_get_no_table() -> None:
    assert not any("time per image" in line for line in plain(report(nodes=NODES)))


def test_too_little_work_gets_a_table_and_no_verdict() -> None:
    few = replace(TIMED[0], done=3)
    lines = plain(replace(timed_report(), nodes=(few,)))
    assert f"{TITLE}:" in lines
    assert "takes" not in lines[-1]
