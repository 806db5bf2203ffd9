"""What is asked and written about how results look: sizes and flags; called by the journal's thread."""

import dataclasses
import sqlite3
from collections import Counter
from collections.abc import Iterable

from pixfarm.journal.images import RECORD, bound, record_of, span_end
from pixfarm.journal.transaction import TextIds, flags_id
from pixfarm.journal.values import JobKey, SizeRange, Sizes
from pixfarm.model import ImageRecord

# The index of images with flags is a partial one.
_FLAGGED = f"""SELECT {RECORD}
    FROM records WHERE job = ? AND flags_id IS NOT NULL AND filename > ?
    ORDER BY filename LIMIT ?"""  # noqa: S608 - names of columns

# Rows of older journals, and of nodes that tell no size, have zeros.
_SIZES = """SELECT width_px, height_px, count(*) FROM images
    WHERE base = ?1 AND job = ?2 AND filename > ?3 AND filename <= ?4 AND state = 0 AND width_px > 0
    GROUP BY width_px, height_px"""

_OUTSIDE = f"""SELECT {RECORD}
    FROM records WHERE base = ?1 AND job = ?2 AND filename > ?3 AND filename <= ?4 AND state = 0
    AND width_px > 0 AND NOT (width_px BETWEEN ?5 AND ?6 AND height_px BETWEEN ?7 AND ?8)"""  # noqa: S608


def flagged(connection: sqlite3.Connection, key: JobKey, after: str, limit: int) -> list[ImageRecord]:
    """The job's images whose result has flags, by filename."""
    return [record_of(row) for row in connection.execute(_FLAGGED, (key.job, after, limit)).fetchall()]


def sizes(
    connection: sqlite3.Connection, key: JobKey, after: str, rows: int
) -> tuple[list[tuple[int, int, int]], str | None]:
    """Width, height and how many of the job's done images have them, among the next rows as `records`."""
    end = span_end(connection, key, after, rows)
    return connection.execute(_SIZES, (*key, after, bound(end))).fetchall(), end


def total_sizes(found: Iterable[tuple[int, int, int]]) -> Sizes:
    """What all answers of `sizes` come to."""
    total = Sizes(Counter(), Counter())
    for width_px, height_px, number in found:
        total.widths[width_px] += number
        total.heights[height_px] += number
    return total


def outside(
    connection: sqlite3.Connection, key: JobKey, usual: SizeRange, after: str, rows: int
) -> tuple[list[ImageRecord], str | None]:
    """The job's done images whose result has another size, among the next rows."""
    end = span_end(connection, key, after, rows)
    found = connection.execute(_OUTSIDE, (*key, after, bound(end), *dataclasses.astuple(usual)))
    return [record_of(row) for row in found.fetchall()], end


def write(
    connection: sqlite3.Connection, texts: TextIds, key: JobKey, records: Iterable[ImageRecord]
) -> None:
    """Writes the flags of images of the job, in the place of those they had."""
    rows = [(flags_id(texts, record.flags), key.base, record.filename, key.job) for record in records]
    connection.executemany("UPDATE images SET flags = ? WHERE base = ? AND filename = ? AND job = ?", rows)
