import dataclasses
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from pixfarm.journal import Journal, SizeRange, Sizes
from pixfarm.journal import journal as journal_module
from pixfarm.model import ImageState, JobSpec
from pixfarm.outliers import flag_outliers, usual_sizes
from pixfarm.recipe import Recipe
from pixfarm.tally import Tally
from tests.integration.journal.journal_parts import (
    BASE,
    ORIGIN,
    begin,
    image,
    names,
    note,
    note_looks,
    nothing,
    opened,
    spec,
)

CHECKED: JobSpec = dataclasses.replace(spec(), recipe=Recipe(check=True))


def fill(journal: Journal, count: int, width_px: int = 400, height_px: int = 300) -> None:
    """Images of job-1 that are done, all of one size."""
    for number in range(count):
        record = dataclasses.replace(image(f"{number:04}.jpg"), width_px=width_px, height_px=height_px)
        journal.record("job-1", record, ORIGIN, nothing)
    journal.flush()


def flags(journal: Journal) -> dict[str, tuple[str, ...]]:
    return {record.filename: record.flags for record in journal.images("job-1", "", 1000) if record.flags}


def test_images_with_flags_are_found_among_many_without_and_of_other_jobs(journal: Journal) -> None:
    begin(journal, "job-2")
    note(journal, "job-1", [f"{number}.jpg" for number in range(20)])
    for name in ("z.jpg", "b.jpg", "a.jpg"):
        note_looks(journal, name, 40, 30, "uniform", "clipped")
    journal.record("job-2", dataclasses.replace(image("c.jpg"), flags=("clipped",)), ORIGIN, nothing)
    journal.flush()
    assert names(journal.flagged("job-1", 10)) == ["a.jpg", "b.jpg", "z.jpg"]
    assert names(journal.flagged("job-1", 2)) == ["a.jpg", "b.jpg"]
    assert journal.flagged("job-1", 1)[0].flags == ("uniform", "clipped")
    assert (journal.counted("job-1").flagged, journal.counted("job-2").flagged) == (3, 1)


def test_an_image_that_is_done_again_has_the_flags_of_the_second_time(journal: Journal) -> None:
    note_looks(journal, "a.jpg", 40, 30, "clipped")
    note_looks(journal, "a.jpg", 40, 30)
    assert journal.flagged("job-1", 10) == []
    assert journal.counted("job-1").flagged == 0


def test_sizes_are_those_of_done_images_of_that_job(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_SPAN_ROWS", 3)
    begin(journal, "job-2")
    fill(journal, 10)
    note_looks(journal, "tall.jpg", 400, 900)
    note(journal, "job-1", ["unknown.jpg"])
    note(journal, "job-1", ["failed.jpg"], ImageState.FAILED)
    note(journal, "job-2", ["other.jpg"])
    assert journal.sizes("job-1") == Sizes(Counter({400: 11}), Counter({300: 10, 900: 1}))


@pytest.mark.parametrize(
    ("width_px", "height_px", "is_outside"),
    [(10, 10, False), (20, 20, False), (9, 15, True), (21, 15, True), (15, 9, True), (15, 21, True)],
)
def test_outside_are_sizes_beyond_the_limits(
    journal: Journal, width_px: int, height_px: int, *, is_outside: bool
) -> None:
    note_looks(journal, "a.jpg", width_px, height_px)
    assert bool(list(journal.outside("job-1", SizeRange(10, 20, 10, 20)))) is is_outside


def test_written_flags_leave_the_rest_of_an_image_as_it_was_and_survive(tmp_path: Path) -> None:
    with opened(tmp_path, "job-1") as journal:
        note_looks(journal, "a.jpg", 40, 30, "clipped")
        note_looks(journal, "b.jpg", 40, 30)
        (before,) = journal.flagged("job-1", 10)
        after = dataclasses.replace(before, flags=("clipped", "outlier"))
        journal.write_flags("job-1", [after])
    with closing(Journal(tmp_path)) as journal:
        assert journal.flagged("job-1", 10) == [after]
        assert journal.last_done(BASE, ORIGIN.pipeline, ["a.jpg"]) == {"a.jpg": ORIGIN}


def test_outliers_are_flagged_in_journal_and_tally(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_SPAN_ROWS", 3)
    monkeypatch.setattr("pixfarm.outliers._BATCH", 2)
    tally = Tally()
    fill(journal, 20)
    sizes = {
        "flat": (400, 99),
        "huge": (1201, 300),
        "large": (1200, 900),
        "small": (134, 100),
        "wide": (1300, 1),
    }
    for name, size in sizes.items():
        note_looks(journal, name, *size, *["clipped"] * (name == "wide"))
    tally.ended(journal.flagged("job-1", 1)[0])
    flag_outliers(CHECKED, journal, tally)
    flagged = {"flat": ("outlier",), "huge": ("outlier",), "wide": ("clipped", "outlier")}
    assert flags(journal) == flagged
    assert {record.filename: record.flags for record in tally.flags()} == flagged
    assert tally.counts()["flagged"] == 3


def test_outliers_that_are_flagged_twice_are_flagged_once(journal: Journal) -> None:
    fill(journal, 20)
    note_looks(journal, "flat", 400, 1)
    for _ in range(2):
        tally = Tally()
        flag_outliers(CHECKED, journal, tally)
    assert flags(journal) == {"flat": ("outlier",)}
    assert tally.counts()["flagged"] == 0


@pytest.mark.parametrize(("count", "is_known"), [(8, False), (9, True)], ids=["9 images", "10 images"])
def test_of_fewer_than_ten_images_none_is_an_outlier(journal: Journal, count: int, *, is_known: bool) -> None:
    fill(journal, count)
    note_looks(journal, "flat", 400, 1)
    flag_outliers(CHECKED, journal, Tally())
    assert bool(flags(journal)) is is_known


def test_a_job_that_was_not_to_be_checked_has_no_outliers(journal: Journal) -> None:
    fill(journal, 20)
    note_looks(journal, "flat", 400, 1)
    flag_outliers(spec(), journal, Tally())
    assert flags(journal) == {}


def test_a_job_of_which_images_are_left_has_no_outliers_yet(journal: Journal) -> None:
    fill(journal, 20)
    note_looks(journal, "flat", 400, 1)
    tally = Tally()
    tally.ended(image("left.jpg", ImageState.NOT_DONE))
    flag_outliers(CHECKED, journal, tally)
    assert flags(journal) == {}


def test_the_median_counts_images_not_sizes(journal: Journal) -> None:
    fill(journal, 9, width_px=90, height_px=300)
    for number in range(9):
        note_looks(journal, f"wide_{number}", 900 + number, 300)
    note_looks(journal, "x", 90, 600)
    assert usual_sizes(journal, "job-1") == SizeRange(30, 270, 100, 900)
    note_looks(journal, "y", 910, 600)
    assert usual_sizes(journal, "job-1") == SizeRange(495 / 3, 495 * 3, 100, 900)
