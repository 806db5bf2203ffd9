import dataclasses
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm.errors import InvalidRequest
from pixfarm.journal import Provenance
from pixfarm.listing import source_tree
from pixfarm.model import ImageRecord, ImageState, JobSpec
from pixfarm.name_lists import NameList, NameLists
from pixfarm.names import shown
from pixfarm.recipe import OutputFormat, Recipe
from pixfarm.request import Output, Selection
from pixfarm.worklist import Worklist
from tests.unit.core.fake_journal import FakeJournal
from tests.unit.core.farm_parts import as_journal, never, spec, summary


class Site:
    """A base path with images, results, and a journal of jobs on it."""

    def __init__(self, base: Path, *names: str) -> None:
        self.base = base
        self.journal = FakeJournal()
        for name in names:
            self.put(f"input_dir/{name}", b"source")
        self.skipped: list[str] = []
        self.errors: list[str] = []

    def put(self, path: str, content: bytes) -> os.stat_result:
        file = self.base / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file.stat()

    def job(self, job_id: str) -> JobSpec:
        job = spec(self.base, job_id=job_id)
        if self.journal.job(job_id) is None:
            self.journal.add_job(job, job_id.ljust(32, "0"), summary(job_id=job_id))
        return job

    def ended(self, job_id: str, name: str, state: ImageState, origin: Provenance | None = None) -> None:
        self.job(job_id)
        self.journal.record(job_id, ImageRecord(filename=name, state=state), origin, never)

    def done(
        self, name: str, job_id: str = "old", pipeline: str = Recipe().fingerprint, result_name: str = ""
    ) -> None:
        """An image was done, and its result is there."""
        source = (self.base / "input_dir" / name).stat()
        result = self.put(result_name or f"output_dir/{name}", b"the result")
        origin = Provenance(source.st_size, source.st_mtime_ns, result.st_size, result.st_mtime_ns, pipeline)
        self.ended(job_id, name, ImageState.DONE, origin)

    def worklist(
        self,
        *,
        job_id: str = "new",
        listed: NameList | None = None,
        is_resumed: bool = False,
        **options: object,
    ) -> Worklist:
        job = dataclasses.replace(self.job(job_id), **options)  # type: ignore[arg-type]
        tree = source_tree(str(self.base), output_dir=job.output.directory)
        return Worklist(job, tree, as_journal(self.journal), listed, is_resumed=is_resumed)

    def names(self, worklist: Worklist) -> list[str]:
        return sorted(worklist.names(lambda folder, _error: self.errors.append(folder)))

    def to_do(self, worklist: Worklist) -> list[str]:
        names = worklist.names(lambda folder, _error: self.errors.append(folder))
        return sorted(worklist.to_do(names, self.skipped.append))


def test_a_new_job_does_all_images_whatever_came_of_them_before(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg", "b/c.jpg")
    site.done("a.jpg")
    assert (site.to_do(site.worklist()), site.skipped) == (["a.jpg", "b/c.jpg"], [])


def test_a_resumed_job_does_what_has_not_ended(tmp_path: Path) -> None:
    site = Site(tmp_path, *(f"{state.value}.jpg" for state in ImageState), "never started.jpg")
    for state in ImageState:
        site.ended("new", f"{state.value}.jpg", state)
    assert site.to_do(site.worklist(is_resumed=True)) == ["never started.jpg", "not done.jpg"]
    assert site.skipped == []


def test_what_ended_in_another_job_is_done_by_a_resumed_one(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg")
    site.done("a.jpg", "old")
    assert site.to_do(site.worklist(is_resumed=True)) == ["a.jpg"]


def test_a_name_that_is_not_utf_8_ends_but_once(tmp_path: Path) -> None:
    site = Site(tmp_path, os.fsdecode(b"\xff.jpg"))
    site.ended("new", "./\\xff.jpg", ImageState.FAILED)
    assert site.to_do(site.worklist(is_resumed=True)) == []


def test_what_came_of_a_name_that_looks_alike_is_not_taken_for_that_of_another(tmp_path: Path) -> None:
    site = Site(tmp_path, os.fsdecode(b"a\xff.png"), "a\\udcff.png", "a\\xff.png")
    site.done("a\\xff.png")
    site.done("a\\udcff.png")
    assert site.to_do(site.worklist(skip_done=True)) == ["a\udcff.png"]
    assert sorted(site.skipped) == ["a\\udcff.png", "a\\xff.png"]


def test_an_image_with_a_good_result_is_passed_over(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg", "b/c.jpg", "d.jpg")
    site.done("a.jpg")
    site.done("b/c.jpg")
    assert site.to_do(site.worklist(skip_done=True)) == ["d.jpg"]
    assert sorted(site.skipped) == ["a.jpg", "b/c.jpg"]


def touch(path: Path) -> None:
    then = path.stat().st_mtime_ns + 1
    os.utime(path, ns=(then, then))


def resize(path: Path) -> None:
    then = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes() + b"x")
    os.utime(path, ns=(then, then))


@pytest.mark.parametrize("change", [touch, resize], ids=["time", "size"])
def test_an_image_whose_source_has_changed_is_done_again(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    site = Site(tmp_path, "a.jpg")
    site.done("a.jpg")
    change(tmp_path / "input_dir/a.jpg")
    assert (site.to_do(site.worklist(skip_done=True)), site.skipped) == (["a.jpg"], [])


@pytest.mark.parametrize("change", [touch, resize, Path.unlink], ids=["time", "size", "missing"])
def test_an_image_whose_result_has_changed_is_done_again(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    site = Site(tmp_path, "a.jpg")
    site.done("a.jpg")
    change(tmp_path / "output_dir/a.jpg")
    assert (site.to_do(site.worklist(skip_done=True)), site.skipped) == (["a.jpg"], [])


def test_a_folder_is_no_result_however_much_it_looks_like_one(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg")
    (folder := tmp_path / "output_dir/a.jpg").mkdir(parents=True)
    source, result = (tmp_path / "input_dir/a.jpg").stat(), folder.stat()
    origin = Provenance(
        source.st_size, source.st_mtime_ns, result.st_size, result.st_mtime_ns, Recipe().fingerprint
    )
    site.ended("old", "a.jpg", ImageState.DONE, origin)
    assert site.to_do(site.worklist(skip_done=True)) == ["a.jpg"]


@pytest.mark.parametrize("pipeline", ["", "edges/0"], ids=["unknown", "another"])
def test_an_image_of_another_pipeline_is_done_again(tmp_path: Path, pipeline: str) -> None:
    site = Site(tmp_path, "a.jpg")
    site.done("a.jpg", pipeline=pipeline)
    assert site.to_do(site.worklist(skip_done=True)) == ["a.jpg"]


@pytest.mark.parametrize("state", [ImageState.FAILED, ImageState.NOT_DONE])
def test_an_image_that_was_never_done_is_done(tmp_path: Path, state: ImageState) -> None:
    site = Site(tmp_path, "a.jpg")
    site.ended("old", "a.jpg", state)
    assert site.to_do(site.worklist(skip_done=True)) == ["a.jpg"]


def test_the_last_job_that_did_an_image_in_the_same_way_is_believed(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    site.done("a.jpg", "older", pipeline="edges/0")
    site.done("a.jpg", "old")
    site.done("b.jpg", "older")
    site.done("b.jpg", "old", pipeline="resize", result_name="thumbnails/b.jpg")
    site.done("c.jpg", "older")
    site.done("c.jpg", "old", pipeline="edges/0")
    touch(tmp_path / "output_dir/c.jpg")  # as written by the later job
    assert site.to_do(site.worklist(skip_done=True)) == ["c.jpg"]


def test_a_result_that_was_passed_over_is_passed_over_the_next_time_too(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg")
    site.done("a.jpg", "old")
    site.ended("second", "a.jpg", ImageState.SKIPPED)
    assert (site.to_do(site.worklist(skip_done=True)), site.skipped) == ([], ["a.jpg"])


def test_a_resumed_job_passes_over_no_image_twice(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg", "b.jpg")
    site.done("a.jpg")
    site.done("b.jpg")
    site.ended("new", "a.jpg", ImageState.SKIPPED)
    assert (site.to_do(site.worklist(skip_done=True, is_resumed=True)), site.skipped) == ([], ["b.jpg"])


def test_more_images_than_are_looked_at_at_once_are_all_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixfarm.worklist.BATCH", 8)
    names = [f"{i:04}.jpg" for i in range(21)]
    site = Site(tmp_path, *names)
    for name in names[::2]:
        site.done(name)
    assert site.to_do(site.worklist(skip_done=True)) == names[1::2]
    assert sorted(site.skipped) == names[::2]


def test_the_first_images_are_there_before_all_are_listed(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.job("new")
    listed: list[int] = []

    def names() -> Iterator[str]:
        for i in range(1000):
            listed.append(i)
            yield f"{i}.jpg"

    assert next(site.worklist(is_resumed=True).to_do(names(), site.skipped.append)) == "0.jpg"
    assert len(listed) < 1000


def test_what_failed_or_was_not_done_is_tried_again_by_a_retry(tmp_path: Path) -> None:
    site = Site(tmp_path, *(f"{state.value}.jpg" for state in ImageState), "new.jpg")
    for state in ImageState:
        site.ended("old", f"{state.value}.jpg", state)
    assert site.to_do(site.worklist(retry_of="old")) == ["failed.jpg", "not done.jpg"]


def test_a_retry_takes_what_failed_page_by_page(tmp_path: Path) -> None:
    site = Site(tmp_path)
    names = [f"{i:04}.jpg" for i in range(600)]
    for name in names:
        site.ended("old", name, ImageState.FAILED)
    assert site.to_do(site.worklist(retry_of="old")) == names


@pytest.mark.parametrize(
    ("folder", "names"), [("b/", ["b/c.jpg", "b/d/e.jpg"]), ("./", ["a.jpg", "b/c.jpg", "b/d/e.jpg"])]
)
def test_a_folder_that_could_not_be_listed_is_listed_again_by_a_retry(
    tmp_path: Path, folder: str, names: list[str]
) -> None:
    site = Site(tmp_path, "a.jpg", "b/c.jpg", "b/d/e.jpg")
    site.ended("old", folder, ImageState.FAILED)
    assert site.to_do(site.worklist(retry_of="old")) == names


def test_a_name_that_is_not_utf_8_is_tried_again_by_a_retry_as_it_is(tmp_path: Path) -> None:
    name = os.fsdecode(b"b\xfe/a\\\xff.png")
    site = Site(tmp_path, name)
    site.ended("old", shown(name), ImageState.FAILED)
    assert site.to_do(site.worklist(retry_of="old")) == [name]


def test_a_folder_whose_name_is_not_utf_8_is_listed_again_by_a_retry(tmp_path: Path) -> None:
    folder = os.fsdecode(b"b\xff/")
    site = Site(tmp_path, "a.jpg", f"{folder}c.jpg")
    site.ended("old", shown(folder), ImageState.FAILED)
    assert site.to_do(site.worklist(retry_of="old")) == [f"{folder}c.jpg"]
    site.ended("new", shown(folder), ImageState.FAILED)
    assert site.worklist(is_resumed=True).is_ended(folder)


def test_a_folder_that_still_cannot_be_listed_is_told_by_a_retry(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.put("input_dir/x.txt", b"")
    site.ended("old", "gone/", ImageState.FAILED)
    assert (site.to_do(site.worklist(retry_of="old")), site.errors) == ([], ["gone/"])


def test_a_retry_that_is_resumed_does_what_it_has_not_done(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg", "b.jpg")
    for name in ("a.jpg", "b.jpg"):
        site.ended("old", name, ImageState.FAILED)
    site.ended("new", "a.jpg", ImageState.DONE)
    assert site.to_do(site.worklist(retry_of="old", is_resumed=True)) == ["b.jpg"]


def test_whether_a_folder_has_ended_is_asked_only_of_an_earlier_run(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.ended("new", "locked/", ImageState.FAILED)
    assert site.worklist(is_resumed=True).is_ended("locked/")
    assert not site.worklist(is_resumed=True).is_ended("other/")
    assert not site.worklist().is_ended("locked/")


def test_a_result_is_looked_for_where_it_goes_and_by_its_name(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.png", "b/c.png")
    recipe = Recipe(format=OutputFormat.JPG)
    output = Output(str(tmp_path / "web"), "{stem}_{op}{ext}")
    site.done("a.png", pipeline=recipe.fingerprint, result_name="web/a_edges.jpg")
    site.done("b/c.png", pipeline=recipe.fingerprint, result_name="output_dir/b/c_edges.jpg")
    assert site.to_do(site.worklist(skip_done=True, recipe=recipe, output=output)) == ["b/c.png"]
    assert site.skipped == ["a.png"]


def age(path: Path, seconds: float) -> None:
    os.utime(path, (seconds, seconds))


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(include=("*.jpg",)), ["a.jpg", "b/c.jpg"]),
        (Selection(exclude=("b/",)), ["a.jpg", "d.png"]),
        (Selection(newer_than=99.0), ["a.jpg", "b/c.jpg", "d.png"]),
        (Selection(newer_than=100.0), ["b/c.jpg", "d.png"]),
        (Selection(newer_than=100.5), ["d.png"]),
        (Selection(include=("*.jpg",), newer_than=100.0), ["b/c.jpg"]),
        (Selection(limit=5), ["a.jpg", "b/c.jpg", "d.png"]),
    ],
    ids=["include", "exclude", "older", "as old", "fractions", "both", "more than there are"],
)
def test_a_selection_is_of_all_that_there_is(tmp_path: Path, selection: Selection, names: list[str]) -> None:
    site = Site(tmp_path, "a.jpg", "b/c.jpg", "d.png")
    for name, seconds in (("a.jpg", 100.0), ("b/c.jpg", 100.5), ("d.png", 101.0)):
        age(tmp_path / "input_dir" / name, seconds)
    assert site.names(site.worklist(selection=selection)) == names


def test_a_limit_counts_what_is_left_before_results_are_looked_at(tmp_path: Path) -> None:
    site = Site(tmp_path, *(f"{i}.jpg" for i in range(9)), *(f"{i}.png" for i in range(9)))
    worklist = site.worklist(selection=Selection(include=("*.jpg",), limit=4), skip_done=True)
    chosen = site.names(worklist)
    assert len(chosen) == 4
    assert all(name.endswith(".jpg") for name in chosen)
    for name in chosen[:3]:
        site.done(name)
    assert (site.to_do(worklist), sorted(site.skipped)) == (chosen[3:], chosen[:3])


def test_both_passes_over_a_directory_choose_the_same(tmp_path: Path) -> None:
    site = Site(tmp_path, *(f"{i % 3}/{i}.jpg" for i in range(30)))
    worklist = site.worklist(selection=Selection(newer_than=1.0, limit=7))
    assert site.names(worklist) == site.names(worklist)


def test_more_images_than_are_looked_at_at_once_are_all_asked_for_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixfarm.worklist.BATCH", 8)
    names = [f"{i:04}.jpg" for i in range(21)]
    site = Site(tmp_path, *names)
    for name in names[::2]:
        age(tmp_path / "input_dir" / name, 100.0)
    assert site.names(site.worklist(selection=Selection(newer_than=100.0))) == names[1::2]


def test_a_folder_that_cannot_be_listed_is_told_unless_it_is_left_out(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg", "b/c.jpg", "d/e.jpg")
    names = site.worklist(selection=Selection(exclude=("d/",))).names(
        lambda name, _: site.errors.append(name)
    )
    assert next(names) == "a.jpg"
    shutil.rmtree(tmp_path / "input_dir/b")
    shutil.rmtree(tmp_path / "input_dir/d")
    assert (list(names), site.errors) == ([], ["b/"])


def kept(folder: Path, *names: str) -> NameList:
    return NameLists(folder / "lists").draft(names)


def test_a_list_is_done_as_it_is_whatever_is_there(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg", "b.jpg")
    listed = kept(tmp_path, "gone.jpg", "a.jpg", "text.txt")
    assert site.names(site.worklist(listed=listed)) == ["a.jpg", "gone.jpg", "text.txt"]


def test_a_selection_is_of_a_list_and_what_is_not_there_counts_as_new(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    listed = kept(tmp_path, "a.jpg", "b.jpg", "gone.jpg", "gone.txt")
    age(tmp_path / "input_dir/a.jpg", 100.0)
    selection = Selection(include=("*.jpg",), newer_than=100.0)
    assert site.names(site.worklist(listed=listed, selection=selection)) == ["b.jpg", "gone.jpg"]


def test_results_that_would_share_a_name_are_found_among_those_chosen(tmp_path: Path) -> None:
    site = Site(tmp_path, "a.jpg", "a.png", "b/a.tif")
    recipe = Recipe(format=OutputFormat.WEBP)
    with pytest.raises(InvalidRequest, match=r"would both become 'a\.webp'"):
        site.worklist(recipe=recipe).check_results()
    site.worklist(recipe=recipe, selection=Selection(exclude=("*.png",))).check_results()
    with pytest.raises(InvalidRequest, match=r"would both become 'a\.webp'"):
        site.worklist(recipe=recipe, listed=kept(tmp_path, "a.jpg", "b/a.tif", "a.png")).check_results()


def test_where_no_names_can_collide_nothing_is_listed(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for folder in tmp_path.glob("*"):
        folder.rmdir()
    site.worklist(output=Output(name="{stem}_2{ext}")).check_results()
    assert site.errors == []
