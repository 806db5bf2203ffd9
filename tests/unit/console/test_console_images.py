import io
import itertools
import json
from collections.abc import Iterator

import pytest

from pixfarm.console import print_images, print_images_document
from pixfarm.model import ImageRecord, ImageState, JobState, NodeCounts
from tests.unit.console.samples import HARMLESS, HOSTILE, NODES, Terminal, status

JOB = status(state=JobState.FINISHED, done=2, failed=1, skipped=1, total=5, not_done=1, nodes=NODES)
RECORDS = (
    ImageRecord(
        filename="a.jpg",
        state=ImageState.DONE,
        node="node_1",
        attempts=1,
        refusals=12,
        seconds=0.0184,
        bytes_written=12_345,
    ),
    ImageRecord(filename="b.jpg", state=ImageState.SKIPPED),
    ImageRecord(
        filename="sub/broken.jpg",
        state=ImageState.FAILED,
        node="node_2",
        attempts=2,
        code="UNREADABLE",
        message="no image",
    ),
    ImageRecord(filename="z.jpg", state=ImageState.NOT_DONE, code="CANCELLED", message="the job stopped"),
)
FLAGGED = ImageRecord(
    filename="flat.jpg",
    state=ImageState.DONE,
    node="node_1",
    attempts=1,
    flags=("clipped", "outlier"),
    width_px=1600,
    height_px=12,
)


def test_a_pipe_gets_a_line_for_each_image() -> None:
    stream = io.StringIO()
    print_images(JOB, RECORDS, stream)
    assert stream.getvalue().splitlines() == [
        "job job-7: 2 of 5 done, 1 already done, 1 failed, 1 not done, finished",
        "  state     node       time     size  tries  refused  file",
        "  done      node_1    18 ms  12.3 kB      1       12  a.jpg",
        "  skipped   -             -        -      0        0  b.jpg",
        "  failed    node_2        -        -      2        0  sub/broken.jpg: UNREADABLE: no image",
        "  not done  -             -        -      0        0  z.jpg: CANCELLED: the job stopped",
    ]


def test_a_terminal_gets_the_same_columns_and_reasons_below(terminal: Terminal) -> None:
    print_images(JOB, RECORDS, terminal)
    assert terminal.text().splitlines() == [
        "job job-7: 2 of 5 done, 1 already done, 1 failed, 1 not done, finished",
        "  state     node       time     size  tries  refused  file",
        "  done      node_1    18 ms  12.3 kB      1       12  a.jpg",
        "  skipped   -             -        -      0        0  b.jpg",
        "  failed    node_2        -        -      2        0  sub/broken.jpg",
        "    UNREADABLE: no image",
        "  not done  -             -        -      0        0  z.jpg",
        "    CANCELLED: the job stopped",
    ]


def test_an_image_that_looks_wrong_is_told_with_flags_and_size() -> None:
    stream = io.StringIO()
    print_images(JOB, [FLAGGED], stream)
    told = stream.getvalue().splitlines()[-1]
    assert told.endswith("  flat.jpg: looks wrong: clipped, outlier (1600 x 12 px)")


def test_a_terminal_tells_below_an_image_that_it_looks_wrong(terminal: Terminal) -> None:
    print_images(JOB, [FLAGGED], terminal)
    assert terminal.text().splitlines()[-1] == "    looks wrong: clipped, outlier (1600 x 12 px)"
    assert "\x1b[33mlooks wrong" in terminal.getvalue()


@pytest.mark.parametrize(("width", "columns"), [(70, 5), (60, 4), (50, 3), (40, 2), (20, 1)])
def test_a_narrow_terminal_leaves_out_the_last_columns_not_the_name(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, width: int, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_images(JOB, RECORDS[:1], terminal)
    header = terminal.text().splitlines()[-2]
    assert header.split() == [*("state", "node", "time", "size", "tries")[:columns], "file"]


@pytest.mark.parametrize("width", [24, 40, 80, 120])
def test_a_long_name_folds_within_its_column_and_loses_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    name = "".join(itertools.islice(itertools.cycle("abcdefghij"), 250)) + "図.jpg"
    record = ImageRecord(filename=name, state=ImageState.DONE, node="node_1", attempts=1)
    print_images(JOB, [record], terminal)
    lines = terminal.text().splitlines()
    header = next(number for number, line in enumerate(lines) if line.endswith("  file"))
    start = lines[header].index("file")
    assert "".join(line[start:] for line in lines[header + 1 :]) == name
    assert max(map(len, lines[header:])) <= width


def test_images_are_printed_as_they_come() -> None:
    stream = io.StringIO()

    def records() -> Iterator[ImageRecord]:
        for number, record in enumerate(RECORDS):
            assert len(stream.getvalue().splitlines()) == number + 2
            yield record

    print_images(JOB, records(), stream)


def test_columns_are_as_wide_as_the_names_of_the_nodes_up_to_a_limit() -> None:
    for length, width in ((3, 4), (9, 9), (40, 16)):
        stream = io.StringIO()
        node = NodeCounts("n" * length, done=1, refused=0, failed=0, mean_s=0.0)
        print_images(status(nodes=(node,)), [], stream)
        assert stream.getvalue().splitlines()[1].index("time") == 2 + 8 + 2 + width + 2 + 3


@pytest.mark.parametrize("is_terminal", [False, True], ids=["pipe", "terminal"])
def test_hostile_names_are_whole_and_harmless(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    stream = terminal if is_terminal else io.StringIO()
    record = ImageRecord(
        filename=HOSTILE, state=ImageState.FAILED, node=HOSTILE, code="NEW\nCODE", message=HOSTILE
    )
    print_images(status(job_id=HOSTILE), [record], stream)
    shown = terminal.text() if is_terminal else stream.getvalue()
    assert shown.count(HARMLESS) == 4
    assert all(line.isprintable() for line in shown.splitlines())


@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_document_holds_the_job_and_its_images(number: int) -> None:
    stream = io.StringIO()
    print_images_document(JOB, iter(RECORDS[:number]), stream)
    document = json.loads(stream.getvalue())
    assert (document["job"]["job_id"], document["job"]["skipped"]) == ("job-7", 1)
    assert [image["filename"] for image in document["images"]] == [
        record.filename for record in RECORDS[:number]
    ]
    assert len(stream.getvalue().splitlines()[-number - 1 :]) == number + 1  # a line for each


def test_a_document_has_every_field_of_an_image_and_any_name_as_it_was() -> None:
    stream = io.StringIO()
    record = ImageRecord(filename=HOSTILE, state=ImageState.FAILED, node="n", code="IO", message='"')
    print_images_document(JOB, [record], stream)
    assert stream.getvalue().isascii()
    (image,) = json.loads(stream.getvalue())["images"]
    assert image == {
        "filename": HOSTILE,
        "state": "failed",
        "node": "n",
        "attempts": 0,
        "refusals": 0,
        "seconds": 0.0,
        "bytes_written": 0,
        "code": "IO",
        "message": '"',
        "flags": [],
        "width_px": 0,
        "height_px": 0,
    }
