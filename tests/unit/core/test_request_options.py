import time
from datetime import datetime
from pathlib import Path

import pytest

from pixfarm.client_options import parse
from pixfarm.request import ALL, Selection
from pixfarm.request_options import told


def test_what_is_chosen_is_taken_as_it_is_written() -> None:
    command = "--include *.jpg --include /a/ --exclude b/ --limit 3 --files-from -"
    assert parse(command.split()).selection == Selection(("*.jpg", "/a/"), ("b/",), None, 3, "-")
    assert parse([]).selection == ALL


def test_where_results_go_is_taken_as_it_is_written() -> None:
    options = parse(["--output", "web", "--name", "{stem}_{op}{ext}"])
    assert (options.output, options.name) == (Path("web"), "{stem}_{op}{ext}")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2026-11-01", (2026, 11, 1)),
        ("2026-11-01T12:30", (2026, 11, 1, 12, 30)),
        ("2026-11-01T12:30:59", (2026, 11, 1, 12, 30, 59)),
    ],
)
def test_a_day_or_a_time_is_that_of_this_machine(text: str, parts: tuple[int, ...]) -> None:
    assert parse(["--newer-than", text]).selection.newer_than == datetime(*parts).timestamp()  # type: ignore[arg-type] # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "age_s"), [("45m", 2700), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600)]
)
def test_an_age_counts_back_from_now(text: str, age_s: int) -> None:
    before = time.time()
    newer_than = parse(["--newer-than", text]).selection.newer_than
    assert newer_than is not None
    assert before - age_s <= newer_than <= time.time() - age_s


@pytest.mark.parametrize(
    "text",
    ["", "soon", "7", "7s", "-7d", "1.5h", "2026-04-31", "2026-11-1", "20261101", "2026-11-01 12:30",
     "2026-11-01T12:30+01:00", "0000-01-01", "\u0667d", "7d\n"],
)  # fmt: skip
def test_any_other_time_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([f"--newer-than={text}"])
    assert "is no day like 2026-11-01, time like 2026-11-01T12:30, or age like 45m" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "all", "+5", "²", "9" * 16])
def test_a_limit_is_a_whole_number_of_one_or_more(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([f"--limit={text}"])
    assert f"{text!r} is not a whole number of 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--include", "--exclude", "--files-from", "--name", "--output"])
def test_a_variable_that_is_not_set_is_no_value(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([flag, ""])
    assert f"{flag}: '' is " in capsys.readouterr().err


def test_the_arguments_that_chose_can_be_told() -> None:
    assert told(Selection(include=("a",), limit=1)) == "--include and --limit"
    assert told(Selection(newer_than=1.0, files_from="-")) == "--newer-than and --files-from"
