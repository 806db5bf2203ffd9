"""The text stream a person or a program reads: what it can show, and lines on it."""

import os
import sys
from typing import TextIO

from pixfarm.console.text import safe


def can_draw(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal on which colours, box characters and redrawing work."""
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "").replace("_", "")
    return (
        stream.isatty() and encoding == "utf8" and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    )


def write_line(stream: TextIO, line: str) -> None:
    """Write ``line``, and nothing but that one line; what ``stream`` cannot encode is escaped."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(safe(line).encode(encoding, "backslashreplace").decode(encoding) + "\n")


def print_line(text: str) -> None:
    """Print ``text``, a result of one line, on stdout."""
    write_line(sys.stdout, text)


def print_error(text: str, stream: TextIO | None = None) -> None:
    """Print ``text``, one line that says what is wrong, on ``stream``; stderr when left out."""
    stream = sys.stderr if stream is None else stream
    write_line(stream, text)
    stream.flush()
