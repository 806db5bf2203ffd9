"""The text stream a person or a program reads: what it can show, and lines on it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from pixfarm.console.text import safe


class OutputLost(OSError):
    """Standard output cannot be written; the message says so, and why."""


@contextmanager
def writing_to(stream: TextIO) -> Iterator[None]:
    """Around nothing but writing: tells the failure of stdout from that of any other file.

    Raises:
        OutputLost: ``stream`` is stdout and cannot be written.
        BrokenPipeError: nobody is left to read it.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if stream is not sys.stdout:
            raise
        raise OutputLost(f"standard output cannot be written: {error.strerror}") from error


def flush_stdout() -> None:
    """Write what stdout still holds back.

    Raises:
        OutputLost: it cannot be written.
        BrokenPipeError: nobody is left to read it.
    """
    with writing_to(sys.stdout):
        sys.stdout.flush()


def write_text(stream: TextIO, text: str) -> None:
    """Write ``text`` as it is."""
    with writing_to(stream):
        stream.write(text)


def can_draw(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal on which colours, box characters and redrawing work."""
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "").replace("_", "")
    return (
        stream.isatty() and encoding == "utf8" and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    )


def write_line(stream: TextIO, line: str) -> None:
    """Write ``line``, and nothing but that one line; what ``stream`` cannot encode is escaped."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    write_text(stream, safe(line).encode(encoding, "backslashreplace").decode(encoding) + "\n")


def print_line(text: str) -> None:
    """Print ``text``, a result of one line, on stdout."""
    write_line(sys.stdout, text)


def print_error(text: str, stream: TextIO | None = None) -> None:
    """Print ``text``, one line that says what is wrong, on ``stream``; stderr when left out."""
    stream = sys.stderr if stream is None else stream
    write_line(stream, text)
    stream.flush()
