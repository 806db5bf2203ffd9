"""The journal's thread: commits batch after batch, and answers questions in between."""

import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from pixfarm.errors import StateUnusable
from pixfarm.journal.batch import Batch, Request
from pixfarm.journal.database import describe
from pixfarm.journal.intake import Intake

_log = logging.getLogger(__name__)
T = TypeVar("T")

_FIRST_PAUSE_S = 0.1
_MAX_PAUSE_S = 2.0
_CLOSE_GRACE_S = 5.0
_END_S = 30.0
_ANSWER_S = 60.0
_LOOK_S = 1.0


class Writer:
    """A thread that commits what comes in, in its order, and tries again for as long as that fails.

    Args:
        intake: where it comes from.
        commit: writes a batch, all or nothing; raises when it could not, and is called again then.
        end: called by the thread when nothing more will come.
        grace_s: seconds that close() goes on trying.
    """

    def __init__(
        self,
        intake: Intake,
        commit: Callable[[Batch], None],
        end: Callable[[], None],
        grace_s: float = _CLOSE_GRACE_S,
    ) -> None:
        self.problem = ""
        self._intake = intake
        self._commit = commit
        self._end = end
        self._grace_s = grace_s
        self._give_up_at: float | None = None
        self._has_lost = False
        self._lost = 0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def order(self, work: Callable[[], T]) -> T:
        """What ``work`` returns as a part of a transaction, when that is committed and safe from a power cut.

        Raises:
            Exception: whatever ``work`` raises, which is left out then.
            StateUnusable: the journal was closed before.
        """
        answer: T = self._wait_for(self._intake.put_order(work))
        return answer

    def flush(self, timeout_s: float = math.inf) -> None:
        """Returns when all that was put before is committed, and those who put rows have been told.

        Raises:
            StateUnusable: the journal was closed before, or the time is up.
        """
        self._wait_for(self._intake.put_flush(), timeout_s)

    def ask(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises, when the thread calls it between two transactions.

        Raises:
            StateUnusable: the journal is closed, or its disk hangs.
        """
        answer: T = self._wait_for(self._intake.put_question(work), _ANSWER_S)
        return answer

    def hurry(self) -> None:
        """Tries no batch again any more when a grace is over; may be called twice."""
        if self._give_up_at is None:
            self._give_up_at = time.monotonic() + self._grace_s

    def close(self) -> None:
        """Commits what is there, or gives that up after a grace, and ends the thread; may be called twice."""
        self.hurry()
        self._intake.close()
        self._thread.join(self._grace_s + _END_S)
        if self._thread.is_alive():
            _log.error("the journal's thread does not end: its disk hangs")

    def _wait_for(self, answer: Future[Any], timeout_s: float = math.inf) -> Any:  # noqa: ANN401 - of any request
        if threading.current_thread() is self._thread:
            raise RuntimeError("what the journal calls after a commit must not wait for the journal")
        give_up_at = time.monotonic() + timeout_s
        while not wait([answer], max(0.0, min(_LOOK_S, give_up_at - time.monotonic()))).done:
            if time.monotonic() >= give_up_at:
                raise StateUnusable(f"the journal did not answer within {timeout_s:g} s; its disk may hang")
            if not self._thread.is_alive() and not answer.done():
                raise StateUnusable("the journal's thread has ended; see the server's log")
        return answer.result()

    def _run(self) -> None:
        try:
            while (taken := self._intake.take()) is not None:
                if isinstance(taken, Request):
                    _answer(taken)
                else:
                    self._carry_out(taken)
        except Exception as bug:  # noqa: BLE001 - top of a thread
            self.problem = f"a bug in the server: {bug!r}; see its log"
            _log.exception("a bug ends the journal's thread")
            self._intake.close()
        finally:
            if self._lost:
                _log.error("the journal closes without %d rows: %s; those images are done again", self._lost,
                           self.problem)  # fmt: skip
            self._end()

    def _carry_out(self, batch: Batch) -> None:
        pause_s = _FIRST_PAUSE_S
        # What comes after lost rows is lost, too: a job must not be told as ended without some of its images.
        while self._has_lost or not self._is_committed(batch):
            if self._is_given_up():
                self._lose(batch)
                return
            self._rest(pause_s)
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)
        self._intake.committed(len(batch.rows))
        for callback in batch.callbacks:
            try:
                callback()
            except Exception:  # noqa: BLE001 - a bug of others, who would wait for ever
                _log.exception("a bug: counting an image that is in the journal failed")
        for flush in batch.flushes:
            flush.set_result(None)

    def _is_committed(self, batch: Batch) -> bool:
        try:
            self._commit(batch)
        except Exception as error:  # noqa: BLE001 - top of a thread; and whatever it was, nothing may be dropped
            why = str(error) if isinstance(error, StateUnusable) else describe(error)
            if not self.problem:
                traceback = None if isinstance(error, sqlite3.Error | StateUnusable) else error
                _log.error("the journal cannot be written: %s; trying again", why, exc_info=traceback)
            self.problem = why
            return False
        if self.problem:
            _log.warning("the journal can be written again")
            self.problem = ""
        return True

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (question := self._intake.take_question(until)) is not None:
            _answer(question)

    def _is_given_up(self) -> bool:
        return self._give_up_at is not None and time.monotonic() >= self._give_up_at

    def _lose(self, batch: Batch) -> None:
        self._has_lost = True
        self._lost += len(batch.rows)
        self._intake.committed(len(batch.rows))  # nobody may wait for room that never comes
        lost = StateUnusable(f"the journal was closed while it could not be written: {self.problem}")
        for answer in (*(order.answer for order in batch.orders), *batch.flushes):
            answer.set_exception(lost)


def _answer(question: Request) -> None:
    try:
        question.answer.set_result(question.work())
    except Exception as error:  # noqa: BLE001 - goes to whoever asked
        question.answer.set_exception(error)
