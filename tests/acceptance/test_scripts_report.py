"""What came of each image of a job: in words, as CSV, as JSON; whatever the images are called."""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixfarm.farm import LocalFarm, NodeSpec
from tests.acceptance.pictures import many_images
from tests.acceptance.processes import Ended, Terminals

pytestmark = pytest.mark.xdist_group("report")  # one farm does the directory, once

NASTY = (
    *(
        "two\nlines.png",
        "carriage\rreturn.png",
        'say "x", please.png',
        "\x1b[31mred\x07.png",
        "\u202egpj.png",
    ),
    *("=1+1.png", "+1.png", "-1.png", "@SUM(A1).png", "'quoted.png", "back\\slash.png", " blanks .png"),
    *("Bücher/図.png", "a;b,c\t.png"),
)
ORDINARY = 1000  # and so the images of the job take two pages
BROKEN = "broken.jpg"
HEADER = "filename,state,node,attempts,refusals,seconds,bytes_written,code,message,width_px,height_px,flags"


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalFarm, dict[str, Any]]]:
    """A farm that has done a directory of nasty names, and its report."""
    folder = tmp_path_factory.mktemp("nasty")
    base = many_images(folder / "base", ORDINARY)
    source = base / "input_dir"
    (source / "Bücher").mkdir()
    for name in NASTY:
        os.link(source / "image_0000.png", source / name)
    (source / BROKEN).write_bytes(b"")
    terminals = Terminals(folder)
    with LocalFarm([NodeSpec(0.5, ("--workers", "1", "--delay-s", "0"))] * 2) as farm:
        yield farm, terminals.report(farm, base)


def names_of(report: dict[str, Any]) -> set[str]:
    source = Path(report["base_path"]) / "input_dir"
    return {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}


def shown(
    terminals: Terminals, reported: tuple[LocalFarm, dict[str, Any]], *arguments: object
) -> tuple[Ended, dict[str, Any]]:
    farm, report = reported
    ended = terminals.client(farm, "--report", report["job_id"], *arguments).ended()
    assert (ended.code, ended.err) == (0, "")
    return ended, report


def test_where_the_time_of_the_images_went_adds_up(reported: tuple[LocalFarm, dict[str, Any]]) -> None:
    _, report = reported
    for node in report["nodes"]:
        phases = dict(node["phases"])
        (edges,) = phases.pop("operations")
        assert min(edges, *phases.values()) > 0
        calls_s = node["mean_s"] * node["done"]
        # Between two phases a worker's threads hand images on, which is long only on a busy machine.
        assert calls_s / 2 < sum(phases.values()) + edges < calls_s * 1.001


def test_json_has_every_image_by_its_exact_name(
    terminals: Terminals, reported: tuple[LocalFarm, dict[str, Any]]
) -> None:
    ended, report = shown(terminals, reported, "--json")
    assert ended.out.isascii()
    assert (ended.report["job"]["job_id"], ended.report["job"]["state"]) == (report["job_id"], "finished")
    images = {image["filename"]: image for image in ended.report["images"]}
    assert len(images) == len(ended.report["images"]) == report["total"]
    assert images.keys() == names_of(report)
    failed = images.pop(BROKEN)
    assert (failed["state"], failed["code"], failed["message"]) == ("failed", "UNREADABLE", "is empty")
    assert {image["state"] for image in images.values()} == {"done"}
    assert {image["node"] for image in images.values()} == {"node_1", "node_2"}
    assert all(image["attempts"] == 1 and image["seconds"] > 0 for image in images.values())
    assert sum(image["refusals"] for image in [*images.values(), failed]) == report["rejections"] > 0
    target = Path(report["base_path"]) / "output_dir"
    assert all(image["bytes_written"] == (target / name).stat().st_size for name, image in images.items())


def test_csv_has_every_image_by_a_harmless_name(
    terminals: Terminals, reported: tuple[LocalFarm, dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "images.csv"
    ended, report = shown(terminals, reported, "--csv", path)
    assert ended.out == f"{report['total']} images of job {report['job_id']} written to {path}\n"
    raw = path.read_bytes().decode()
    assert raw.startswith(f"{HEADER}\r\n")
    assert raw.endswith("\r\n")
    rows = list(csv.DictReader(io.StringIO(raw, newline=""), strict=True))
    assert len(rows) == report["total"]
    names = {row["filename"] for row in rows}
    assert not [name for name in names if name.startswith(tuple("=+-@\t\r\n"))]
    escaped = {
        "\x1b[31mred\x07.png": r"\x1b[31mred\x07.png",
        "\u202egpj.png": r"\u202egpj.png",
        "a;b,c\t.png": r"a;b,c\t.png",
    }
    exact = {escaped.get(name, name) for name in names_of(report)}
    assert {name.removeprefix("'") if name[1:2] in "=+-@'" else name for name in names} == exact
    (failed,) = [row for row in rows if row["state"] != "done"]
    assert (failed["filename"], failed["code"], failed["message"]) == (BROKEN, "UNREADABLE", "is empty")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_csv_goes_to_standard_output_too(
    terminals: Terminals, reported: tuple[LocalFarm, dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "images.csv"
    quiet, _ = shown(terminals, reported, "--csv", path, "--quiet")
    assert quiet.out == ""
    ended, _ = shown(terminals, reported, "--csv", "-")
    assert ended.out == path.read_text()


def test_a_pipe_gets_a_harmless_line_for_each_image(
    terminals: Terminals, reported: tuple[LocalFarm, dict[str, Any]]
) -> None:
    ended, report = shown(terminals, reported)
    headline, header, *rows = ended.out.splitlines()
    counts = f"{report['done']:,} of {report['total']:,} done, 1 failed, {report['rejections']:,} refusals"
    assert headline == f"job {report['job_id']}: {counts}, finished"
    assert header.split() == ["state", "node", "time", "size", "tries", "refused", "file"]
    assert len(rows) == report["total"]
    assert all(line.isprintable() for line in ended.out.splitlines())
    start = header.index("file")
    names = [row[start:] for row in rows]
    assert r"two\nlines.png" in names
    assert r"\x1b[31mred\x07.png" in names
    assert "broken.jpg: UNREADABLE: is empty" in names


def test_a_csv_that_cannot_be_written_is_one_line(
    terminals: Terminals, reported: tuple[LocalFarm, dict[str, Any]], tmp_path: Path
) -> None:
    farm, report = reported
    for path, words in (
        (tmp_path / "nowhere" / "x.csv", "No such file or directory"),
        (tmp_path, "is no regular file; write - for standard output"),
    ):
        ended = terminals.client(farm, "--report", report["job_id"], "--csv", path).ended()
        ended.has_one_line(2, "client.py: ", str(path), words)
