"""What is written and asked about whole jobs; every function is called by the journal's thread."""

import sqlite3
from collections.abc import Iterable

from pixfarm.journal.documents import spec_from_text, spec_to_text, summary_from_text, summary_to_text
from pixfarm.journal.transaction import TextIds
from pixfarm.journal.values import JobKey, JournaledJob
from pixfarm.model import JobSpec, JobSummary

_ONE = "SELECT spec, token, summary FROM jobs WHERE job_id = ?"
_LATEST = "SELECT spec, token, summary FROM jobs ORDER BY id DESC LIMIT ?"
_UNFINISHED = "SELECT spec, token, summary FROM jobs WHERE state IN ('running', 'paused') ORDER BY id"


def add(
    connection: sqlite3.Connection, texts: TextIds, spec: JobSpec, token: str, summary: JobSummary
) -> JobKey:
    """Writes a new job.

    Raises:
        sqlite3.IntegrityError: there is one of that id, or the token has been used.
    """
    base = texts[spec.base_path]
    cursor = connection.execute(
        "INSERT INTO jobs (job_id, base, token, state, spec, summary) VALUES (?, ?, ?, ?, ?, ?)",
        (spec.job_id, base, token, summary.state.value, spec_to_text(spec), summary_to_text(summary)),
    )
    key = JobKey(base, int(cursor.lastrowid or 0))
    connection.execute("INSERT INTO tokens VALUES (?, ?)", (token, key.job))
    return key


def add_token(connection: sqlite3.Connection, key: JobKey, token: str) -> None:
    """Writes the token of a further run of a job.

    Raises:
        sqlite3.IntegrityError: the token has been used.
    """
    connection.execute("INSERT INTO tokens VALUES (?, ?)", (token, key.job))
    connection.execute("UPDATE jobs SET token = ? WHERE id = ?", (token, key.job))


def key_of(connection: sqlite3.Connection, job_id: str) -> JobKey | None:
    """The numbers of a job."""
    row = connection.execute("SELECT base, id FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    return None if row is None else JobKey(*row)


def find(connection: sqlite3.Connection, job_id: str) -> JournaledJob | None:
    """One job."""
    row = connection.execute(_ONE, (job_id,)).fetchone()
    return None if row is None else _job(row)


def latest(connection: sqlite3.Connection, limit: int) -> list[JournaledJob]:
    """The jobs that were added last, oldest first."""
    rows = connection.execute(_LATEST, (limit,)).fetchall()
    return _jobs(reversed(rows))


def unfinished(connection: sqlite3.Connection) -> list[JournaledJob]:
    """The jobs that run or are paused, oldest first."""
    return _jobs(connection.execute(_UNFINISHED).fetchall())


def owner_of(connection: sqlite3.Connection, token: str) -> str | None:
    """The id of the job of which a token names a run."""
    row = connection.execute(
        "SELECT job_id FROM tokens JOIN jobs ON jobs.id = tokens.job WHERE tokens.token = ?", (token,)
    ).fetchone()
    return None if row is None else str(row[0])


def _jobs(rows: Iterable[tuple[str, str, str]]) -> list[JournaledJob]:
    return [_job(row) for row in rows]


def _job(row: tuple[str, str, str]) -> JournaledJob:
    spec, token, summary = row
    return JournaledJob(spec_from_text(spec), token, summary_from_text(summary))
