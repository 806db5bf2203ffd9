import io
import time

import pytest

from pixfarm.console import paused_line, print_jobs
from pixfarm.model import JobState
from tests.unit.console.samples import HARMLESS, HOSTILE, Terminal, status

SUBMITTED_AT = time.mktime((2026, 11, 22, 16, 52, 4, 0, 0, -1))
JOBS = [
    status(job_id="a" * 12, state=JobState.FINISHED, done=298, failed=2, elapsed_s=12.3, submitted_at=1e6),
    status(
        job_id="b" * 12,
        total=5312,
        done=120,
        skipped=1000,
        listing_complete=False,
        elapsed_s=3725.0,
        submitted_at=SUBMITTED_AT,
    ),
]


def test_a_pipe_gets_a_line_for_each_job_the_oldest_first() -> None:
    stream = io.StringIO()
    print_jobs(JOBS, stream)
    headline, header, first, second = stream.getvalue().splitlines()
    assert headline == "2 jobs: 1 running, 1 finished"
    assert header.split() == [
        *("job", "submitted", "state", "base", "path", "done", "failed", "skipped", "elapsed", "images/s")
    ]
    assert first.split()[:1] + first.split()[3:] == [
        *("a" * 12, "finished", "/srv/pics", "298/300", "2", "0", "12.3", "s", "24.2")
    ]
    assert second.split() == [
        *("b" * 12, "2026-11-22", "16:52", "running", "/srv/pics", "120/5,312+", "0", "1,000"),
        *("1", "h", "02", "min", "05", "s", "0.03"),
    ]


def test_a_job_whose_submission_is_not_known_is_told_as_such() -> None:
    stream = io.StringIO()
    print_jobs([status(submitted_at=0.0)], stream)
    assert stream.getvalue().splitlines()[2].split()[:3] == ["job-7", "?", "running"]


def test_a_server_without_jobs_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_jobs([])
    assert capsys.readouterr().out == "the server has no jobs\n"


def test_a_terminal_is_told_of_a_server_without_jobs(terminal: Terminal) -> None:
    print_jobs([], terminal)
    assert terminal.text() == "the server has no jobs\n"


@pytest.mark.parametrize(
    ("width", "last"), [(60, "done"), (80, "failed"), (100, "skipped"), (120, "images/s")]
)
def test_a_terminal_shows_as_many_columns_as_it_has_room_for(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, width: int, last: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_jobs(JOBS, terminal)
    headline, header, *_rows = terminal.text().splitlines()
    assert headline == "2 jobs: 1 running, 1 finished"
    assert header.split()[-1] == last
    assert max(map(len, terminal.text().splitlines())) <= width


def test_a_long_base_path_folds_on_a_terminal_and_loses_nothing(terminal: Terminal) -> None:
    path = "/" + "/".join(f"folder_{number}" for number in range(20))
    print_jobs([status(base_path=path, submitted_at=SUBMITTED_AT)], terminal)
    header, *rows = terminal.text().splitlines()[1:]
    place = slice(header.index("base path"), header.index("done") - 2)
    assert "".join(row[place].strip() for row in rows) == path


@pytest.mark.parametrize("is_terminal", [False, True], ids=["pipe", "terminal"])
def test_hostile_paths_are_whole_and_harmless(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    stream = terminal if is_terminal else io.StringIO()
    print_jobs([status(base_path=HOSTILE)], stream)
    shown = terminal.text() if is_terminal else stream.getvalue()
    assert HARMLESS in shown
    assert all(line.isprintable() for line in shown.splitlines())


@pytest.mark.parametrize(
    ("running", "words"),
    [(0, ""), (1, ", 1 image still running"), (4, ", 4 images still running")],
)
def test_a_paused_job_says_what_is_left_to_do(running: int, words: str) -> None:
    job = status(state=JobState.PAUSED, done=120, running=running)
    line = f"job job-7 is paused: 120 of 300 done{words}; go on with client.py --resume job-7"
    assert paused_line(job) == line
