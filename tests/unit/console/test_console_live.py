import io

import pytest
from rich.console import Console, ConsoleDimensions

from pixfarm.console import progress_for
from pixfarm.console.live import drawn_status
from pixfarm.console.pace import Pace
from pixfarm.model import JobState, JobStatus, NodeCounts
from tests.unit.console.samples import HARMLESS, HOSTILE, NODES, Terminal, break_off, status


def picture(shown: JobStatus, width: int = 80, height: int = 24) -> list[str]:
    """The lines of ``shown`` on a terminal without colours."""
    pace = Pace()
    pace.update(shown)
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=height, force_terminal=False, color_system=None)
    console.print(drawn_status(shown, pace, ConsoleDimensions(width, height)))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def many_nodes(number: int) -> tuple[NodeCounts, ...]:
    return tuple(NodeCounts(f"node_{i}", done=10, refused=1, failed=0, mean_s=0.02) for i in range(number))


RUNNING = status(done=120, failed=3, rejections=41, elapsed_s=10.0, nodes=NODES)


def test_the_picture_shows_bar_counts_and_nodes() -> None:
    bar, counts, blank, header, first, second = picture(RUNNING)
    assert bar.strip().startswith("━━━")
    assert bar.endswith("─   41 %  0:10")
    assert counts == "  120 of 300 done   3 failed   12.0 images/s   ETA 0:15   41 refusals"
    assert blank == ""
    assert header.split() == ["node", "done", "share", "refused", "failed", "mean", "images/s"]
    assert first.split() == ["node_1", "200", "67", "%", "━" * 20, "41", "0", "18", "ms", "20.0"]
    assert second.split() == ["node_2", "100", "33", "%", "━" * 10, "0", "2", "1.50", "s", "10.0"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_numbers_stand_below_the_end_of_their_header(width: int) -> None:
    header, *rows = picture(RUNNING, width)[-3:]
    for name in ("done", "share", "refused", "failed", "mean", "images/s"):
        end = header.index(name) + len(name)
        assert all(row[end - 1] != " " and not row[end : end + 2].strip() for row in rows), name


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, picture(RUNNING, width))) <= width


def test_long_names_take_room_from_the_bars_then_from_the_rate() -> None:
    nodes = (NodeCounts("node-in-the-cellar-of-house-12", done=5, refused=0, failed=0, mean_s=0.02),)
    header, row = picture(status(nodes=nodes, elapsed_s=1.0), 72)[-2:]
    assert "images/s" not in header
    assert row.startswith("  node-in-the-cellar-of-house-12  ")


def test_a_growing_total_is_open_ended() -> None:
    bar, counts = picture(status(done=120, total=5312, listing_complete=False, elapsed_s=10.0))
    assert "%" not in bar
    assert "┄" in bar
    assert counts == "  120 of 5,312+ done   12.0 images/s   still listing"


def test_what_the_job_waits_for_is_shown() -> None:
    message = "no node answers, waiting 12 of 30 s"
    assert f"  {message}" in picture(status(done=120, message=message, elapsed_s=10.0))


@pytest.mark.parametrize(
    ("ended", "thick"),
    [
        ({"done": 300}, 63),
        ({"done": 150, "not_done": 150}, 63),
        ({"done": 150}, 31),
        ({"done": 299}, 62),
        ({"failed": 1}, 1),
        ({"skipped": 100, "done": 50}, 31),
        ({}, 0),
    ],
    ids=["all", "all given up", "half", "all but one", "one failed", "some skipped", "none"],
)
def test_the_bar_is_as_long_as_what_has_ended(ended: dict[str, int], thick: int) -> None:
    bar = picture(status(**ended))[0]
    assert bar.count("━") == thick
    assert bar.count("━") + bar.count("─") == 63


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.FINISHED])
def test_a_job_of_no_images_has_a_picture(state: JobState) -> None:
    assert picture(status(total=0, state=state))[0].endswith("-  0:00")


def test_nodes_beyond_the_screen_are_summed_up() -> None:
    lines = picture(status(done=400, nodes=many_nodes(40), elapsed_s=10.0), height=24)
    assert len(lines) < 24
    assert lines[-2].split()[0] == "node_14"
    assert lines[-1].split() == ["25", "more", "250", "62", "%", "25", "0", "20", "ms"]


def test_the_live_picture_leaves_nothing_but_what_was_said(terminal: Terminal) -> None:
    with progress_for(quiet=False, json=False, stream=terminal) as progress:
        progress.show(RUNNING)
        progress.say(HOSTILE)
        progress.show(status(done=121, elapsed_s=10.2, nodes=NODES))
    sent = terminal.text()
    assert f"  {HARMLESS}\n" in sent
    assert sent.endswith("\x1b[1A\x1b[2K")  # the picture is wiped, line by line
    assert sent.rindex("\x1b[?25h") > sent.rindex("\x1b[?25l")  # the cursor is back


def test_an_error_leaves_the_last_status_on_the_terminal(terminal: Terminal) -> None:
    with pytest.raises(ConnectionError):
        break_off(progress_for(quiet=False, json=False, stream=terminal), RUNNING)
    assert terminal.text().endswith("  120 of 300 done, 3 failed, 12.0 images/s, ETA 0:15, 41 refusals\n")


def test_an_error_before_the_first_status_leaves_nothing(terminal: Terminal) -> None:
    with pytest.raises(ConnectionError):
        break_off(progress_for(quiet=False, json=False, stream=terminal))
    assert "done" not in terminal.text()
