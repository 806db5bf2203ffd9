"""The arguments of client.py that say how a new job is done."""

import math
from argparse import ArgumentTypeError

from pixfarm import script
from pixfarm.model import Strategy

FLAGS = ("--strategy", "--priority", "--skip-done", "--task-timeout")

_LARGEST_PRIORITY = 100
_LONGEST_TASK_S = 3600.0


def add_to(parser: script.Parser) -> None:
    """Adds the arguments."""
    job = parser.add_argument_group("for a new job")
    job.add_argument(
        "--strategy",
        type=_strategy,
        metavar="S",
        help="how the server chooses nodes: load-balancing (default) or random",
    )
    job.add_argument(
        "--priority",
        type=_priority,
        metavar="N",
        help="-100 to 100: of the jobs that wait, the one with the highest goes first (default: 0)",
    )
    job.add_argument(
        "--skip-done",
        action="store_const",
        const=True,
        help="pass over images that have not changed since they were done, and whose result is still there",
    )
    job.add_argument(
        "--task-timeout",
        type=_task_timeout,
        metavar="S",
        help="seconds a worker may spend on an image (default: from the times of the job's images)",
    )


def _strategy(text: str) -> Strategy:
    try:
        return Strategy(text)
    except ValueError:
        known = " or ".join(strategy.value for strategy in Strategy)
        raise ArgumentTypeError(f"{text!r} is not {known}") from None


def _priority(text: str) -> int:
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and int(digits) <= _LARGEST_PRIORITY:
        return int(text)
    raise ArgumentTypeError(
        f"{text!r} is not a whole number from -{_LARGEST_PRIORITY} to {_LARGEST_PRIORITY}"
    )


def _task_timeout(text: str) -> float:
    try:
        value = float(text) if text.isascii() else math.nan
    except ValueError:
        value = math.nan
    if not 0 < value <= _LONGEST_TASK_S:
        raise ArgumentTypeError(
            f"{text!r} is not a number of seconds above 0 and up to {_LONGEST_TASK_S:g}, like 90"
        )
    return value
