import dataclasses
import json
from pathlib import Path

import pytest

from pixfarm.errors import FailureCode
from pixfarm.journal import Provenance
from pixfarm.ledger import Ledger
from pixfarm.model import ImageRecord, ImageState, TaskResult
from pixfarm.phases import Phases
from pixfarm.scheduling.attempts import Attempts
from pixfarm.tally import Tally
from pixfarm.trace import Trace
from tests.unit.core.fake_journal import FakeJournal
from tests.unit.core.farm_parts import as_journal, spec, summary

RESULT = TaskResult(
    "x-1", 0.0, 0.5, 4, 3, 100, source_bytes=70, source_mtime_ns=7, result_mtime_ns=9, pipeline="edges/2"
)


class Books:
    """A ledger, and what it writes into."""

    def __init__(self, trace: Path | None = None) -> None:
        self.journal = FakeJournal(holds_back=True)
        self.journal.add_job(spec(Path("/base")), "t" * 32, summary())
        self.tally = Tally()
        self.trace = Trace(trace)
        self.ledger = Ledger("job-1", as_journal(self.journal), self.tally, self.trace)

    @property
    def record(self) -> ImageRecord:
        (row,) = self.journal.recorded
        return row.record


def test_a_done_image_is_written_with_how_it_came_to_be() -> None:
    books = Books()
    flagged = dataclasses.replace(RESULT, flags=("clipped",))
    books.ledger.done("b/a.jpg", Attempts(taken=2, refusals=3), "node_1", 0.75, flagged)
    (row,) = books.journal.recorded
    assert row.record == ImageRecord(
        filename="b/a.jpg",
        state=ImageState.DONE,
        node="node_1",
        attempts=3,
        refusals=3,
        seconds=0.75,
        bytes_written=100,
        flags=("clipped",),
        width_px=4,
        height_px=3,
    )
    assert row.origin == Provenance(
        source_bytes=70, source_mtime_ns=7, result_bytes=100, result_mtime_ns=9, pipeline="edges/2"
    )


def test_where_the_time_of_a_done_image_went_is_counted_once_the_journal_has_it() -> None:
    books = Books()
    timed = dataclasses.replace(RESULT, waited_s=0.125, phases=Phases(reading=0.25, operations=(0.5,)))
    books.ledger.done("a.jpg", Attempts(), "node_1", 0.75, timed)
    assert books.tally.nodes() == ()
    books.journal.flush()
    assert books.tally.nodes()[0].phases == Phases(0.125, 0.125, 0.25, 0.0, (0.5,), 0.0, 0.0)


def test_a_failed_image_is_written_with_why() -> None:
    books = Books()
    books.ledger.failed(
        "a.jpg", FailureCode.CRASHED, "its worker died", Attempts(taken=2, refusals=1), "node_2"
    )
    assert books.record == ImageRecord(
        filename="a.jpg",
        state=ImageState.FAILED,
        node="node_2",
        attempts=2,
        refusals=1,
        code="CRASHED",
        message="its worker died",
    )


def test_an_image_that_was_not_done_is_written_with_why_the_job_stopped() -> None:
    books = Books()
    books.ledger.not_done("a.jpg", FailureCode.NO_NODES)
    assert books.record == ImageRecord(
        filename="a.jpg",
        state=ImageState.NOT_DONE,
        code="NO_NODES",
        message="not done: the job stopped",
    )


def test_a_skipped_image_is_written_and_is_no_result_of_this_job() -> None:
    books = Books()
    books.ledger.skipped("a.jpg")
    assert books.record == ImageRecord(filename="a.jpg", state=ImageState.SKIPPED)
    assert books.journal.recorded[0].origin is None


def note_done(ledger: Ledger) -> None:
    ledger.done("a.jpg", Attempts(), "node_1", 0.5, RESULT)


@pytest.mark.parametrize(
    ("note", "counted"),
    [
        (note_done, "done"),
        (lambda ledger: ledger.failed("a.jpg", FailureCode.IO, "no luck"), "failed"),
        (lambda ledger: ledger.not_done("a.jpg", FailureCode.CANCELLED), "not_done"),
        (lambda ledger: ledger.skipped("a.jpg"), "skipped"),
    ],
    ids=["done", "failed", "not done", "skipped"],
)
def test_an_end_is_counted_and_traced_once_the_journal_has_it(note, counted: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    books = Books(tmp_path / "trace")
    with books.trace:
        note(books.ledger)
        assert (set(books.tally.counts().values()), (tmp_path / "trace").read_text()) == ({0}, "")
        books.journal.flush()
        assert {name for name, count in books.tally.counts().items() if count} == {counted}
        line = json.loads((tmp_path / "trace").read_text())
    assert (line["event"], line["job"], line["image"]) == ("ended", "job-1", "a.jpg")
    assert line["state"] == counted.replace("_", " ")


def test_every_end_of_an_image_whose_name_is_not_utf_8_has_the_same_key() -> None:
    books, name = Books(), "b/\udcff.jpg"
    books.ledger.done(name, Attempts(), "node_1", 0.5, RESULT)
    books.ledger.failed(name, FailureCode.BAD_NAME, "rename it")
    books.ledger.not_done(name, FailureCode.CANCELLED)
    books.ledger.skipped(name)
    assert [row.record.filename for row in books.journal.recorded] == ["./b/\\xff.jpg"] * 4
