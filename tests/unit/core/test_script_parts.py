import argparse
import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import NoReturn

import pytest

from pixfarm import __version__, script
from pixfarm.console import print_line
from pixfarm.errors import (
    AnswerLost,
    BadMachinesFile,
    ForeignPeer,
    InvalidRequest,
    NotReady,
    UnknownJob,
    Unreachable,
)
from tests.unit.core.farm_parts import PATIENCE_S

P = "a load probability from 0 (never busy) to 1 (always busy), like 0.5, or auto (the machine's load)"
HOSTILE = "a\nb\x1b[31m\u202e\udcff"
HARMLESS = "a\\nb\\x1b[31m\\u202e\\udcff"


@pytest.fixture(autouse=True)
def called_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/client.py"])


@pytest.mark.parametrize(
    ("text", "p"), [("0", 0.0), ("1", 1.0), ("0.5", 0.5), (".25", 0.25), ("1e-3", 0.001), ("1.0", 1.0)]
)
def test_a_load_probability_is_a_number_from_0_to_1(text: str, p: float) -> None:
    assert script.load_probability(text) == p


def test_a_load_probability_may_be_left_to_the_machine() -> None:
    assert script.load_probability("auto") == "auto"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0,5",
        "nan",
        "inf",
        "-inf",
        "-0.1",
        "1.1",
        "50%",
        "half",
        "1/2",
        "0x1",
        "1e400",
        "²",
        "0.5.1",
        "AUTO",
    ],
)
def test_anything_else_is_no_load_probability(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        script.load_probability(text)
    assert str(caught.value) == (f"{text!r} is not {P}")


@pytest.mark.parametrize(("text", "s"), [("0", 0.0), ("2.5", 2.5), ("86400", 86_400.0)])
def test_seconds_are_a_number_up_to_a_day(text: str, s: float) -> None:
    assert script.seconds(text) == s


@pytest.mark.parametrize("text", ["", "2,5", "nan", "inf", "-1", "86401", "3 s", "soon"])
def test_anything_else_is_no_number_of_seconds(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a number of seconds from 0 to 86400"):
        script.seconds(text)


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("1024", 1024), ("007", 7)])
def test_a_whole_number_is_made_of_digits(text: str, number: int) -> None:
    assert script.whole_number(1, 1024)(text) == number


@pytest.mark.parametrize(
    "text", ["", "0", "1025", "-1", "+1", "1.0", "1e2", "1,000", "1_0", "٣", "²", " 1", "nan"]
)
def test_anything_else_is_no_whole_number_of_the_range(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        script.whole_number(1, 1024)(text)
    assert str(caught.value) == f"{text!r} is not a whole number from 1 to 1024"


def test_a_directory_that_a_shell_left_out_is_not_the_working_directory() -> None:
    assert script.directory(".") == Path()
    with pytest.raises(argparse.ArgumentTypeError, match="for the working directory"):
        script.directory("")


def parse(*arguments: str) -> argparse.Namespace:
    parser = script.Parser("Does something.", "exit codes: 0")
    parser.add_argument("p", type=script.load_probability, nargs="?")
    return parser.parse_args(arguments)


def test_machine_txt_beside_the_scripts_is_the_default() -> None:
    assert parse().machines == script.HOME / "machine.txt"
    assert (script.HOME / "client.py").exists()


def test_another_machines_file_can_be_named() -> None:
    assert parse("--machines", "other.txt").machines == Path("other.txt")


@pytest.mark.parametrize(
    ("argument", "what"),
    [
        (
            "0,5",
            f"argument p: '0,5' is not {P}",
        ),
        ("-1", f"argument p: '-1' is not {P}"),
        ("--speed", "unrecognized arguments: --speed"),
        (f"--{HOSTILE}", f"unrecognized arguments: --{HARMLESS}"),
        ("--machine", "unrecognized arguments: --machine (did you mean --machines?)"),
        ("--machnes=a.txt", "unrecognized arguments: --machnes=a.txt (did you mean --machines?)"),
    ],
    ids=["comma", "negative", "unknown", "hostile", "almost known", "almost known with a value"],
)
def test_a_wrong_argument_is_one_line_that_points_to_help(
    capsys: pytest.CaptureFixture[str], argument: str, what: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(argument)
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"client.py: {what}; see client.py --help\n"


def test_a_tier_that_listens_can_be_told_where_and_with_which_chance() -> None:
    parser = script.Parser("Listens.", "exit codes: 0")
    parser.add_listening()
    options = parser.parse_args(["--port", "0", "--seed", "7", "-v"])
    assert (options.port, options.seed, options.verbose) == (0, 7, True)


@pytest.mark.parametrize("port", ["65536", "-1", "http", "9,090"])
def test_a_port_that_cannot_be_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = script.Parser("Listens.", "exit codes: 0")
    parser.add_listening()
    with pytest.raises(SystemExit):
        parser.parse_args([f"--port={port}"])
    assert f"{port!r} is not a whole number from 0 to 65535" in capsys.readouterr().err


def test_the_version_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("--version")
    assert (caught.value.code, capsys.readouterr().out) == (0, f"pixfarm {__version__}\n")


def left_with(main: Callable[[Sequence[str] | None], int]) -> object:
    with pytest.raises(SystemExit) as caught:
        script.run(main)
    return caught.value.code


def failing(error: BaseException) -> Callable[[Sequence[str] | None], int]:
    def main(_argv: Sequence[str] | None) -> NoReturn:
        raise error

    return main


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_script_leaves_with_what_main_returns(code: int) -> None:
    assert left_with(lambda _argv: code) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadMachinesFile("machine.txt:7: wrong"), 2),
        (InvalidRequest("base path is wrong"), 2),
        (UnknownJob("job-7"), 2),
        (Unreachable("connection refused"), 3),
        (AnswerLost("no answer"), 3),
        (ForeignPeer("talks HTTP"), 3),
        (NotReady("it printed nothing"), 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_that_a_person_can_mend_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    assert left_with(failing(error)) == code
    assert capsys.readouterr().err == f"client.py: {error}\n"


def test_an_error_with_a_hostile_name_is_still_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    left_with(failing(InvalidRequest(HOSTILE)))
    assert capsys.readouterr().err == f"client.py: {HARMLESS}\n"


def test_ctrl_c_leaves_with_its_own_code_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert left_with(failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        script.run(failing(ZeroDivisionError()))


def test_a_reader_that_went_away_is_no_error_to_talk_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert left_with(failing(BrokenPipeError())) == 1
        out.write("nobody reads this")
        out.flush()
    assert (tmp_path / "out").read_text() == ""
    assert capsys.readouterr().err == ""


NO_ROOM = os.strerror(errno.ENOSPC)


needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@contextmanager
def full_stdout() -> Iterator[None]:
    """Standard output is a disk without room; no fixture, as capsys takes stdout back when a test begins."""
    with Path("/dev/full").open("w") as out, redirect_stdout(out):
        yield


@needs_dev_full
@pytest.mark.parametrize("lines", [1, 10_000], ids=["at the end", "on the way"])
def test_an_output_that_cannot_be_written_is_said_to_be_that(
    lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def main(_argv: Sequence[str] | None) -> int:
        for _ in range(lines):
            print_line("a line of the result")
        return 0

    with full_stdout():
        assert left_with(main) == 1
    assert capsys.readouterr().err == f"client.py: standard output cannot be written: {NO_ROOM}\n"


@needs_dev_full
def test_another_file_that_cannot_be_written_is_not_taken_for_the_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def main(_argv: Sequence[str] | None) -> NoReturn:
        print_line("a line of the result")
        raise OSError(errno.ENOSPC, NO_ROOM, "out.csv")

    with full_stdout():
        assert left_with(main) == 1
    assert capsys.readouterr().err == f"client.py: [Errno {errno.ENOSPC}] {NO_ROOM}: 'out.csv'\n"


SetUpLogging = Callable[[bool], None]


@pytest.fixture
def set_up_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetUpLogging]:
    """Sets up logging as at the start of a script, when there are no handlers yet."""
    level = logging.root.level

    def set_up(verbose: bool) -> None:  # noqa: FBT001 - the only argument
        monkeypatch.setattr(logging.root, "handlers", [])
        script.set_up_logging(verbose=verbose)

    yield set_up
    logging.root.setLevel(level)


def test_a_log_line_with_a_hostile_name_is_one_harmless_line(
    capsys: pytest.CaptureFixture[str], set_up_logging: SetUpLogging
) -> None:
    set_up_logging(False)
    logging.getLogger("pixfarm.test").info("image %s", HOSTILE)
    line = capsys.readouterr().err
    assert line.endswith(f" INFO MainThread: image {HARMLESS}\n")
    assert line.count("\n") == 1


def test_a_traceback_in_the_log_keeps_its_lines(
    capsys: pytest.CaptureFixture[str], set_up_logging: SetUpLogging
) -> None:
    set_up_logging(False)
    logging.getLogger("pixfarm.test").error("a bug", exc_info=ZeroDivisionError("\x1b[31m"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("ERROR MainThread: a bug")
    assert lines[1:] == ["ZeroDivisionError: \\x1b[31m"]


@pytest.mark.parametrize("verbose", [False, True])
def test_single_images_are_logged_only_on_demand(
    capsys: pytest.CaptureFixture[str], set_up_logging: SetUpLogging, *, verbose: bool
) -> None:
    set_up_logging(verbose)
    logging.getLogger("pixfarm.test").debug("image a.jpg")
    assert ("image a.jpg" in capsys.readouterr().err) is verbose


@pytest.fixture
def own_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_asks_a_tier_to_stop(number: signal.Signals) -> None:
    stop = script.stop_event(at_eof=False)
    assert not stop.is_set()
    signal.raise_signal(number)
    assert stop.is_set()


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize(
    ("second", "left"), [(signal.SIGINT, [130]), (signal.SIGTERM, [])], ids=["SIGINT", "SIGTERM"]
)
def test_only_a_second_ctrl_c_leaves_at_once(
    monkeypatch: pytest.MonkeyPatch, second: signal.Signals, left: list[int]
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    script.stop_event(at_eof=False)
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(second)
    assert codes == left


@pytest.mark.usefixtures("own_signals")
def test_a_tier_may_stop_when_standard_input_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        stop = script.stop_event(at_eof=True)
        os.write(write_end, b"not the end")
        assert not stop.is_set()
        os.close(write_end)
        assert stop.wait(PATIENCE_S)
