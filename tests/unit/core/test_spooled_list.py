import io
from pathlib import Path

import pytest

from pixfarm.errors import InvalidRequest
from pixfarm.spooled_list import FirstNews, SpooledList
from tests.unit.console.samples import status


class Screen:
    """A display that keeps what it is given."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def show(self, status: object) -> None:
        self.seen.append(status)

    def say(self, text: str) -> None:
        self.seen.append(text)


def test_what_is_read_is_in_a_hidden_file_until_it_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "output_dir"
    with SpooledList(folder, "job-1", io.BytesIO(b"a.jpg\n\xff.jpg\0")) as listed:
        assert listed.path == folder / ".files-job-1.txt"
        assert listed.path.read_bytes() == b"a.jpg\n\xff.jpg\0"
        listed.remove()
        assert list(folder.iterdir()) == []


def test_it_is_removed_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), SpooledList(tmp_path, "job-1", io.BytesIO(b"a.jpg")):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_complaint_of_the_server_is_about_standard_input(tmp_path: Path) -> None:
    with (
        pytest.raises(InvalidRequest, match=r"^standard input:7: '/x' does not lie below /base$"),
        SpooledList(tmp_path, "job-1", io.BytesIO(b"a.jpg")) as listed,
    ):
        raise InvalidRequest(f"{listed.path}:7: '/x' does not lie below /base")


def test_a_base_path_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="No such file or directory; write it to a file"):
        SpooledList(tmp_path / "gone" / "output_dir", "job-1", io.BytesIO(b"a.jpg"))
    assert list(tmp_path.iterdir()) == []


def test_there_is_an_end_to_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixfarm.spooled_list.MOST_MIB", 1)
    with pytest.raises(InvalidRequest, match="has more than 1 MiB"):
        SpooledList(tmp_path, "job-1", io.BytesIO(bytes(2**20 + 1)))
    assert list(tmp_path.iterdir()) == []


def test_the_first_news_of_a_job_come_before_they_are_shown() -> None:
    screen = Screen()
    display = FirstNews(screen, lambda: screen.seen.append("first"))
    news = status()
    display.say("hello")
    display.show(news)
    assert screen.seen == ["hello", "first", news]


def test_a_standard_input_that_is_closed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InvalidRequest, match="standard input is closed"):
        SpooledList(tmp_path, "job-1")
    assert list(tmp_path.iterdir()) == []
