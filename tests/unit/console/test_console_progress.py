import io

import pytest

from pixfarm.console import progress_for
from pixfarm.console.live import LiveProgress
from pixfarm.console.plain import PlainProgress
from pixfarm.model import JobState, JobStatus
from tests.unit.console.samples import HARMLESS, HOSTILE, Terminal, break_off, status


def lines_for(*statuses: JobStatus) -> list[str]:
    stream = io.StringIO()
    with PlainProgress(stream) as progress:
        for one in statuses:
            progress.show(one)
    return stream.getvalue().splitlines()


def test_a_pipe_gets_plain_lines() -> None:
    assert isinstance(progress_for(quiet=False, json=False, stream=io.StringIO()), PlainProgress)


def test_a_terminal_gets_the_live_picture(terminal: Terminal) -> None:
    assert isinstance(progress_for(quiet=False, json=False, stream=terminal), LiveProgress)


@pytest.mark.parametrize(("term", "encoding"), [("dumb", "utf-8"), ("", "utf-8"), ("xterm", "ascii")])
def test_a_terminal_that_cannot_draw_gets_plain_lines(
    monkeypatch: pytest.MonkeyPatch, term: str, encoding: str
) -> None:
    monkeypatch.setenv("TERM", term)
    assert isinstance(progress_for(quiet=False, json=False, stream=Terminal(encoding)), PlainProgress)


def test_progress_goes_to_stderr_so_that_stdout_holds_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_for(quiet=False, json=False) as progress:
        progress.show(status())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "  0 of 300 done\n"


@pytest.mark.parametrize("mode", ["quiet", "json"])
def test_quiet_and_json_show_nothing(terminal: Terminal, mode: str) -> None:
    with progress_for(quiet=mode == "quiet", json=mode == "json", stream=terminal) as progress:
        progress.show(status())
        progress.say("hello")
    assert terminal.getvalue() == ""


def test_a_line_tells_what_is_known() -> None:
    known = status(done=120, failed=2, rejections=41, elapsed_s=2.0)
    assert lines_for(known) == ["  120 of 300 done, 2 failed, 60.0 images/s, ETA 0:03, 41 refusals"]


@pytest.mark.parametrize(("flagged", "words"), [(1, "1 looks wrong"), (1200, "1,200 look wrong")])
def test_a_line_tells_how_many_results_look_wrong(flagged: int, words: str) -> None:
    assert lines_for(status(done=120, flagged=flagged)) == [f"  120 of 300 done, {words}"]


def test_a_total_that_still_grows_has_a_plus_and_no_eta() -> None:
    known = status(done=120, total=5312, elapsed_s=2.0, listing_complete=False)
    assert lines_for(known) == ["  120 of 5,312+ done, 60.0 images/s, still listing"]


def test_a_line_comes_every_five_seconds() -> None:
    lines = lines_for(*(status(done=i, elapsed_s=i / 2) for i in range(24)))
    assert [line.split(" of")[0].strip() for line in lines] == ["0", "10", "20"]


@pytest.mark.parametrize(
    "changes",
    [
        {"listing_complete": True},
        {"message": "no node answers", "listing_complete": False},
        {"state": JobState.CANCELLED, "listing_complete": False, "not_done": 200},
    ],
    ids=["listing complete", "message", "end"],
)
def test_news_gets_a_line_at_once(changes: dict[str, object]) -> None:
    first = status(listing_complete=False)
    assert len(lines_for(first, status(elapsed_s=0.1, **changes))) == 2


def test_a_message_that_only_counts_is_no_news() -> None:
    waiting = [status(elapsed_s=i / 10, message=f"no node answers, waiting {i} of 30 s") for i in range(9)]
    assert lines_for(*waiting) == ["  0 of 300 done (no node answers, waiting 0 of 30 s)"]


def test_an_end_says_how_and_is_told_once() -> None:
    end = status(state=JobState.CANCELLED, done=120, not_done=180, elapsed_s=2.0)
    assert lines_for(end, end) == ["  120 of 300 done, 180 not done, 60.0 images/s, cancelled"]


def test_images_already_done_and_copies_are_told() -> None:
    known = status(done=100, skipped=180, copies=1, elapsed_s=2.0)
    assert lines_for(known) == [
        "  100 of 300 done, 180 already done, 50.0 images/s, ETA 0:01, 1 copy of a slow image"
    ]


def test_a_pause_is_told_at_once_with_the_way_on_and_so_is_its_end() -> None:
    paused = status(state=JobState.PAUSED, done=9, elapsed_s=0.6)
    assert lines_for(status(), paused, paused, status(done=9, elapsed_s=0.8)) == [
        "  0 of 300 done",
        "  9 of 300 done, paused; go on with client.py --resume job-7",
        "  9 of 300 done, 11.1 images/s, ETA 0:27",
    ]


def test_a_standstill_has_no_eta() -> None:
    lines = lines_for(*(status(done=120, elapsed_s=1.0 + i) for i in range(12)))
    assert [line.split(", ")[-1] for line in lines] == ["ETA 0:02", "ETA 0:16", "ETA --"]


def test_a_line_comes_every_five_seconds_also_when_the_time_of_the_job_went_back() -> None:
    lines = lines_for(*(status(done=3, elapsed_s=s) for s in (40.0, 43.0, 20.0, 22.0)))
    assert len(lines) == 2


def test_an_error_leaves_the_last_status() -> None:
    stream = io.StringIO()
    with pytest.raises(ConnectionError):
        break_off(PlainProgress(stream), status(), status(done=9, elapsed_s=0.4))
    assert stream.getvalue().splitlines() == ["  0 of 300 done", "  9 of 300 done"]


def test_what_is_said_is_one_harmless_line() -> None:
    stream = io.StringIO()
    PlainProgress(stream).say(HOSTILE)
    assert stream.getvalue() == f"  {HARMLESS}\n"
