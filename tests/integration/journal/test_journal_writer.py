import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial

import pytest

from pixfarm.errors import StateUnusable
from pixfarm.journal import intake as intake_module
from pixfarm.journal import writer as writer_module
from pixfarm.journal.batch import Batch, ImageRow, Snapshot
from pixfarm.journal.intake import Intake
from pixfarm.journal.values import JobKey
from pixfarm.journal.writer import Writer
from tests.integration.journal.journal_parts import PATIENCE_S, image, in_thread, nothing

FULL = sqlite3.OperationalError("database or disk is full")


class Disk:
    """Commits batches, or fails as often as it is told."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.fails_with: Exception | None = None
        self.tries: queue.SimpleQueue[str] = queue.SimpleQueue()

    def commit(self, batch: Batch) -> None:
        self.tries.put("")
        if self.fails_with is not None:
            raise self.fails_with
        self.rows += [row.record.filename for row in batch.rows]
        for order in batch.orders:
            order.answer.set_result(order.work())


class Bench:
    """A writer that writes to a list."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.intake = Intake()
        self.ended = threading.Event()
        self.writer = Writer(self.intake, self.disk.commit, self.ended.set, grace_s=0.05)

    def put(self, name: str, on_committed: Callable[[], None] = nothing) -> None:
        self.intake.put(ImageRow(JobKey(1, 1), image(name), None), on_committed)

    def fail(self, error: Exception) -> None:
        """Has one try fail with it, and all that follow."""
        self.disk.fails_with = error
        self.put("a")
        self.await_try()
        self.await_try()

    def await_try(self) -> None:
        self.disk.tries.get(timeout=PATIENCE_S)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(writer_module, "_FIRST_PAUSE_S", 0.005)
    monkeypatch.setattr(writer_module, "_MAX_PAUSE_S", 0.02)
    bench = Bench()
    yield bench
    bench.writer.close()


def test_rows_are_acknowledged_after_their_commit_in_their_order(bench: Bench) -> None:
    seen: list[tuple[str, bool]] = []

    def see(name: str) -> None:
        seen.append((name, name in bench.disk.rows))

    for name in "abc":
        bench.put(name, partial(see, name))
    bench.writer.flush()
    assert seen == [("a", True), ("b", True), ("c", True)]


def test_rows_that_are_committed_make_room_for_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MAX_PENDING", 3)
    monkeypatch.setattr(intake_module, "FULL_BATCH", 3)

    def put_all() -> None:
        for number in range(20):
            bench.put(str(number))

    putting = in_thread(put_all)
    putting.join(PATIENCE_S)
    bench.writer.flush()
    assert bench.disk.rows == [str(number) for number in range(20)]


def test_a_failing_disk_loses_nothing_and_acknowledges_nothing_until_it_works_again(bench: Bench) -> None:
    acknowledged = threading.Event()
    bench.disk.fails_with = FULL
    bench.put("a", acknowledged.set)
    bench.await_try()
    bench.await_try()
    assert "disk is full" in bench.writer.problem
    bench.put("b")
    assert not acknowledged.is_set()
    bench.disk.fails_with = None
    bench.writer.flush()
    assert acknowledged.is_set()
    assert (bench.disk.rows, bench.writer.problem) == (["a", "b"], "")


def test_a_failing_disk_is_logged_when_it_begins_and_when_it_ends(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.fail(FULL)
    bench.await_try()
    bench.disk.fails_with = None
    bench.writer.flush()
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert "disk is full" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_bug_in_the_writing_is_tried_again_and_told_with_its_place(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.fail(ZeroDivisionError("oh"))
    assert "ZeroDivisionError" in bench.writer.problem
    bench.disk.fails_with = None
    bench.writer.flush()
    assert bench.disk.rows == ["a"]
    assert "Traceback" in caplog.text


def test_pauses_between_tries_grow_to_a_limit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    rest = bench.writer._rest

    def rest_and_tell(pause_s: float) -> None:
        pauses.append(pause_s)
        rest(pause_s)

    monkeypatch.setattr(bench.writer, "_rest", rest_and_tell)
    bench.fail(FULL)
    for _ in range(3):
        bench.await_try()
    assert pauses[:4] == [0.005, 0.01, 0.02, 0.02]


def test_questions_are_answered_in_the_pauses_between_tries(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_FIRST_PAUSE_S", 0.3)
    bench.disk.fails_with = FULL
    bench.put("a")
    bench.await_try()
    assert bench.writer.ask(lambda: 7) == 7
    assert bench.disk.tries.empty()


def test_a_question_that_fails_fails_for_whoever_asked(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError):
        bench.writer.ask(lambda: 1 // 0)
    assert bench.writer.ask(lambda: 7) == 7


def test_orders_wait_while_nothing_can_be_written(bench: Bench) -> None:
    bench.fail(FULL)
    answers: list[int] = []
    ordering = in_thread(lambda: answers.append(bench.writer.order(lambda: 7)))
    bench.await_try()
    bench.await_try()
    assert answers == []
    bench.disk.fails_with = None
    ordering.join(PATIENCE_S)
    assert answers == [7]


def test_an_acknowledgement_that_fails_is_logged_and_costs_no_other_one(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    acknowledged: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError("oh")

    bench.put("a", fail)
    bench.put("b", lambda: acknowledged.append("b"))
    bench.writer.flush()
    assert acknowledged == ["b"]
    assert "ZeroDivisionError" in caplog.text


def test_an_acknowledgement_may_put_more_but_not_wait(bench: Bench) -> None:
    outcome: Future[Exception | None] = Future()

    def acknowledge() -> None:
        bench.put("b")
        bench.intake.put_snapshot(1, Snapshot("finished", "{}"))
        try:
            bench.writer.flush()
        except RuntimeError as error:
            outcome.set_result(error)
        else:
            outcome.set_result(None)

    bench.put("a", acknowledge)
    assert "must not wait" in str(outcome.result(PATIENCE_S))
    bench.writer.flush()
    assert bench.disk.rows == ["a", "b"]


def test_a_bug_that_ends_the_thread_is_told_to_everybody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer_module, "_LOOK_S", 0.01)
    monkeypatch.setattr(bench.intake, "take", lambda: 1 // 0)
    assert bench.writer.ask(lambda: 7) == 7  # the last thing that it takes in order
    assert bench.ended.wait(PATIENCE_S)
    assert "ZeroDivisionError" in bench.writer.problem
    assert "a bug ends the journal's thread" in caplog.text
    with pytest.raises(StateUnusable, match="closed"):
        bench.put("a")
    with pytest.raises(StateUnusable, match="has ended"):
        bench.writer._wait_for(Future())


def test_close_commits_what_is_queued_and_may_be_called_twice(bench: Bench) -> None:
    acknowledged: list[str] = []
    bench.put("a", lambda: acknowledged.append("a"))
    bench.writer.close()
    bench.writer.close()
    assert (bench.disk.rows, acknowledged, bench.ended.is_set()) == (["a"], ["a"], True)


def test_close_gives_up_after_a_grace_and_says_how_much_is_lost(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    acknowledged: list[str] = []
    bench.fail(FULL)
    for name in "bc":
        bench.put(name, lambda: acknowledged.append(""))
    bench.writer.close()
    assert bench.ended.is_set()
    assert (bench.disk.rows, acknowledged) == ([], [])
    assert "without 3 rows" in caplog.text


def test_what_comes_after_lost_rows_is_lost_too(bench: Bench) -> None:
    bench.fail(FULL)
    bench.writer.hurry()
    with pytest.raises(StateUnusable, match="database or disk is full"):
        bench.writer.flush(PATIENCE_S)
    bench.disk.fails_with = None
    bench.put("b")
    with pytest.raises(StateUnusable, match="database or disk is full"):
        bench.writer.flush(PATIENCE_S)
    assert bench.disk.rows == []


def test_lost_rows_make_room_for_whoever_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MAX_PENDING", 1)
    bench.fail(FULL)
    putting = in_thread(lambda: bench.put("b"))
    bench.writer.hurry()
    putting.join(PATIENCE_S)
    assert not putting.is_alive()


def test_a_writer_that_is_told_to_hurry_goes_on_as_long_as_it_can_write(bench: Bench) -> None:
    bench.writer.hurry()
    bench.writer.hurry()
    bench.put("a")
    bench.writer.flush(PATIENCE_S)
    assert bench.disk.rows == ["a"]


def test_a_flush_waits_no_longer_than_it_may_and_is_carried_out_later(bench: Bench) -> None:
    bench.fail(FULL)
    with pytest.raises(StateUnusable, match="did not answer within"):
        bench.writer.flush(0.02)
    bench.disk.fails_with = None
    bench.writer.flush(PATIENCE_S)
    assert bench.disk.rows == ["a"]


def test_a_state_directory_that_cannot_be_used_is_told_in_its_own_words(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.fail(StateUnusable("the state directory was removed; start again"))
    assert bench.writer.problem == "the state directory was removed; start again"
    assert "Traceback" not in caplog.text


def test_whoever_waits_for_a_commit_that_never_comes_is_told_at_the_end(bench: Bench) -> None:
    bench.fail(FULL)
    told: queue.SimpleQueue[str] = queue.SimpleQueue()

    def wait_with(wait: Callable[[], object]) -> None:
        try:
            wait()
        except StateUnusable as error:
            told.put(str(error))

    waits = (bench.writer.flush, lambda: bench.writer.order(nothing))
    waiting = [in_thread(partial(wait_with, wait)) for wait in waits]
    bench.await_try()
    bench.await_try()
    bench.writer.close()
    for thread in waiting:
        thread.join(PATIENCE_S)
        assert "closed" in told.get(timeout=PATIENCE_S)


def test_a_closed_writer_answers_nothing(bench: Bench) -> None:
    bench.writer.close()
    with pytest.raises(StateUnusable, match="closed"):
        bench.writer.ask(lambda: 7)


def test_a_disk_that_hangs_is_said_to_whoever_asks(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "_ANSWER_S", 0.0)
    monkeypatch.setattr(writer_module, "_LOOK_S", 0.01)
    hanging, over = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        over.wait(PATIENCE_S)

    bench.intake.put_question(hang)
    assert hanging.wait(PATIENCE_S)
    with pytest.raises(StateUnusable, match="did not answer"):
        bench.writer.ask(lambda: 7)
    over.set()
