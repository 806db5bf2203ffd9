import io
from dataclasses import replace

import pytest

from pixfarm.console import exit_code, print_report
from pixfarm.console.outcome import headline
from pixfarm.errors import FailureCode
from pixfarm.model import Failure, JobReport, JobState
from pixfarm.request import Output
from tests.unit.console.samples import (
    HARMLESS,
    HOSTILE,
    Terminal,
    cancelled,
    cancelled_report,
    flagged_report,
    report,
)

BROKEN = Failure("sub/broken.jpg", FailureCode.UNREADABLE, "no image", "node_2")


def plain(shown: JobReport) -> list[str]:
    stream = io.StringIO()
    print_report(shown, stream)
    return stream.getvalue().splitlines()


def gave_up(code: str, message: str = "") -> JobReport:
    return report(state=JobState.GAVE_UP, done=0, not_done=300, code=code, message=message, nodes=())


OUTCOMES = {
    "all done": (report(), "300 of 300 images done in 12.3 s (24.4 images/s)", 0),
    "one image": (report(total=1, done=1), "1 of 1 image done in 12.3 s (0.08 images/s)", 0),
    "some failed": (
        report(done=298, failed=2),
        "298 of 300 images done in 12.3 s (24.2 images/s), 2 failed",
        1,
    ),
    "cancelled": (cancelled_report(), "job cancelled: 120 of 300 done, 180 not done", 1),
    "cancelled with failures": (
        report(state=JobState.CANCELLED, done=120, failed=1, not_done=179),
        "job cancelled: 120 of 300 done, 1 failed, 179 not done",
        1,
    ),
    "cancelled before listing": (
        report(state=JobState.CANCELLED, total=0, done=0),
        "job cancelled: 0 of 0 done, 0 not done",
        1,
    ),
    "all nodes reject": (
        gave_up("ALL_NODES_REJECT", "every node has p = 1"),
        "gave up: every node has p = 1",
        1,
    ),
    "no nodes": (gave_up("NO_NODES", "no node answers"), "gave up: no node answers", 3),
    "gave up without a message": (gave_up("NO_NODES"), "gave up: NO_NODES", 3),
    "empty": (
        report(total=0, done=0),
        "no images found in /srv/pics: looked for jpg jpeg png bmp tif tiff webp",
        0,
    ),
    "nothing found, and why": (
        report(total=0, done=0, message="no image of job job-6 failed"),
        "no images found in /srv/pics: no image of job job-6 failed",
        0,
    ),
    "some already done": (
        report(done=120, skipped=180),
        "120 of 300 images done in 12.3 s (9.8 images/s), 180 already done",
        0,
    ),
    "some already done, some failed": (
        report(done=118, skipped=180, failed=2),
        "118 of 300 images done in 12.3 s (9.6 images/s), 180 already done, 2 failed",
        1,
    ),
    "all already done": (
        report(done=0, skipped=300),
        "nothing to do: 300 images already done (checked in 12.3 s)",
        0,
    ),
    "cancelled with some already done": (
        report(state=JobState.CANCELLED, done=20, skipped=100, not_done=180),
        "job cancelled: 20 of 300 done, 100 already done, 180 not done",
        1,
    ),
    "no time passed": (report(elapsed_s=0.0), "300 of 300 images done in 0.0 s (0.00 images/s)", 0),
}


@pytest.mark.parametrize(("shown", "words", "code"), OUTCOMES.values(), ids=OUTCOMES)
def test_an_outcome_has_its_sentence_and_its_exit_code(shown: JobReport, words: str, code: int) -> None:
    assert headline(shown) == words
    assert plain(shown)[0] == words
    assert exit_code(shown) == code


@pytest.mark.parametrize(("shown", "words", "code"), OUTCOMES.values(), ids=OUTCOMES)
def test_a_terminal_shows_the_same_sentence(
    terminal: Terminal, shown: JobReport, words: str, code: int
) -> None:
    print_report(shown, terminal)
    assert words in " ".join(terminal.text().split())
    assert max(map(len, terminal.text().splitlines())) <= 80


def test_a_plain_report_is_complete() -> None:
    assert plain(report(done=299, failed=1, failures=(BROKEN,))) == [
        "299 of 300 images done in 12.3 s (24.3 images/s), 1 failed",
        "",
        "  images    299 done, 1 failed, 0 not done",
        "  calls     41 refusals, 2 retries",
        "  elapsed   12.3 s, 24.3 images/s",
        "  strategy  load-balancing",
        "  job       job-7",
        "  results   /srv/pics/output_dir",
        "",
        "  node    done  share  refused  failed    mean",
        "  node_1   200   67 %       41       0   18 ms",
        "  node_2   100   33 %        0       2  1.50 s",
        "",
        "1 failed:",
        "  sub/broken.jpg: UNREADABLE: no image (node_2)",
    ]


def test_a_drawn_report_is_complete(terminal: Terminal) -> None:
    print_report(report(done=299, failed=1, retries=1, failures=(BROKEN,)), terminal)
    assert [line.rstrip() for line in terminal.text().splitlines()] == [
        "✗ 299 of 300 images done in 12.3 s (24.3 images/s), 1 failed",
        "",
        "  images    299 done, 1 failed, 0 not done",
        "  calls     41 refusals, 1 retry",
        "  elapsed   12.3 s, 24.3 images/s",
        "  strategy  load-balancing",
        "  job       job-7",
        "  results   /srv/pics/output_dir",
        "",
        "  node    done  share                            refused  failed    mean",
        "  node_1   200   67 %  ━━━━━━━━━━━━━━━━━━━━━━━━       41       0   18 ms",
        "  node_2   100   33 %  ━━━━━━━━━━━━                    0       2  1.50 s",
        "",
        "  1 failed",
        "  file            code        message   node",
        "  sub/broken.jpg  UNREADABLE  no image  node_2",
    ]


def test_a_report_tells_what_is_out_of_the_ordinary() -> None:
    shown = report(done=120, skipped=180, copies=2, priority=-5)
    assert plain(shown)[2:8] == [
        "  images    120 done, 180 already done, 0 failed, 0 not done",
        "  calls     41 refusals, 2 retries, 2 copies of slow images",
        "  elapsed   12.3 s, 9.8 images/s",
        "  strategy  load-balancing",
        "  priority  -5",
        "  job       job-7",
    ]


def test_a_report_of_nothing_but_earlier_results_says_where_they_are() -> None:
    assert "  results   /srv/pics/output_dir" in plain(report(done=0, skipped=300))


def test_a_report_of_results_that_went_elsewhere_says_where_they_are() -> None:
    assert "  results   /srv/web" in plain(report(output=Output("/srv/web")))


def test_an_empty_directory_needs_no_tables() -> None:
    assert plain(report(total=0, done=0))[1:] == ["", "  strategy  load-balancing", "  job       job-7"]


def test_a_message_of_a_finished_job_is_shown() -> None:
    assert "  message   two nodes were lost" in plain(report(message="two nodes were lost"))


def test_a_pipe_gets_every_failure_of_an_image_and_three_of_the_job() -> None:
    own = tuple(Failure(f"bad_{i:02}.jpg", FailureCode.UNREADABLE, "no image") for i in range(60))
    lines = plain(replace(cancelled_report(40), failures=(*own, *cancelled_report(40).failures), failed=60))
    assert sum("UNREADABLE" in line for line in lines) == 60
    assert sum("CANCELLED" in line for line in lines) == 3
    assert lines[-1] == "  and 177 more (client.py --report job-7 has all)"


def test_a_terminal_gets_three_images_of_a_cancelled_job_and_the_way_to_more(terminal: Terminal) -> None:
    print_report(cancelled_report(), terminal)
    lines = terminal.text().splitlines()
    assert sum("CANCELLED" in line for line in lines) == 3
    assert sum("the job was cancelled" in line for line in lines) == 1  # the others say: as above
    assert lines[-1].strip() == "and 177 more (client.py --report job-7 has all)"


def test_an_image_that_failed_by_itself_is_not_hidden_by_a_cancelled_job(terminal: Terminal) -> None:
    failures = (*(cancelled(f"{i}.jpg") for i in range(50)), BROKEN)
    print_report(
        report(state=JobState.CANCELLED, done=249, failed=1, not_done=50, failures=failures), terminal
    )
    assert "sub/broken.jpg" in terminal.text()


def test_failures_without_a_list_are_told_as_such() -> None:
    assert plain(report(done=299, failed=1))[-1] == "  the server did not say which"


def test_a_pipe_gets_every_listed_result_that_looks_wrong_and_how_many_more() -> None:
    lines = plain(flagged_report(103))
    title = lines.index("103 of 300 results look wrong:")
    assert lines[title + 1] == "  img_000.jpg: clipped, outlier (1600 x 12 px)"
    assert len(lines) == title + 1 + 100 + 1
    assert lines[-1] == "  and 3 more (client.py --report job-7 has all)"


def test_a_terminal_gets_the_first_twenty_results_that_look_wrong(terminal: Terminal) -> None:
    print_report(flagged_report(103), terminal)
    lines = [line.strip() for line in terminal.text().splitlines()]
    title = lines.index("103 of 300 results look wrong")
    assert lines[title + 1 : title + 3] == [
        "file         flags                     size",
        "img_000.jpg  clipped, outlier  1600 x 12 px",
    ]
    assert lines[title + 22 :] == ["and 83 more (client.py --report job-7 has all)"]


def test_one_result_that_looks_wrong_is_no_plural_and_has_no_more() -> None:
    assert plain(flagged_report(1))[-2:] == [
        "1 of 300 results looks wrong:",
        "  img_000.jpg: clipped, outlier (1600 x 12 px)",
    ]


def test_results_that_look_wrong_are_no_failures() -> None:
    assert exit_code(flagged_report(300)) == 0


def test_hostile_names_are_whole_and_harmless_in_a_pipe() -> None:
    failure = Failure(HOSTILE, "NEW\nCODE", HOSTILE, HOSTILE)
    lines = plain(report(done=299, failed=1, failures=(failure,), base_path=HOSTILE, job_id=HOSTILE))
    assert lines[-1] == f"  {HARMLESS}: NEW\\nCODE: {HARMLESS} ({HARMLESS})"
    assert all(line.isprintable() for line in lines)


def test_hostile_names_are_whole_and_harmless_on_a_terminal(terminal: Terminal) -> None:
    failure = Failure(HOSTILE, "CODE", "short")
    print_report(report(done=299, failed=1, failures=(failure,), job_id=HOSTILE), terminal)
    lines = terminal.text().splitlines()
    assert all(line.isprintable() for line in lines)
    assert HARMLESS in terminal.text()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_long_name_folds_on_a_terminal_and_loses_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    name = "".join(chr(ord("a") + i % 26) for i in range(300)) + ".jpg"
    failure = Failure(name, FailureCode.UNREADABLE, "the file is no image that can be decoded", "node_2")
    print_report(report(done=299, failed=1, failures=(failure,)), terminal)
    lines = terminal.text().splitlines()
    title = next(i for i, line in enumerate(lines) if line.strip() == "1 failed")
    end = lines[title + 1].index("code")
    assert "".join(line[:end].strip() for line in lines[title + 2 :]) == name
    assert max(map(len, lines)) <= width


def test_a_pipe_that_knows_only_ascii_gets_escapes() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_report(report(base_path="/srv/Bücher"), stream)
    stream.flush()
    assert b"/srv/B\\xfccher/output_dir" in raw.getvalue()


def test_the_report_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(report())
    captured = capsys.readouterr()
    assert captured.out.startswith("300 of 300")
    assert captured.err == ""
