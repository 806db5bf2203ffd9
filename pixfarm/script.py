"""What the three scripts have in common: arguments, logging, signals, exit codes."""

import argparse
import difflib
import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Literal, NoReturn

from pixfarm import __version__
from pixfarm.console.stream import flush_stdout, print_error
from pixfarm.console.text import safe
from pixfarm.errors import NotReady, PeerError, UsageError
from pixfarm.load import AUTO

EXIT_OK = 0
EXIT_SOME_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 128 + signal.SIGINT

_LOOK_EVERY_S = 0.1
_MEANWHILE_EVERY_S = 1.0

HOME = Path(__file__).resolve().parents[1]
DEFAULT_MACHINES = HOME / "machine.txt"


class OneLineParser(argparse.ArgumentParser):
    """An argument parser that says in one line what is wrong, and takes no abbreviated options."""

    def __init__(self, description: str, epilog: str = "", prog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    # argparse's other ways to call it, with a namespace of one's own, are not ours.
    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> argparse.Namespace:
        """The options; ends the script with one line when some are unknown, and names those meant."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._guess(unknown)}")
        return options

    def error(self, message: str) -> NoReturn:
        """Ends the script with one line."""
        self.exit(EXIT_USAGE, f"{self.prog}: {safe(message)}; see {self.prog} --help\n")

    def _guess(self, unknown: Sequence[str]) -> str:
        """What was meant by the options among ``unknown``, as words to append."""
        known = [option for option in self._option_string_actions if option.startswith("--")]
        names = [argument.partition("=")[0] for argument in unknown if argument.startswith("--")]
        guesses = [guess for name in names for guess in difflib.get_close_matches(name, known, n=1)]
        return f" (did you mean {' and '.join(guesses)}?)" if guesses else ""


class Parser(OneLineParser):
    """The parser of the three scripts: knows --machines and --version."""

    def __init__(self, description: str, epilog: str) -> None:
        super().__init__(description, epilog)
        self.add_argument(
            "--machines",
            type=Path,
            default=DEFAULT_MACHINES,
            metavar="FILE",
            help="which machine plays which part (default: machine.txt beside this script)",
        )
        self.add_argument("--version", action="version", version=f"pixfarm {__version__}")

    def add_listening(self) -> None:
        """Adds what the two tiers that listen have in common."""
        self.add_argument(
            "--port",
            type=whole_number(0, 65535),
            metavar="N",
            help="listen here and not on the port in machine.txt, where others look for it; 0: any free port",
        )
        self.add_argument(
            "--seed",
            type=whole_number(0, 2**31 - 1),
            metavar="N",
            help="makes what is left to chance repeatable",
        )
        self.add_argument("-v", "--verbose", action="store_true", help="log also what is ordinary")
        self.add_argument(
            "--stop-at-eof",
            action="store_true",
            help="stop when standard input ends: for programs that start a farm and may be killed",
        )


def load_probability(text: str) -> float | Literal["auto"]:
    """A number in [0, 1] or ``auto``, for argparse."""
    if text == AUTO:
        return AUTO
    what = "a load probability from 0 (never busy) to 1 (always busy), like 0.5, or auto (the machine's load)"
    return _number(text, 0.0, 1.0, what)


def seconds(text: str) -> float:
    """A number of seconds, for argparse."""
    return _number(text, 0.0, 86_400.0, "a number of seconds from 0 to 86400, like 2.5")


def directory(text: str) -> Path:
    """A path that is not empty, for argparse."""
    if not text:  # a variable that is not set, in a shell script; to Path it would be the working directory
        raise argparse.ArgumentTypeError("'' is no directory; write . for the working directory")
    return Path(text)


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers in a range, for argparse."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def set_up_logging(*, verbose: bool) -> None:
    """Sends log lines to stderr, with control characters escaped: names come from outside."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(threadName)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])


def run(main: Callable[[Sequence[str] | None], int]) -> NoReturn:
    """Runs a script's main and leaves with its exit code; errors that a person can mend are one line."""
    prog = Path(sys.argv[0]).name
    try:
        code = main(None)
        flush_stdout()
    except UsageError as error:
        code = _complain(prog, error, EXIT_USAGE)
    except (PeerError, NotReady) as error:
        code = _complain(prog, error, EXIT_UNREACHABLE)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:  # as in `client.py | head`
        _mute_stdout()
        code = EXIT_SOME_FAILED
    except OSError as error:  # as in `client.py > /dev/full`
        _mute_stdout()
        code = _complain(prog, error, EXIT_SOME_FAILED)
    sys.exit(code)


def announce(line: str) -> None:
    """Prints a line about a tier; that nobody is left to read it must not disturb the tier."""
    try:
        print(safe(line), flush=True)
    except OSError:
        _mute_stdout()


def stop_event(*, at_eof: bool) -> threading.Event:
    """Set by the first SIGINT or SIGTERM; a second SIGINT leaves at once.

    Args:
        at_eof: set also when standard input ends, as it does when whoever holds its other end is gone.
    """
    stop = threading.Event()
    if at_eof:
        threading.Thread(target=_wait_for_eof, args=(stop,), name="stdin", daemon=True).start()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            os._exit(EXIT_INTERRUPTED)
        stop.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return stop


def wait_for(stop: threading.Event, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Waits for a stop_event(), and calls ``meanwhile`` once a second.

    Not by stop.wait(): the kernel may hand a signal to a thread that is just starting, which wakes nobody
    here, and a handler that came while this thread holds the event's lock would wait for itself.
    """
    called_at = time.monotonic()
    while not stop.is_set():
        time.sleep(_LOOK_EVERY_S)
        if time.monotonic() - called_at >= _MEANWHILE_EVERY_S:
            meanwhile()
            called_at = time.monotonic()


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(safe(line) for line in super().format(record).split("\n"))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = safe(record.message)
        record.threadName = safe(record.threadName or "")
        return super().formatMessage(record)


def _number(text: str, least: float, most: float, what: str) -> float:
    try:
        value = float(text) if text.isascii() else math.nan
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def _mute_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _wait_for_eof(stop: threading.Event) -> None:
    try:
        while sys.stdin is not None and os.read(sys.stdin.fileno(), 4096):
            pass
    except OSError as error:  # a terminal that hung up
        logging.getLogger(__name__).debug("standard input ended: %s", error)
    stop.set()


def _complain(prog: str, error: Exception, code: int) -> int:
    print_error(f"{prog}: {error}")
    return code
