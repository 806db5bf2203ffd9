"""The state directory of a server that runs: what happens when somebody moves or removes it."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pixfarm.errors import StateUnusable
from pixfarm.journal import Journal
from pixfarm.journal import writer as writer_module
from pixfarm.journal.folder import StateFolder
from tests.integration.journal.journal_parts import ORIGIN, image, names, note, opened
from tests.integration.waiting import PATIENCE_S, eventually

GONE = "was removed or replaced while the server was using it; stop the server and start it again"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(writer_module, "_FIRST_PAUSE_S", 0.005)
    monkeypatch.setattr(writer_module, "_MAX_PAUSE_S", 0.02)
    return tmp_path / "state"


@pytest.fixture
def journal(state: Path) -> Iterator[Journal]:
    with opened(state, "job-1") as journal:
        journal._writer._grace_s = 0.05
        yield journal


def put(journal: Journal, name: str) -> threading.Event:
    """An event that comes when the image is in the journal."""
    recorded = threading.Event()
    journal.record("job-1", image(name), ORIGIN, recorded.set)
    return recorded


def remove(state: Path) -> None:
    shutil.rmtree(state)


def replace(state: Path) -> None:
    state.rename(state.with_name("old"))
    shutil.copytree(state.with_name("old"), state)


def remove_the_lock(state: Path) -> None:
    (state / "lock").unlink()


def replace_the_file(state: Path) -> None:
    file = state / "journal.sqlite3"
    file.rename(state / "old")
    shutil.copy(state / "old", file)


@pytest.mark.parametrize("change", [remove, replace, remove_the_lock, replace_the_file])
def test_nothing_is_counted_when_the_directory_is_not_the_one_that_was_opened(
    journal: Journal, state: Path, change: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    note(journal, "job-1", ["a.jpg"])
    change(state)
    recorded = put(journal, "b.jpg")
    assert eventually(lambda: journal.problem)
    assert journal.problem == f"the state directory {state} {GONE}"
    assert names(journal.images("job-1", "", 10)) == ["a.jpg"]
    journal.close()
    assert not recorded.is_set()
    assert "without 1 rows" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_directory_that_is_back_is_used_again(journal: Journal, state: Path) -> None:
    state.rename(state.with_name("elsewhere"))
    recorded = put(journal, "a.jpg")
    assert eventually(lambda: journal.problem)
    assert not recorded.is_set()
    state.with_name("elsewhere").rename(state)
    journal.flush(PATIENCE_S)
    assert (recorded.is_set(), journal.problem) == (True, "")
    assert names(journal.images("job-1", "", 10)) == ["a.jpg"]


def test_a_journal_whose_directory_is_gone_leaves_that_of_another_server_alone(
    journal: Journal, state: Path
) -> None:
    note(journal, "job-1", ["a.jpg"])
    shutil.rmtree(state)
    with opened(state, "job-1") as second:
        note(second, "job-1", ["b.jpg"])
        put(journal, "c.jpg")
        journal.close()
        note(second, "job-1", ["d.jpg"])
        assert second.problem == ""
    with closing(Journal(state)) as third:
        assert names(third.images("job-1", "", 10)) == ["b.jpg", "d.jpg"]


def test_whoever_waits_is_told_and_closing_takes_no_longer_than_its_grace(
    journal: Journal, state: Path
) -> None:
    shutil.rmtree(state)
    put(journal, "a.jpg")
    with pytest.raises(StateUnusable, match="did not answer within"):
        journal.flush(0.01)
    began_at = time.monotonic()
    journal.hurry()
    with pytest.raises(StateUnusable, match=f"could not be written: the state directory .* {GONE}"):
        journal.flush(PATIENCE_S)
    journal.close()
    assert time.monotonic() - began_at < 5.0


def test_a_directory_that_cannot_be_looked_at_is_no_reason_to_count_on_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("pixfarm.journal.folder.Path.stat", refuse)
        recorded = put(journal, "a.jpg")
        assert eventually(lambda: journal.problem)
        assert "cannot be used: Permission denied; let the server's user" in journal.problem
        assert not recorded.is_set()
    journal.flush(PATIENCE_S)
    assert recorded.is_set()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS], ids=errno.errorcode.get)
def test_what_forbids_to_write_is_for_the_owner_of_the_directory_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    hint = "let the server's user write there, or give the server another directory with --state"
    assert refusal(tmp_path, monkeypatch, number) == f"{os.strerror(number)}; {hint}"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.ENAMETOOLONG], ids=errno.errorcode.get)
def test_for_any_other_error_another_directory_is_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    hint = "give the server another directory with --state"
    assert refusal(tmp_path, monkeypatch, number) == f"{os.strerror(number)}; {hint}"


def refusal(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> str:
    """Why a directory is not taken whose lock cannot be opened."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr("pixfarm.journal.folder.os.open", refuse)
        with pytest.raises(StateUnusable) as refused:
            StateFolder(folder)
    return str(refused.value).removeprefix(f"the state directory {folder} cannot be used: ")


def test_whoever_is_refused_a_directory_in_use_is_told_how_to_name_another(state: Path) -> None:
    with closing(StateFolder(state)), pytest.raises(StateUnusable, match=r"another directory with --state$"):
        StateFolder(state)
