"""The journal's SQLite file: opened for this process alone, brought to the current schema, or refused."""

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from pixfarm.errors import StateUnusable
from pixfarm.journal.schema import APPLICATION_ID, MIGRATIONS

_log = logging.getLogger(__name__)

_BUSY_S = 1.0
_CACHED_STATEMENTS = 64
_PRAGMAS: tuple[str, ...] = (
    # Before WAL: the index of the log then lives in this process and needs no shared memory, which network
    # file systems do not have.
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    # 4 MB hold the inner pages of ten million rows; 16 and 160 MB were measured no faster, as the system
    # keeps the file anyway, and would only be filled slowly, as a leak would.
    "PRAGMA cache_size = -4000",
    # 8,000 pages or 32 MB: names come in no order, so every row dirties a page of its own. With 1,000 pages
    # the log would be copied, and the disk waited for, five times a second, at a tenth more CPU per row.
    "PRAGMA wal_autocheckpoint = 8000",
)


def open_database(path: Path, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> sqlite3.Connection:
    """A connection in autocommit mode; the caller sees to it that one thread at a time uses it.

    Args:
        path: the file; made when it is not there.
        migrations: statements that lead from each schema version to the next.

    Raises:
        StateUnusable: it is of a newer version, damaged, none of ours, in use, or cannot be written.
    """
    if path.exists() and path.stat().st_size == 0:
        _log.warning("the journal %s is empty; if there were jobs in it, they are forgotten", path)
    try:
        connection = sqlite3.connect(
            path,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
    except sqlite3.Error as error:
        raise unusable(path, error) from error
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        _migrate(connection, path, migrations)
        _check(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise unusable(path, error) from error
    except StateUnusable:
        connection.close()
        raise
    return connection


def unusable(path: Path, error: sqlite3.Error) -> StateUnusable:
    """What to tell a person of an error of SQLite."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return _damaged(path, str(error))
    if code == sqlite3.SQLITE_BUSY:
        return StateUnusable(f"the journal {path} is open in another program; close that, and start again")
    return StateUnusable(
        f"the journal {path} cannot be used: {describe(error)}; "
        "check permissions and free space, or give the server another state directory"
    )


def describe(error: Exception) -> str:
    """One line on an error, with SQLite's name of it, which tells more than its message."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    return f"{error} ({name})"


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Sequence[str]]) -> None:
    version = _number(connection, "PRAGMA user_version")
    is_new = _number(connection, "SELECT count(*) FROM sqlite_master") == 0
    if not is_new and _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise StateUnusable(
            f"{path} is a database of another program; give the server another state directory"
        )
    if version > len(migrations):
        raise StateUnusable(
            f"the journal {path} was written by a newer pixfarm (its format is {version}, this one knows "
            f"{len(migrations)}); run that version, or give the server another state directory"
        )
    for number, statements in enumerate(migrations[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except sqlite3.Error:
            roll_back(connection)
            raise
    if version and version < len(migrations):
        _log.info("the journal %s is now of format %d, it was %d", path, len(migrations), version)


def roll_back(connection: sqlite3.Connection) -> None:
    """Ends a failed transaction; SQLite itself has done so after some errors."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    # Jobs are few and what must not be lost. The rows of images may be gigabytes: damage among them is found
    # when they are touched.
    for table in ("jobs", "tokens", "texts"):
        (found,) = connection.execute(f"PRAGMA quick_check({table})").fetchone()
        if found != "ok":
            raise _damaged(path, found)


def _damaged(path: Path, how: str) -> StateUnusable:
    return StateUnusable(
        f"the journal {path} is damaged or no database ({how}); bring back a copy, or move it away and start "
        "again: then the jobs in it are forgotten, and their images are done again when they are submitted"
    )


def _number(connection: sqlite3.Connection, sql: str) -> int:
    (number,) = connection.execute(sql).fetchone()
    return int(number)
