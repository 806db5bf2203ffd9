"""The arguments of client.py that say which images are done, and where results go."""

import re
import time
from argparse import ArgumentTypeError, Namespace
from datetime import datetime

from pixfarm import script
from pixfarm.request import Selection

STDIN = "-"
SELECTION_FLAGS = ("--include", "--exclude", "--newer-than", "--limit", "--files-from")
OUTPUT_FLAGS = ("--output", "--name")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)?")
_AGE = re.compile(r"([0-9]{1,6})([mhdw])")
_UNITS_S = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_MOST_DIGITS = 15


def add_to(parser: script.Parser) -> None:
    """Adds the arguments."""
    _add_selection(parser)
    results = parser.add_argument_group("where results go")
    results.add_argument(
        "--output",
        type=script.directory,
        metavar="DIR",
        help="this directory, made on demand (default: output_dir in base_path)",
    )
    results.add_argument(
        "--name",
        type=_text,
        metavar="NAME",
        help="what they are called: {stem}, {ext} of the image, {op}: the operations (default: {stem}{ext})",
    )


def _add_selection(parser: script.Parser) -> None:
    group = parser.add_argument_group("which images (default: all; each of these leaves some out)")
    for flag, words in {
        "--include": "only names like this, as in .gitignore: '*.jpg', '2026/', '/a/**/b.*'; may be repeated",
        "--exclude": "no names like this; may be repeated",
    }.items():
        group.add_argument(flag, type=_text, action="append", metavar="PATTERN", help=words)
    group.add_argument(
        "--newer-than",
        type=_time,
        metavar="WHEN",
        help="only files changed since a day (2026-11-01), a time (2026-11-01T12:30), or in 45m, 12h, 7d, 2w",
    )
    group.add_argument("--limit", type=_limit, metavar="N", help="only the first N of what is left")
    group.add_argument(
        "--files-from",
        type=_text,
        metavar="FILE",
        help="only files named in FILE, one in each line or with NUL between them; - for standard input",
    )


def selection(given: Namespace) -> Selection:
    """Which images the arguments ask for."""
    return Selection(
        include=tuple(given.include or ()),
        exclude=tuple(given.exclude or ()),
        newer_than=given.newer_than,
        limit=given.limit,
        files_from=given.files_from or "",
    )


def told(choice: Selection) -> str:
    """The arguments that choose so, for a sentence."""
    values = (choice.include, choice.exclude, choice.newer_than, choice.limit, choice.files_from)
    return " and ".join(flag for flag, value in zip(SELECTION_FLAGS, values, strict=True) if value)


def _text(text: str) -> str:
    if not text:
        raise ArgumentTypeError("'' is empty; leave the argument out, or write something")
    return text


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text):
        return int(text)
    raise ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")


def _time(text: str) -> float:
    """Seconds since 1970."""
    try:
        if age := _AGE.fullmatch(text):
            return time.time() - int(age[1]) * _UNITS_S[age[2]]
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).timestamp()  # of a time without a zone: that of this machine
    except (ValueError, OverflowError):  # the 31st of April; the year 0
        pass
    raise ArgumentTypeError(
        f"{text!r} is no day like 2026-11-01, time like 2026-11-01T12:30, or age like 45m, 12h, 7d or 2w"
    )
