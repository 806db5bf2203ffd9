import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pixfarm.journal import images, jobs
from pixfarm.journal.batch import Batch, ImageRow, Request, Snapshot
from pixfarm.journal.database import open_database
from pixfarm.journal.transaction import TextIds, Transactions
from pixfarm.journal.values import JobKey
from pixfarm.model import ImageState
from tests.integration.journal.journal_parts import BASE, ORIGIN, image, names, spec, summary, token


class Tables:
    """The tables with a job in them, and what writes to them."""

    def __init__(self, file: Path) -> None:
        self.connection = open_database(file)
        self.texts = TextIds(self.connection)
        self.transactions = Transactions(self.connection, self.texts)
        adding = Request(partial(jobs.add, self.connection, self.texts, spec(), token(), summary()))
        self.transactions.commit(Batch(orders=[adding]))
        self.key: JobKey = adding.answer.result(0)

    def rows(self, count: int, node: str = "node_1") -> list[ImageRow]:
        return [ImageRow(self.key, image(f"{number:05}.jpg", node=node), ORIGIN) for number in range(count)]

    def images(self) -> list[str]:
        found, _ = images.records(self.connection, self.key, tuple(ImageState), 10**6, "", 10**6)
        return names(found)


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    tables = Tables(tmp_path / "journal.sqlite3")
    with closing(tables.connection):
        yield tables


@pytest.mark.parametrize("count", [1, 2, 3, 127, 128, 129, 1023, 1024, 2047, 2500])
def test_every_row_of_a_batch_of_any_size_is_written(tables: Tables, count: int) -> None:
    tables.transactions.commit(Batch(rows=tables.rows(count)))
    assert tables.images() == [f"{number:05}.jpg" for number in range(count)]


def test_a_library_that_allows_few_values_in_a_statement_gets_few(tables: Tables) -> None:
    tables.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
    Transactions(tables.connection, tables.texts).commit(Batch(rows=tables.rows(1500)))
    assert len(tables.images()) == 1500


def test_a_batch_that_does_not_fit_writes_nothing_and_can_be_tried_again(tables: Tables) -> None:
    (pages,) = tables.connection.execute("PRAGMA page_count").fetchone()
    tables.connection.execute(f"PRAGMA max_page_count = {pages + 3}")
    batch = Batch(
        rows=tables.rows(1000, "a node that is new"),
        snapshots={tables.key.job: Snapshot("finished", "{}")},
        orders=[Request(partial(jobs.add, tables.connection, tables.texts, spec("2"), "2", summary("2")))],
    )
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            tables.transactions.commit(batch)
        assert (tables.images(), len(jobs.unfinished(tables.connection))) == ([], 1)
        assert not batch.orders[0].answer.done()
    tables.connection.execute("PRAGMA max_page_count = 1000000")
    tables.transactions.commit(batch)
    assert len(tables.images()) == 1000
    found = images.last_done(tables.connection, BASE, ORIGIN.pipeline, ["00000.jpg"])
    assert found == {"00000.jpg": ORIGIN}
    assert images.counts(tables.connection, tables.key, "", 10**6)[0] == [
        (ImageState.DONE, "a node that is new", 1000, 500.0, 0)
    ]
    assert isinstance(batch.orders[0].answer.result(0), JobKey)
    assert tables.connection.execute("SELECT state FROM jobs ORDER BY id").fetchall() == [
        ("finished",),
        ("running",),
    ]


def test_a_bug_in_an_order_is_told_to_whoever_gave_it_and_costs_nobody_else(tables: Tables) -> None:
    orders = [Request(lambda: 1 // 0), Request(lambda: 7)]
    tables.transactions.commit(Batch(rows=tables.rows(1), orders=orders))
    assert isinstance(orders[0].answer.exception(0), ZeroDivisionError)
    assert orders[1].answer.result(0) == 7
    assert len(tables.images()) == 1


def test_an_order_that_the_disk_refuses_is_tried_again_with_its_batch(tables: Tables) -> None:
    errors: list[Exception] = [sqlite3.OperationalError("disk I/O error")]

    def write() -> int:
        if errors:
            raise errors.pop()
        return 7

    batch = Batch(rows=tables.rows(1), orders=[Request(write)])
    with pytest.raises(sqlite3.OperationalError):
        tables.transactions.commit(batch)
    assert tables.images() == []
    tables.transactions.commit(batch)
    assert (len(tables.images()), batch.orders[0].answer.result(0)) == (1, 7)


def test_only_what_is_ordered_waits_for_the_disk(tables: Tables) -> None:
    """Rows survive the death of the server at once, and a power cut some time later."""
    statements: list[str] = []
    tables.connection.set_trace_callback(statements.append)
    tables.transactions.commit(Batch(orders=[Request(lambda: 7)]))
    tables.transactions.commit(Batch(rows=tables.rows(1)))
    tables.transactions.commit(Batch(rows=tables.rows(1)))
    levels = [word for word in statements if word.startswith(("PRAGMA", "COMMIT"))]
    assert levels == ["COMMIT", "PRAGMA synchronous = NORMAL", "COMMIT", "COMMIT"]
    tables.transactions.commit(Batch(orders=[Request(lambda: 7)]))
    assert "PRAGMA synchronous = FULL" in statements
