import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm.console import save_csv
from pixfarm.console.spreadsheet import HEADER, write_csv
from pixfarm.errors import AnswerLost, UsageError
from pixfarm.model import ImageRecord, ImageState

DONE = ImageRecord(
    filename="a.jpg",
    state=ImageState.DONE,
    node="node_1",
    attempts=1,
    refusals=12,
    seconds=0.018400000000000003,
    bytes_written=12_345,
    flags=("clipped", "outlier"),
    width_px=1600,
    height_px=1200,
)


def named(filename: str) -> ImageRecord:
    return ImageRecord(filename=filename, state=ImageState.SKIPPED)


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def written(*records: ImageRecord) -> str:
    stream = io.StringIO(newline="")
    assert write_csv(records, stream) == len(records)
    return stream.getvalue()


def read_back(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_there_is_a_header_and_a_row_for_each_image() -> None:
    failed = ImageRecord(
        filename="sub/b.jpg", state=ImageState.NOT_DONE, code="CANCELLED", message="not done: the job stopped"
    )
    assert written(DONE, failed) == (
        "filename,state,node,attempts,refusals,seconds,bytes_written,code,message,width_px,height_px,flags\r\n"
        "a.jpg,done,node_1,1,12,0.0184,12345,,,1600,1200,clipped outlier\r\n"
        "sub/b.jpg,not done,,0,0,0.0,0,CANCELLED,not done: the job stopped,0,0,\r\n"
    )


def test_a_job_without_images_is_a_header() -> None:
    assert written() == ",".join(HEADER) + "\r\n"


@pytest.mark.parametrize(
    "name",
    [
        "a,b.jpg",
        'say "x".jpg',
        "two\nlines.jpg",
        "two\r\nlines.jpg",
        " blanks .jpg",
        "Bücher/図.jpg",
        "a;b.jpg",
    ],
)
def test_a_name_that_csv_can_hold_comes_back_as_it_was(name: str) -> None:
    assert [row["filename"] for row in read_back(written(named(name), DONE))] == [name, "a.jpg"]


@pytest.mark.parametrize("first", list("=+-@\uff1d\uff0b\uff0d\uff20'\n\r"))
def test_a_name_that_could_be_a_formula_has_an_apostrophe_before_it(first: str) -> None:
    name = f"{first}cmd|'/C calc'!A0.jpg"
    (row,) = read_back(written(named(name)))
    assert row["filename"] == f"'{name}"


@pytest.mark.parametrize("field", ["node", "code", "message"])
def test_no_other_text_can_be_a_formula_either(field: str) -> None:
    record = ImageRecord(filename="a.jpg", state=ImageState.FAILED, **{field: "=1+1"})  # type: ignore[arg-type]
    assert read_back(written(record))[0][field] == "'=1+1"


def test_no_flag_of_a_newer_node_can_be_a_formula() -> None:
    record = ImageRecord(filename="a.jpg", state=ImageState.DONE, flags=("=1+1", "x"))
    assert read_back(written(record))[0]["flags"] == "'=1+1 x"


def test_control_characters_are_shown_as_escapes() -> None:
    (row,) = read_back(written(named("\x1b[2J\x00\t\x7f\x9b\u202egpj.jpg")))
    assert row["filename"] == r"\x1b[2J\x00\t\x7f\x9b\u202egpj.jpg"


def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "images.csv"
    assert save_csv([DONE, named("Bücher.jpg")], path) == 2
    assert path.read_bytes() == written(DONE, named("Bücher.jpg")).encode()
    assert files_in(tmp_path) == ["images.csv"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "images.csv"
    before = written(named("of before"))
    path.write_text(before, newline="")

    def lost_on_the_way() -> Iterator[ImageRecord]:
        yield DONE
        assert path.read_bytes() == before.encode()
        raise AnswerLost("server was lost")

    with pytest.raises(AnswerLost):
        save_csv(lost_on_the_way(), path)
    assert path.read_bytes() == before.encode()
    assert files_in(tmp_path) == ["images.csv"]


def test_a_file_that_is_no_such_csv_is_not_replaced(tmp_path: Path) -> None:
    photograph = tmp_path / "holiday.jpg"
    photograph.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(UsageError, match=r"holiday\.jpg is there and no such CSV; move it away"):
        save_csv([DONE], photograph)
    assert photograph.read_bytes() == b"\xff\xd8\xff"
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_an_earlier_csv_and_an_empty_file_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "done.csv"
    path.touch()
    assert save_csv([DONE], path) == 1
    assert save_csv([DONE, DONE], path) == 2
    assert len(path.read_text().splitlines()) == 3


def test_a_csv_of_a_version_that_had_fewer_columns_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "done.csv"
    path.write_text(
        "filename,state,node,attempts,refusals,seconds,bytes_written,code,message\r\n", newline=""
    )
    save_csv([DONE], path)
    assert path.read_bytes() == written(DONE).encode()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text(written(named("of before")), newline="")
    link.symlink_to(target)
    save_csv([DONE], link)
    assert link.is_symlink()
    assert target.read_bytes() == written(DONE).encode()


def test_what_is_no_regular_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path):
        with pytest.raises(UsageError, match="is no regular file; write - for standard output"):
            save_csv([DONE], path)
    assert (tmp_path / "fifo").is_fifo()


def test_a_file_in_a_folder_that_is_not_there_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    def nothing_asked() -> Iterator[ImageRecord]:
        raise AssertionError
        yield

    with pytest.raises(UsageError, match=r"cannot write .*/nowhere/x\.csv: No such file or directory"):
        save_csv(nothing_asked(), tmp_path / "nowhere" / "x.csv")
