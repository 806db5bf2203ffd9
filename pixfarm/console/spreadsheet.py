r"""What came of each image of a job, as CSV (RFC 4180) for programs and spreadsheets.

Every value is exact but for two things. Control characters other than line ends, for which RFC 4180 has
no place, and those that change the direction of writing are shown as escapes like ``\x1b``: they would
steer a terminal, or disguise a name. A text that a spreadsheet would take for a formula, as it begins with
``= + - @`` (also in full width) or a line end, has an apostrophe put before it, and so has one that begins
with an apostrophe: who takes one leading apostrophe away has the text again.
"""

import csv
import os
import re
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TextIO

from pixfarm.console.stream import writing_to
from pixfarm.errors import UsageError
from pixfarm.model import ImageRecord

_FIRST_HEADER: Final = (
    *("filename", "state", "node", "attempts", "refusals"),
    *("seconds", "bytes_written", "code", "message"),
)
HEADER: Final = (*_FIRST_HEADER, "width_px", "height_px", "flags")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20\r\n'")


def save_csv(records: Iterable[ImageRecord], path: Path) -> int:
    """Write ``records`` to the file ``path``, which appears whole or not at all; returns their number.

    Raises:
        UsageError: there can be no such file.
        OSError: it could not be written to its end.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    if target.exists() and not target.is_file():
        raise UsageError(f"{path} is no regular file; write - for standard output")
    if target.exists() and not _may_be_replaced(target):
        raise UsageError(f"{path} is there and no such CSV; move it away, or choose another name")
    part = target.with_name(f".{secrets.token_hex(8)}.csv.part")
    try:
        stream = part.open("x", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    try:
        with stream:
            number = write_csv(records, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return number


def _may_be_replaced(target: Path) -> bool:
    """Whether it is empty, or begins as what is written here: a slip of the hand costs no photograph.

    So it does, too, when an older version wrote it, which had fewer columns.
    """
    head = ",".join(_FIRST_HEADER).encode()
    try:
        with target.open("rb") as stream:
            return stream.read(len(head)) in (b"", head)
    except OSError:
        return False


def print_csv(records: Iterable[ImageRecord]) -> None:
    """Write ``records`` to standard output, in UTF-8 whatever the terminal's encoding is."""
    sys.stdout.flush()
    file = sys.stdout.fileno()
    # Around records as well: closing the stream writes, too, and what goes wrong with records is no OSError.
    with (
        writing_to(sys.stdout),
        open(file, "w", encoding="utf-8", newline="", closefd=False) as stream,
    ):
        write_csv(records, stream)


def write_csv(records: Iterable[ImageRecord], stream: TextIO) -> int:
    """Write a header and a row for each of ``records`` as they come; returns the number of images.

    Args:
        records: the images.
        stream: opened with ``newline=""``.
    """
    writer = csv.writer(stream)
    writer.writerow(HEADER)
    number = 0
    for record in records:
        writer.writerow(_row(record))
        number += 1
    return number


def _row(record: ImageRecord) -> list[str | int | float]:
    return [
        _harmless(record.filename),
        record.state.value,
        _harmless(record.node),
        record.attempts,
        record.refusals,
        round(record.seconds, 6),
        record.bytes_written,
        _harmless(record.code),
        _harmless(record.message),
        record.width_px,
        record.height_px,
        _harmless(" ".join(record.flags)),
    ]


def _harmless(text: str) -> str:
    shown = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
