import logging
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pixfarm.errors import StateUnusable
from pixfarm.journal import Journal
from pixfarm.journal import database as database_module
from pixfarm.journal.database import open_database
from pixfarm.journal.schema import MIGRATIONS
from pixfarm.model import ImageRecord, ImageState
from tests.integration.journal.journal_parts import BASE, ORIGIN, image, names, note, note_looks, opened

FILE = "journal.sqlite3"
SECOND = (
    "ALTER TABLE images ADD COLUMN sharpness REAL",
    "UPDATE images SET sharpness = seconds * 2",
    "CREATE TABLE notes (text TEXT NOT NULL)",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The state directory of a server that has ended, with an image in it."""
    with opened(tmp_path / "state", "job-1") as journal:
        note(journal, "job-1", [f"{number:03}.jpg" for number in range(500)])
    return tmp_path / "state"


def tables(file: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def refusal(folder: Path) -> str:
    """Why a journal is not opened; it leaves the directory to the next one."""
    with pytest.raises(StateUnusable) as refused:
        Journal(folder)
    return str(refused.value)


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    Journal(tmp_path / "above" / "state").close()
    assert stat.S_IMODE((tmp_path / "above" / "state").stat().st_mode) == 0o700


def test_a_second_journal_is_refused_until_the_first_is_closed(folder: Path) -> None:
    with closing(Journal(folder)):
        for _ in range(2):
            assert f"process {os.getpid()} on " in refusal(folder)
    with closing(Journal(folder)) as journal:
        assert journal.images("job-1", "", 1)


def test_whoever_has_it_is_named_without_what_was_there_of_an_earlier_one(folder: Path) -> None:
    (folder / "lock").write_text("process 1234567890 on " + 200 * "x")
    with closing(Journal(folder)):
        assert re.search(rf"\(process {os.getpid()} on [^x)]+\)", refusal(folder))


def test_a_directory_that_can_be_opened_is_not_kept_by_a_journal_that_cannot(folder: Path) -> None:
    content = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(b"no database" * 1000)
    refusal(folder)
    (folder / FILE).write_bytes(content)
    Journal(folder).close()


def test_the_closed_file_is_whole_by_itself(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    shutil.copy(folder / FILE, tmp_path / "copy")
    with closing(Journal(tmp_path / "copy")) as journal:
        assert len(journal.images("job-1", "", 1000)) == 500


def test_no_shared_memory_is_used(tmp_path: Path) -> None:
    with opened(tmp_path, "job-1") as journal:
        note(journal, "job-1", ["a.jpg"])
        assert {path.name for path in tmp_path.iterdir()} == {"lock", FILE, f"{FILE}-wal"}


def _cut_to(size: int) -> Callable[[Path], None]:
    return lambda file: os.truncate(file, size)


def _overwrite(at: int, content: bytes) -> Callable[[Path], None]:
    def overwrite(file: Path) -> None:
        with file.open("r+b") as opened_file:
            opened_file.seek(at)
            opened_file.write(content)

    return overwrite


@pytest.mark.parametrize(
    "damage",
    [
        _overwrite(0, b"no database at all"),
        _overwrite(100, b"\xff" * 4000),
        _overwrite(4096, b"\xff" * 4096 * 8),
        _cut_to(50),
        _cut_to(4096),
        _cut_to(3 * 4096),
        _cut_to(10 * 4096 + 100),
    ],
    ids=["header", "schema", "first tables", "50 bytes", "1 page", "3 pages", "10 pages and a bit"],
)
def test_a_damaged_or_cut_file_is_refused_and_left_as_it_is(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder / FILE)
    content = (folder / FILE).read_bytes()
    assert "is damaged" in refusal(folder)
    assert (folder / FILE).read_bytes() == content


def test_damage_among_images_is_said_by_whoever_meets_it(folder: Path) -> None:
    size = (folder / FILE).stat().st_size
    with closing(sqlite3.connect(folder / FILE)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'images'").fetchone()
    _overwrite((root - 1) * 4096, b"\xff" * 4096)(folder / FILE)
    assert (folder / FILE).stat().st_size == size
    with closing(Journal(folder)) as journal:
        assert journal.job("job-1") is not None
        with pytest.raises(StateUnusable, match="is damaged"):
            journal.images("job-1", "", 10)


def test_an_empty_file_is_begun_anew_and_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.truncate(folder / FILE, 0)
    with closing(Journal(folder)) as journal:
        assert journal.jobs(10) == []
    assert "is empty" in caplog.text


def test_a_first_start_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Journal(tmp_path / "state").close()
    assert not caplog.records


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("CREATE TABLE images (name TEXT)")
        connection.commit()
    assert "another program" in refusal(tmp_path)


def test_a_file_that_another_program_has_open_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_BUSY_S", 0.0)
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("SELECT count(*) FROM images")
        assert "open in another program" in refusal(folder)


def test_a_newer_format_is_refused_with_both_numbers(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    why = refusal(folder)
    assert "newer pixfarm" in why
    assert f"its format is 99, this one knows {len(MIGRATIONS)}" in why


def test_a_file_in_the_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert str(tmp_path / "state") in refusal(tmp_path / "state")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("mode", [0o000, 0o500], ids=["closed", "read-only"])
def test_a_directory_that_cannot_be_written_is_refused_with_a_remedy(tmp_path: Path, mode: int) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(mode)
    assert "Permission denied; let the server's user write there" in refusal(state)
    state.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_cannot_be_written_is_refused_with_a_remedy(folder: Path) -> None:
    (folder / FILE).chmod(0o400)
    assert "check permissions" in refusal(folder)


def test_an_older_format_is_brought_up_to_date_with_its_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with closing(open_database(folder / FILE, (*MIGRATIONS, SECOND))) as connection:
        versions = connection.execute("PRAGMA user_version").fetchone()
        rows = connection.execute("SELECT count(*), sum(sharpness) FROM images").fetchone()
    assert (versions, rows) == ((len(MIGRATIONS) + 1,), (500, 500.0))
    assert f"format {len(MIGRATIONS) + 1}, it was {len(MIGRATIONS)}" in caplog.text
    with closing(open_database(folder / FILE, (*MIGRATIONS, SECOND))) as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)
    assert "newer pixfarm" in refusal(folder)


def test_a_migration_that_fails_changes_nothing(folder: Path) -> None:
    broken = (*SECOND, "INSERT INTO notes VALUES (NULL)")
    before = tables(folder / FILE)
    with pytest.raises(StateUnusable, match="NOT NULL"):
        open_database(folder / FILE, (*MIGRATIONS, broken))
    assert tables(folder / FILE) == before
    with closing(Journal(folder)) as journal:
        assert names(journal.images("job-1", "", 1)) == ["000.jpg"]


def test_a_journal_of_the_first_format_opens_and_goes_on(tmp_path: Path) -> None:
    """Rows as the first format has them, number by number: the numbers in the file never change."""
    with closing(open_database(tmp_path / FILE, MIGRATIONS[:1])) as connection:
        connection.execute("INSERT INTO texts VALUES (1, ?), (2, 'node_1'), (3, 'CRASHED')", (BASE,))
        connection.execute(
            """INSERT INTO jobs VALUES (1, 'job-1', 1, 'f', 'paused',
            '{"job_id": "job-1", "base_path": "/srv/pictures", "strategy": "random"}',
            '{"kind": "summary", "job_id": "job-1", "base_path": "/srv/pictures", "strategy": "random",
              "state": "paused", "total": 1, "done": 0, "failed": 1, "not_done": 0, "rejections": 0,
              "retries": 0, "elapsed_s": 1.5, "nodes": []}')"""
        )
        for state, name in enumerate(["done", "failed", "not done", "skipped"]):
            connection.execute(
                "INSERT INTO images VALUES (1, ?, 1, ?, 2, 3, 4, 0.5, 6, 3, 'why', 7, 8, 9, 10, 2)",
                (name, state),
            )
    with closing(Journal(tmp_path)) as journal:
        assert [job.spec.job_id for job in journal.unfinished()] == ["job-1"]
        assert journal.images("job-1", "", 10) == [
            ImageRecord(
                filename=state.value, state=state, node="node_1", attempts=3, refusals=4, seconds=0.5,
                bytes_written=6, code="CRASHED", message="why",
            )
            for state in (ImageState.DONE, ImageState.FAILED, ImageState.NOT_DONE, ImageState.SKIPPED)
        ]  # fmt: skip
        assert journal.last_done(BASE, "node_1", ["done"])["done"].result_mtime_ns == 10
        assert journal.flagged("job-1", 10) == []
        note_looks(journal, "new", 40, 30, "clipped")
        assert [record.flags for record in journal.flagged("job-1", 10)] == [("clipped",)]
        assert journal.sizes("job-1").widths == {40: 1}  # of images of the first format it is not known


def test_an_acknowledged_image_is_in_the_files_at_that_moment(tmp_path: Path) -> None:
    state, copy = tmp_path / "state", tmp_path / "copy"

    def copy_now() -> None:
        shutil.copytree(state, copy)

    with opened(state, "job-1") as journal:
        journal.record("job-1", image("a.jpg"), ORIGIN, copy_now)
        journal.flush()
    with closing(Journal(copy)) as journal:
        assert names(journal.images("job-1", "", 10)) == ["a.jpg"]
