import threading
import time

import pytest

from pixfarm.errors import StateUnusable
from pixfarm.journal import intake as intake_module
from pixfarm.journal.batch import Batch, ImageRow, Request, Snapshot
from pixfarm.journal.intake import Intake
from pixfarm.journal.values import JobKey
from tests.integration.journal.journal_parts import PATIENCE_S, image, in_thread, nothing

KEY = JobKey(1, 1)


def row(name: str = "a.jpg") -> ImageRow:
    return ImageRow(KEY, image(name), None)


def put(intake: Intake, *names: str) -> None:
    for name in names:
        intake.put(row(name), nothing)


def taken(intake: Intake) -> Batch:
    batch = intake.take()
    assert isinstance(batch, Batch)
    return batch


def names(batch: Batch) -> list[str]:
    return [row.record.filename for row in batch.rows]


@pytest.fixture
def intake() -> Intake:
    return Intake()


def test_rows_wait_for_others_but_not_long(intake: Intake) -> None:
    began_at = time.monotonic()
    put(intake, "a", "b")
    assert names(taken(intake)) == ["a", "b"]
    assert intake_module.BATCH_S <= time.monotonic() - began_at < PATIENCE_S


@pytest.mark.parametrize("hurry", ["flush", "order", "rows", "close"])
def test_a_batch_does_not_wait_when_somebody_does_or_when_it_is_full(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, hurry: str
) -> None:
    monkeypatch.setattr(intake_module, "BATCH_S", 1000.0)
    monkeypatch.setattr(intake_module, "FULL_BATCH", 3)
    put(intake, "a", "b")
    {
        "flush": intake.put_flush,
        "order": lambda: intake.put_order(nothing),
        "rows": lambda: put(intake, "c"),
        "close": intake.close,
    }[hurry]()
    assert names(taken(intake))[:2] == ["a", "b"]


def test_a_snapshot_is_committed_with_the_rows_before_it_and_instead_of_older_ones(intake: Intake) -> None:
    intake.put_snapshot(1, Snapshot("running", "old"))
    put(intake, "a")
    intake.put_snapshot(2, Snapshot("running", "other"))
    intake.put_snapshot(1, Snapshot("finished", "new"))
    batch = taken(intake)
    assert names(batch) == ["a"]
    assert batch.snapshots == {1: Snapshot("finished", "new"), 2: Snapshot("running", "other")}


def test_questions_are_taken_while_a_batch_fills(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "BATCH_S", 1000.0)
    put(intake, "a")
    intake.put_question(nothing)
    assert isinstance(intake.take(), Request)


def test_neither_batches_nor_questions_wait_for_the_end_of_the_others(intake: Intake) -> None:
    order = []
    for _ in range(4):
        intake.put_question(nothing)
        intake.put_question(nothing)
        intake.put_flush()
        order.append(type(intake.take()))
    assert order == [Batch, Request, Batch, Request]


def test_whoever_puts_too_many_rows_waits_until_some_are_committed(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "MAX_PENDING", 10)
    put(intake, *map(str, range(10)))
    one_more = in_thread(lambda: put(intake, "one more"))
    in_hand = taken(intake)  # no room yet: what is in hand is not committed
    one_more.join(0.05)
    assert one_more.is_alive()
    assert len(in_hand.rows) == 10
    intake.committed(1)
    one_more.join(PATIENCE_S)
    assert not one_more.is_alive()
    assert names(taken(intake)) == ["one more"]


def test_the_taking_thread_itself_never_waits_for_room(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "MAX_PENDING", 1)
    put(intake, "a")
    taken(intake)
    put(intake, "b", "c")
    assert names(taken(intake)) == ["b", "c"]


def test_a_closed_intake_takes_nothing_and_lets_go_of_those_who_wait(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "MAX_PENDING", 1)
    put(intake, "a")
    refused = threading.Event()

    def put_one_more() -> None:
        with pytest.raises(StateUnusable, match="closed"):
            put(intake, "b")
        refused.set()

    waiting = in_thread(put_one_more)
    intake.close()
    assert refused.wait(PATIENCE_S)
    waiting.join(PATIENCE_S)
    for late in (
        lambda: put(intake, "c"),
        lambda: intake.put_snapshot(1, Snapshot("running", "")),
        lambda: intake.put_order(nothing),
        intake.put_flush,
        lambda: intake.put_question(nothing),
    ):
        with pytest.raises(StateUnusable, match="closed"):
            late()
    assert names(taken(intake)) == ["a"]
    assert intake.take() is None


def test_the_wait_for_a_question_has_an_end(intake: Intake) -> None:
    assert intake.take_question(time.monotonic() + 0.01) is None
    intake.put_question(nothing)
    assert intake.take_question(time.monotonic() - 1) is None
    assert intake.take_question(time.monotonic() + PATIENCE_S) is not None
