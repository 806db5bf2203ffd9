"""What is asked about the images of a job; every function is called by the journal's thread.

Names go in, and most answers come back, as one JSON text: with every row that it hands over, Python's sqlite3
gives the interpreter lock away, and with hundreds of image threads it takes long to get it back.
"""

import heapq
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Any

from pixfarm.journal.schema import NUMBERS, STATES
from pixfarm.journal.values import Counted, JobKey, Provenance
from pixfarm.model import ImageRecord, ImageState

BAD_STATES = frozenset({ImageState.FAILED, ImageState.NOT_DONE})

# Of the view `records`, as record_of() takes them.
RECORD = """filename, state, node, attempts, refusals, seconds, bytes_written, code, message,
    flags, width_px, height_px"""

# The names of NUMBERS would help a reader, but SQLite takes a partial index only for the numbers themselves.
_SPAN_END = "SELECT filename FROM images WHERE base = ? AND filename > ? ORDER BY filename LIMIT 1 OFFSET ?"

_RECORDS = f"""SELECT {RECORD}
    FROM records WHERE base = ?1 AND job = ?2 AND filename > ?3 AND filename <= ?4
    AND state IN (SELECT value FROM json_each(?5)) ORDER BY filename LIMIT ?6"""  # noqa: S608 - names of columns

_BAD_RECORDS = f"""SELECT {RECORD}
    FROM records WHERE job = ? AND state = ? AND state IN (1, 2) AND filename > ?
    ORDER BY filename LIMIT ?"""  # noqa: S608 - names of columns

_COUNTS = """SELECT state, text, count(*), sum(seconds), count(flags)
    FROM images CROSS JOIN texts ON texts.id = node
    WHERE base = ?1 AND job = ?2 AND filename > ?3 AND filename <= ?4
    GROUP BY state, node"""

_ENDED = """SELECT json_group_array(name.key) FROM json_each(?) AS name CROSS JOIN images AS i
    ON i.base = ? AND i.filename = name.value AND i.job = ? WHERE i.state <> 2"""

_LAST_DONE = """SELECT json_group_array(json_array(name.key, i.source_bytes, i.source_mtime_ns,
        i.result_bytes, i.result_mtime_ns, fingerprint.text))
    FROM texts AS base CROSS JOIN texts AS fingerprint CROSS JOIN json_each(?1) AS name CROSS JOIN images AS i
    ON i.base = base.id AND i.filename = name.value AND i.job = (
        SELECT job FROM images WHERE base = base.id AND filename = name.value AND state = 0
        AND pipeline = fingerprint.id ORDER BY job DESC LIMIT 1)
    WHERE base.text = ?2 AND fingerprint.text = ?3"""


def records(
    connection: sqlite3.Connection,
    key: JobKey,
    states: Collection[ImageState],
    limit: int,
    after: str,
    rows: int,
) -> tuple[list[ImageRecord], str | None]:
    """The first of the job's images among the next rows of its base path, and where those rows end.

    That is their last filename, or None when none comes after.
    """
    end = span_end(connection, key, after, rows)
    numbers = json.dumps([NUMBERS[state] for state in states])
    found = connection.execute(_RECORDS, (*key, after, bound(end), numbers, limit)).fetchall()
    return [record_of(row) for row in found], end


def bad_records(
    connection: sqlite3.Connection, key: JobKey, states: Collection[ImageState], after: str, limit: int
) -> list[ImageRecord]:
    """The job's images that failed or were not done, or only one of both, by filename."""
    found = (
        connection.execute(_BAD_RECORDS, (key.job, NUMBERS[state], after, limit)).fetchall()
        for state in states
    )
    merged = heapq.merge(*found)  # each row begins with its filename
    return [record_of(row) for row in islice(merged, limit)]


def counts(
    connection: sqlite3.Connection, key: JobKey, after: str, rows: int
) -> tuple[list[tuple[ImageState, str, int, float, int]], str | None]:
    """State, node, how many images, their seconds, and those with flags, among the next rows as `records`."""
    end = span_end(connection, key, after, rows)
    found = connection.execute(_COUNTS, (*key, after, bound(end))).fetchall()
    return [(STATES[state], *rest) for state, *rest in found], end


def total(found: Iterable[tuple[ImageState, str, int, float, int]]) -> Counted:
    """What all answers of `counts` come to."""
    states: Counter[ImageState] = Counter()
    done: Counter[str] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    flagged = 0
    for state, node, number, node_s, with_flags in found:
        states[state] += number
        flagged += with_flags
        if state is ImageState.DONE:
            done[node] += number
            seconds[node] += node_s
    return Counted(
        done=states[ImageState.DONE],
        failed=states[ImageState.FAILED],
        not_done=states[ImageState.NOT_DONE],
        skipped=states[ImageState.SKIPPED],
        nodes={node: (done[node], seconds[node]) for node in done},
        flagged=flagged,
    )


def ended(connection: sqlite3.Connection, key: JobKey, names: Sequence[str]) -> set[str]:
    """Those of the names whose image is done, failed or skipped."""
    (found,) = connection.execute(_ENDED, (_texts(names), *key)).fetchone()
    return {names[number] for number in json.loads(found)}


def last_done(
    connection: sqlite3.Connection, base_path: str, fingerprint: str, names: Sequence[str]
) -> dict[str, Provenance]:
    """Of the latest job that did each image by the recipe of that fingerprint; others are left out."""
    (found,) = connection.execute(_LAST_DONE, (_texts(names), base_path, fingerprint)).fetchone()
    return {names[number]: Provenance(*origin) for number, *origin in json.loads(found)}


def span_end(connection: sqlite3.Connection, key: JobKey, after: str, rows: int) -> str | None:
    """The last filename of the next rows of the job's base path; None when no more than those are left."""
    row = connection.execute(_SPAN_END, (key.base, after, rows - 1)).fetchone()
    return None if row is None else str(row[0])


def bound(end: str | None) -> str | bytes:
    """Something that no filename comes after: for SQLite, all texts come before all blobs."""
    return b"" if end is None else end


def _texts(names: Sequence[str]) -> str:
    return json.dumps(names, ensure_ascii=False)


def record_of(row: tuple[Any, ...]) -> ImageRecord:
    """What came of an image, from the columns of RECORD."""
    filename, state, node, attempts, refusals, seconds, bytes_written, code, message, *looks = row
    flags, width_px, height_px = looks
    return ImageRecord(
        filename=filename,
        state=STATES[state],
        node=node,
        attempts=attempts,
        refusals=refusals,
        seconds=seconds,
        bytes_written=bytes_written,
        code=code,
        message=message,
        flags=tuple(flags.split()) if flags else (),
        width_px=width_px,
        height_px=height_px,
    )
