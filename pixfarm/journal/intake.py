"""The queue between all threads and the journal's: a batch that fills, and questions that are waiting."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from pixfarm.errors import StateUnusable
from pixfarm.journal.batch import Batch, ImageRow, Request, Snapshot

BATCH_S = 0.05
FULL_BATCH = 2000
MAX_PENDING = 10_000
_LOOK_S = 1.0


class Intake:
    """Takes rows, snapshots, orders and questions from any thread, and hands them to one.

    All that puts raises StateUnusable when the intake is closed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._batch = Batch()
        self._questions: deque[Request] = deque()
        self._pending = 0  # rows that are not committed, of this batch and the one in the thread's hands
        self._is_closed = False
        self._was_batch = False
        self._taker = 0

    def put(self, row: ImageRow, on_committed: Callable[[], None]) -> None:
        """A row; waits while MAX_PENDING rows are not committed."""
        with self._lock:
            # The thread itself must not wait for itself: what it calls after a commit may put another row.
            while (
                self._pending >= MAX_PENDING and not self._is_closed and threading.get_ident() != self._taker
            ):
                self._room.wait(_LOOK_S)
            batch = self._open()
            batch.rows.append(row)
            batch.callbacks.append(on_committed)
            self._pending += 1
            if len(batch.rows) == FULL_BATCH:
                self._make_due()

    def put_snapshot(self, job: int, snapshot: Snapshot) -> None:
        """A snapshot of a job, in the place of one that is still queued."""
        with self._lock:
            self._open().snapshots[job] = snapshot

    def put_order(self, work: Callable[[], Any]) -> Future[Any]:
        """Something to be written beside rows and snapshots."""
        order = Request(work)
        with self._lock:
            self._open().orders.append(order)
            self._make_due()
        return order.answer

    def put_flush(self) -> Future[None]:
        """Has what is queued committed now; the answer comes when it is."""
        flush: Future[None] = Future()
        with self._lock:
            self._open().flushes.append(flush)
            self._make_due()
        return flush

    def put_question(self, work: Callable[[], Any]) -> Future[Any]:
        """Something to be answered between two transactions."""
        question = Request(work)
        with self._lock:
            self._refuse_when_closed()
            self._questions.append(question)
            self._work.notify()
        return question.answer

    def close(self) -> None:
        """Takes no more."""
        with self._lock:
            self._is_closed = True
            self._work.notify()
            self._room.notify_all()

    def take(self) -> Batch | Request | None:
        """A batch that is due, or a question, as soon as there is one; None when closed and empty."""
        self._taker = threading.get_ident()
        with self._lock:
            while True:
                is_due = self._batch.due_at <= time.monotonic() or (
                    self._is_closed and not self._batch.is_empty
                )
                # In turns, when there is always one of each.
                if is_due and not (self._questions and self._was_batch):
                    self._was_batch = True
                    batch, self._batch = self._batch, Batch()
                    return batch
                if self._questions:
                    self._was_batch = False
                    return self._questions.popleft()
                if self._is_closed:
                    return None
                self._work.wait(min(_LOOK_S, self._batch.due_at - time.monotonic()))

    def take_question(self, until: float) -> Request | None:
        """A question, as soon as there is one; None when a certain time of time.monotonic has come."""
        with self._lock:
            while (left_s := until - time.monotonic()) > 0:
                if self._questions:
                    return self._questions.popleft()
                self._work.wait(min(_LOOK_S, left_s))
        return None

    def committed(self, rows: int) -> None:
        """So many rows are not pending any more: they are committed, or given up."""
        with self._lock:
            self._pending -= rows
            self._room.notify_all()

    def _open(self) -> Batch:
        """The batch that fills."""
        self._refuse_when_closed()
        if self._batch.is_empty:
            self._batch.due_at = time.monotonic() + BATCH_S
            self._work.notify()
        return self._batch

    def _make_due(self) -> None:
        self._batch.due_at = 0.0
        self._work.notify()

    def _refuse_when_closed(self) -> None:
        if self._is_closed:
            raise StateUnusable("the journal is closed; the server is shutting down")
