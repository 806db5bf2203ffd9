"""The journal of a server, as all its threads use it."""

import logging
import math
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from pixfarm.journal import flags, images, jobs
from pixfarm.journal.batch import ImageRow, Snapshot
from pixfarm.journal.database import open_database, unusable
from pixfarm.journal.documents import summary_to_text
from pixfarm.journal.folder import StateFolder
from pixfarm.journal.intake import Intake
from pixfarm.journal.keys import JobKeys
from pixfarm.journal.transaction import TextIds, Transactions
from pixfarm.journal.values import Counted, JournaledJob, Provenance, SizeRange, Sizes
from pixfarm.journal.writer import Writer
from pixfarm.model import ImageRecord, ImageState, JobSpec, JobSummary

_log = logging.getLogger(__name__)
T = TypeVar("T")

_FILE = "journal.sqlite3"
# A walk through a job's rows is cut into questions of so many rows, some 10 ms each: commits go on between.
_SPAN_ROWS = 20_000


class Journal:
    """What happened to each image of each job; every method may be called from any thread.

    What is asked is answered from what is committed: flush() first to see what was just recorded. While
    nothing can be written (a full disk, a directory that was removed), `problem` says so, rows wait, and
    questions are answered.

    Args:
        folder: the server's state directory; made on demand, and locked until close().

    Raises:
        StateUnusable: directory or file is in use, of a newer version, damaged or not writable. By every
            method: the journal is closed, or cannot be read.
        UnknownJob: by every method that takes a job id, except job(): there is none of that id.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._keys = JobKeys(lambda job_id: self._ask(partial(jobs.key_of, self._connection, job_id)))
        with ExitStack() as undo:
            self._folder = StateFolder(folder)
            undo.callback(self._folder.close)
            self._connection = open_database(self._path)
            undo.callback(self._connection.close)
            self._folder.watch(self._path)
            self._texts = TextIds(self._connection)
            self._intake = Intake()
            transactions = Transactions(self._connection, self._texts, self._folder.check)
            self._writer = Writer(self._intake, transactions.commit, self._release)
            undo.pop_all()

    @property
    def problem(self) -> str:
        """One line on why nothing can be written now; empty when all is well."""
        return self._writer.problem

    def hurry(self) -> None:
        """The server is about to stop: what cannot be written is given up after 5 s; may be called twice.

        Whoever waits for it is told by a StateUnusable.
        """
        self._writer.hurry()

    def close(self) -> None:
        """Commits what is queued and unlocks the directory; may be called twice.

        What cannot be written within 5 s, counted from hurry(), is given up, and said in the log.
        """
        self._writer.close()

    def flush(self, timeout_s: float = math.inf) -> None:
        """Returns when all that was queued before is committed, and its ``on_recorded`` were called.

        Raises:
            StateUnusable: that did not happen in time; it may happen later.
        """
        self._writer.flush(timeout_s)

    def add_job(self, spec: JobSpec, token: str, summary: JobSummary) -> None:
        """Writes a new job; it survives a power cut from here on.

        Args:
            spec: what is asked for.
            token: names the job's first run; part of its attempt ids.
            summary: how far it is.

        Raises:
            ValueError: there is a job of that id, or the token has been used.
        """
        key = self._order(partial(jobs.add, self._connection, self._texts, spec, token, summary))
        self._keys.keep(spec.job_id, key)

    def add_token(self, job_id: str, token: str) -> None:
        """Writes the token of a further run of a job; it survives a power cut from here on.

        Raises:
            ValueError: the token has been used.
        """
        self._order(partial(jobs.add_token, self._connection, self._keys[job_id], token))

    def save(self, summary: JobSummary) -> None:
        """Queues a snapshot of how far a job is, in the place of the last one.

        It is committed together with, or after, all rows that were recorded before.
        """
        snapshot = Snapshot(summary.state.value, summary_to_text(summary))
        self._intake.put_snapshot(self._keys[summary.job_id].job, snapshot)

    def record(
        self, job_id: str, record: ImageRecord, provenance: Provenance | None, on_recorded: Callable[[], None]
    ) -> None:
        """Queues what came of an image, in the place of what came of it before.

        Waits while 10,000 are queued.

        Args:
            job_id: the job.
            record: what came of it.
            provenance: what its result was made from, if it is known.
            on_recorded: called by the journal's thread once the row is committed.

        Raises:
            UnicodeEncodeError: a text is not Unicode (it holds lone surrogates).
        """
        key = self._keys[job_id]
        # Here, where it has one victim: the thread could only try for ever.
        text = record.filename + record.message + record.node + record.code
        text += provenance.pipeline if provenance else ""
        text += "".join(record.flags)
        if not text.isascii():
            text.encode()
        self._intake.put(ImageRow(key, record, provenance), on_recorded)

    def job(self, job_id: str) -> JournaledJob | None:
        """One job."""
        return self._ask(partial(jobs.find, self._connection, job_id))

    def jobs(self, limit: int) -> list[JournaledJob]:
        """The latest jobs, oldest first."""
        return self._ask(partial(jobs.latest, self._connection, limit))

    def unfinished(self) -> list[JournaledJob]:
        """The jobs that run or are paused, oldest first."""
        return self._ask(partial(jobs.unfinished, self._connection))

    def owner_of(self, token: str) -> str | None:
        """The id of the job of which a token names a run."""
        return self._ask(partial(jobs.owner_of, self._connection, token))

    def images(
        self, job_id: str, after: str, limit: int, states: Collection[ImageState] = ()
    ) -> list[ImageRecord]:
        """A page of what came of a job's images, by filename in the order of its bytes.

        Args:
            job_id: the job.
            after: the last filename of the page before; empty for the first page.
            limit: how many at most.
            states: only these; empty for all.
        """
        key, wanted = self._keys[job_id], frozenset(states or tuple(ImageState))
        if wanted <= images.BAD_STATES:
            return self._ask(partial(images.bad_records, self._connection, key, wanted, after, limit))
        step = partial(images.records, self._connection, key, wanted, limit)
        # As many rows as images are enough when the base path has no other job and all states are wanted.
        return list(islice(self._walk(step, after, limit), limit))

    def ended(self, job_id: str, names: Sequence[str]) -> set[str]:
        """Those of the names whose image is done, failed or skipped in a job."""
        return self._ask(partial(images.ended, self._connection, self._keys[job_id], names))

    def last_done(self, base_path: str, fingerprint: str, names: Sequence[str]) -> dict[str, Provenance]:
        """Of the latest job on a base path that did each image by the recipe of that fingerprint."""
        return self._ask(partial(images.last_done, self._connection, base_path, fingerprint, names))

    def counted(self, job_id: str) -> Counted:
        """A job's images, counted row by row: about a second per million rows of its base path."""
        step = partial(images.counts, self._connection, self._keys[job_id])
        return images.total(self._walk(step, "", _SPAN_ROWS))

    def flagged(self, job_id: str, limit: int) -> list[ImageRecord]:
        """The first of a job's images whose result has flags, by filename."""
        return self._ask(partial(flags.flagged, self._connection, self._keys[job_id], "", limit))

    def sizes(self, job_id: str) -> Sizes:
        """The sizes of the results of a job's done images, where they are known."""
        step = partial(flags.sizes, self._connection, self._keys[job_id])
        return flags.total_sizes(self._walk(step, "", _SPAN_ROWS))

    def outside(self, job_id: str, usual: SizeRange) -> Iterator[ImageRecord]:
        """A job's done images whose result has another size; streams."""
        step = partial(flags.outside, self._connection, self._keys[job_id], usual)
        return self._walk(step, "", _SPAN_ROWS)

    def write_flags(self, job_id: str, records: Sequence[ImageRecord]) -> None:
        """Writes the flags of images that were recorded before; they survive a power cut from here on."""
        self._order(partial(flags.write, self._connection, self._texts, self._keys[job_id], records))

    def _walk(
        self, step: Callable[[str, int], tuple[list[T], str | None]], after: str, rows: int
    ) -> Iterator[T]:
        """What is found among the rows after a filename, first among so many, then among more at once."""
        end: str | None = after
        while end is not None:
            found, end = self._ask(partial(step, end, rows))
            yield from found
            rows = _SPAN_ROWS

    def _ask(self, question: Callable[[], T]) -> T:
        try:
            return self._writer.ask(question)
        except sqlite3.Error as error:
            raise unusable(self._path, error) from error

    def _order(self, work: Callable[[], T]) -> T:
        try:
            return self._writer.order(work)
        except sqlite3.IntegrityError as error:
            raise ValueError(f"the journal has that already: {error}") from error

    def _release(self) -> None:
        """Called by the thread at its end."""
        try:
            self._connection.close()
        except sqlite3.Error as error:
            _log.warning("the journal was not closed in order: %s; nothing in it is lost", error)
        self._folder.close()
