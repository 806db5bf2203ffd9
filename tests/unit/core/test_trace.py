import json
import logging
from pathlib import Path

import pytest

from pixfarm.trace import Trace
from tests.unit.core.farm_parts import PATIENCE_S, start


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_event_is_a_line_that_is_there_at_once(tmp_path: Path) -> None:
    with Trace(tmp_path / "trace") as trace:
        trace("sent", job="job-1", image="a.jpg")
        (line,) = lines(tmp_path / "trace")
        trace("ended")
        assert len(lines(tmp_path / "trace")) == 2
    assert isinstance(line.pop("t"), float)
    assert line == {"event": "sent", "job": "job-1", "image": "a.jpg"}


@pytest.mark.parametrize("name", ["line\nbreak.jpg", 'quo"te.jpg', "写真.jpg", "\udcff.jpg"])
def test_whatever_an_image_is_called_it_is_one_line(tmp_path: Path, name: str) -> None:
    with Trace(tmp_path / "trace") as trace:
        trace("sent", image=name)
    assert [line["image"] for line in lines(tmp_path / "trace")] == [name]


def test_a_trace_goes_on_where_the_last_server_ended(tmp_path: Path) -> None:
    for event in ("first", "second"):
        with Trace(tmp_path / "trace") as trace:
            trace(event)
    assert [line["event"] for line in lines(tmp_path / "trace")] == ["first", "second"]


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    with Trace(tmp_path / "trace") as trace:

        def write() -> None:
            for _ in range(50):
                trace("sent", image="x" * 200)

        for thread in start(write, map(str, range(8))):
            thread.join(PATIENCE_S)
    assert len(lines(tmp_path / "trace")) == 400


def test_without_a_file_nothing_is_traced() -> None:
    with Trace(None) as trace:
        trace("sent")
    trace.close()


def test_what_comes_after_the_end_is_dropped(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "trace")
    trace.close()
    trace.close()
    trace("sent")
    assert lines(tmp_path / "trace") == []


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Trace(tmp_path / "no" / "trace")


def test_a_full_disk_ends_the_trace_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    with Trace(Path("/dev/full")) as trace:
        trace("sent")
        trace("sent")
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "the trace ends here, it cannot be written: No space left on device")
    ]
