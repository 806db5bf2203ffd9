"""Writing a batch to the journal's tables, all of it or nothing."""

import sqlite3
from collections.abc import Callable, Collection, Sequence

from pixfarm.journal.batch import Batch, ImageRow, Request
from pixfarm.journal.database import roll_back
from pixfarm.journal.schema import NO_TEXT, NUMBERS
from pixfarm.journal.values import Provenance
from pixfarm.model import ImageState

_COLUMNS = 19
_MAX_TEXTS = 256
_DONE = NUMBERS[ImageState.DONE]

# Many rows in one statement, in powers of two: every statement gives the interpreter lock away and has to get
# it back from hundreds of image threads. Row by row (executemany) costs the same CPU, but was measured to
# write a fifth to a half of the rows per second beside 200 busy threads.
_ONE_ROW = f"({', '.join('?' * _COLUMNS)})"
_INSERTS = {
    size: "INSERT OR REPLACE INTO images VALUES " + ", ".join([_ONE_ROW] * size)  # noqa: S608 - question marks
    for size in (1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1)
}


class TextIds(dict[str, int]):
    """The numbers of texts in the table `texts`; missing ones are put there, in the running transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__({"": NO_TEXT})
        self._connection = connection

    def __missing__(self, text: str) -> int:
        if len(self) > _MAX_TEXTS:
            self.forget()
        self._connection.execute("INSERT OR IGNORE INTO texts (text) VALUES (?)", (text,))
        (number,) = self._connection.execute("SELECT id FROM texts WHERE text = ?", (text,)).fetchone()
        self[text] = int(number)
        return int(number)

    def forget(self) -> None:
        """Forgets all numbers: some may be of a transaction that was rolled back."""
        self.clear()
        self[""] = NO_TEXT


def flags_id(texts: TextIds, flags: Collection[str]) -> int | None:
    """The number of flags, which are one text; None when there are none."""
    return texts[" ".join(flags)] if flags else None


class Transactions:
    """Writes batches, one after another, by one thread.

    Args:
        connection: in autocommit mode.
        texts: numbers of texts.
        check: called before each commit; raises when nothing may be written.
    """

    def __init__(
        self, connection: sqlite3.Connection, texts: TextIds, check: Callable[[], None] = lambda: None
    ) -> None:
        self._connection = connection
        self._check = check
        self._texts = texts
        self._sync = ""
        limit = connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)  # 999 before SQLite 3.32
        self._inserts = {size: sql for size, sql in _INSERTS.items() if size * _COLUMNS <= limit}

    def commit(self, batch: Batch) -> None:
        """Commits a batch; an order that fails by itself is left out, and its answer is the exception.

        Raises:
            sqlite3.Error: nothing of it is written; it may be tried again.
            Exception: what the check raises; likewise.
        """
        self._check()
        self._set_sync("FULL" if batch.orders else "NORMAL")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._carry_out(order) for order in batch.orders]
            self._insert(batch.rows)
            self._connection.executemany(
                "UPDATE jobs SET state = ?, summary = ? WHERE id = ?",
                [(*snapshot, job) for job, snapshot in batch.snapshots.items()],
            )
            self._connection.execute("COMMIT")
        except BaseException:
            self._texts.forget()
            roll_back(self._connection)
            raise
        for order, (result, error) in zip(batch.orders, outcomes, strict=True):
            order.answer.set_exception(error) if error else order.answer.set_result(result)

    def _set_sync(self, level: str) -> None:
        """NORMAL survives the death of the process, FULL a power cut too, for a few ms per commit."""
        if level != self._sync:
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._sync = level

    def _carry_out(self, order: Request) -> tuple[object, Exception | None]:
        self._connection.execute("SAVEPOINT before_order")
        try:
            result = order.work()
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
                raise
            self._texts.forget()
            self._connection.execute("ROLLBACK TO before_order")
            return None, error
        self._connection.execute("RELEASE before_order")
        return result, None

    def _insert(self, rows: Sequence[ImageRow]) -> None:
        values = self._values(rows)
        start = 0
        for size, statement in self._inserts.items():
            width = size * _COLUMNS
            while len(values) - start >= width:
                self._connection.execute(statement, values[start : start + width])
                start += width

    def _values(self, rows: Sequence[ImageRow]) -> list[object]:
        texts = self._texts
        values: list[object] = []
        for key, record, origin in rows:
            # Enums hash slowly, and nearly all images are done.
            state = _DONE if record.state is ImageState.DONE else NUMBERS[record.state]
            values += (
                key.base,
                record.filename,
                key.job,
                state,
                texts[record.node],
                record.attempts,
                record.refusals,
                record.seconds,
                record.bytes_written,
                texts[record.code],
                record.message,
            )
            values += (None,) * 5 if origin is None else self._origin_values(origin)
            values += (flags_id(texts, record.flags), record.width_px, record.height_px)
        return values

    def _origin_values(self, origin: Provenance) -> tuple[int, int, int, int, int]:
        return (
            origin.source_bytes,
            origin.source_mtime_ns,
            origin.result_bytes,
            origin.result_mtime_ns,
            self._texts[origin.pipeline],
        )
