"""Jobs about some images of a directory, and jobs whose results go elsewhere or are called otherwise."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixfarm.errors import FailureCode, InvalidRequest, TaskFailed
from pixfarm.model import ImageState, JobSpec, JobState, Task
from pixfarm.name_lists import NameLists
from pixfarm.recipe import OutputFormat, Recipe
from pixfarm.request import Output, Selection
from tests.unit.core.fake_journal import FakeJournal
from tests.unit.core.fake_nodes import failing
from tests.unit.core.farm_parts import fill, fleet_of, summary
from tests.unit.core.jobs_rig import BALANCED, JobsRig, server

WEBP = Recipe(format=OutputFormat.WEBP)


@pytest.fixture
def lists(tmp_path: Path) -> NameLists:
    return NameLists(tmp_path / "lists")


@pytest.fixture
def rig(lists: NameLists) -> Iterator[JobsRig]:
    with server(lists=lists) as rig:
        yield rig


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (base := tmp_path / "base").mkdir()
    return fill(base, 4)


def list_of(base: Path, *names: str) -> Selection:
    path = base / "list.txt"
    path.write_text("\n".join(names))
    return Selection(files_from=str(path))


def kept(lists_folder: Path) -> list[str]:
    return sorted(path.name for path in lists_folder.iterdir()) if lists_folder.exists() else []


def test_only_what_was_chosen_is_done_and_counted(rig: JobsRig, base: Path) -> None:
    rig.submit(base, "job-1", selection=Selection(include=("img_000[12].jpg",)))
    (report,) = rig.finish(1)
    assert (report.state, report.total, report.done) == (JobState.FINISHED, 2, 2)
    assert sorted(rig.journal.states("job-1")) == ["img_0001.jpg", "img_0002.jpg"]


def test_nodes_are_told_where_results_go_and_what_they_are_called(rig: JobsRig, base: Path) -> None:
    output = Output(str(base.parent / "web"), "{stem}_{op}{ext}")
    rig.submit(base, selection=Selection(limit=1), output=output, recipe=WEBP)
    (report,) = rig.finish(1)
    (task,) = rig.nodes.tasks
    assert task.output_dir == output.directory
    assert task.result == task.filename.replace(".jpg", "_edges.webp")
    assert report.output == output


def test_nodes_are_told_nothing_of_what_is_usual(rig: JobsRig, base: Path) -> None:
    rig.submit(base, selection=Selection(limit=1))
    rig.finish(1)
    assert [(task.output_dir, task.result) for task in rig.nodes.tasks] == [("", "")]


def test_what_broken_attempts_left_is_looked_for_under_the_names_of_results(base: Path) -> None:
    left: list[Path] = []

    def crash_once(task: Task) -> None:
        if not left:
            left.append(Path(task.output_dir) / f".{task.result}.{task.attempt_id}.part")
            left[0].parent.mkdir()
            left[0].touch()
            raise TaskFailed(FailureCode.CRASHED, "its worker died")

    with server(answer=crash_once, fleet=fleet_of(0.0, 0.0, workers=2)) as rig:
        output = Output(str(base.parent / "web"), "{stem}_2{ext}")
        rig.submit(base, output=output, selection=Selection(include=("img_0001.*",)))
        (report,) = rig.wait_for_ends(1)
    assert (report.done, report.retries) == (1, 1)
    assert not left[0].exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"selection": Selection(include=("[",))}, "--include '\\[': matches nothing"),
        ({"output": Output(name="{stem}.jpg")}, "must end in {ext}"),
        ({"output": Output(directory="web")}, "output directory 'web' is not absolute"),
        ({"selection": Selection(files_from="/no/such/list")}, "the list /no/such/list cannot be read"),
        ({"selection": Selection(files_from="list.txt")}, "is not absolute"),
    ],
    ids=["pattern", "name", "directory", "list", "relative list"],
)
def test_what_cannot_be_carried_out_leaves_no_job(
    rig: JobsRig, base: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        rig.submit(base, "job-1", **options)  # type: ignore[arg-type]
    assert rig.jobs.all() == []


def test_results_that_would_share_a_name_leave_no_job_and_no_list(
    rig: JobsRig, base: Path, tmp_path: Path
) -> None:
    (base / "img_0001.png").touch()
    with pytest.raises(InvalidRequest, match=r"would both become 'img_0001\.webp'"):
        rig.submit(base, "job-1", recipe=WEBP, selection=list_of(base, "img_0001.jpg", "img_0001.png"))
    assert (rig.jobs.all(), kept(tmp_path / "lists")) == ([], [])
    assert rig.nodes.asked == []


def test_a_listed_image_that_is_not_there_fails_and_the_others_are_done(
    lists: NameLists, base: Path, tmp_path: Path
) -> None:
    def answer(task: Task) -> None:
        if task.filename == "gone.txt":
            raise TaskFailed(FailureCode.NOT_FOUND, "there is no such file")

    with server(lists=lists, answer=answer) as rig:
        rig.submit(base, "job-1", selection=list_of(base, "img_0000.jpg", "gone.txt", f"{base}/img_0003.jpg"))
        (report,) = rig.wait_for_ends(1)
    assert (report.total, report.done, report.failed) == (3, 2, 1)
    assert [(failure.filename, failure.code) for failure in report.failures] == [("gone.txt", "NOT_FOUND")]


def test_a_list_is_kept_until_its_job_is_finished(rig: JobsRig, base: Path, tmp_path: Path) -> None:
    rig.submit(base, "job-1", selection=list_of(base, "img_0000.jpg"))
    (base / "list.txt").unlink()
    assert kept(tmp_path / "lists") == ["job-1"]
    rig.finish(1)
    assert kept(tmp_path / "lists") == []


def test_a_job_that_was_cancelled_keeps_its_list_to_be_resumed(
    rig: JobsRig, base: Path, tmp_path: Path
) -> None:
    job = rig.submit(base, "job-1", selection=list_of(base, *(f"{i}.jpg" for i in range(200))))
    rig.gate.wait_until_held(1)
    job.cancel("cancelled on request")
    (report,) = rig.finish(1)
    assert (report.state, kept(tmp_path / "lists")) == (JobState.CANCELLED, ["job-1"])
    rig.jobs.resume("job-1")
    assert (rig.finish(2)[1].done, kept(tmp_path / "lists")) == (200, [])


def test_of_two_that_submit_one_id_with_other_lists_the_first_one_counts(
    rig: JobsRig, base: Path, tmp_path: Path
) -> None:
    rig.submit(base, "job-1", selection=list_of(base, "img_0000.jpg"))
    rig.submit(base, "job-1", selection=list_of(base, "img_0001.jpg"))
    (report,) = rig.finish(1)
    assert (report.total, list(rig.journal.states("job-1"))) == (1, ["img_0000.jpg"])


def test_a_known_id_with_results_elsewhere_is_another_request(rig: JobsRig, base: Path) -> None:
    output = Output("/web", "{stem}_2{ext}")
    rig.submit(base, "job-1", output=output)
    with pytest.raises(InvalidRequest, match=r"edges, into /web, named \{stem\}_2\{ext\}; choose another id"):
        rig.submit(base, "job-1")
    assert rig.submit(base, "job-1", output=output) is not None


def test_whoever_attaches_need_not_know_what_was_chosen(rig: JobsRig, base: Path) -> None:
    job = rig.submit(base, "job-1", selection=Selection(limit=1))
    assert rig.submit(base, "job-1") is job


def test_a_retry_takes_no_choice(lists: NameLists, base: Path) -> None:
    with server(lists=lists, answer=failing(FailureCode.UNREADABLE)) as rig:
        rig.submit(base, "job-1")
        rig.wait_for_ends(1)
        with pytest.raises(InvalidRequest, match="leave out what chooses images"):
            rig.submit(base, "job-2", retry_of="job-1", selection=Selection(limit=1))
        rig.submit(base, "job-2", retry_of="job-1", output=Output(name="{stem}_2{ext}"))
        rig.wait_for_ends(2)
        assert {task.result for task in rig.nodes.tasks[4:]} == {f"img_{i:04}_2.jpg" for i in range(4)}


def left_behind(base: Path, state: JobState, **options: object) -> FakeJournal:
    """The journal of a server that died when its job had done one image."""
    journal = FakeJournal()
    spec = dataclasses.replace(JobSpec("job-1", str(base), BALANCED), **options)  # type: ignore[arg-type]
    journal.add_job(spec, 32 * "a", summary(state, "job-1", str(base)))
    return journal


def test_a_job_goes_on_with_its_own_list_after_a_restart(
    lists: NameLists, base: Path, tmp_path: Path
) -> None:
    lists.draft(["img_0001.jpg", "img_0002.jpg"]).keep("job-1")
    journal = left_behind(base, JobState.RUNNING, selection=Selection(files_from="/gone/list.txt"))
    with server(journal, lists=lists) as rig:
        (report,) = rig.finish(1)
    assert (report.state, report.total) == (JobState.FINISHED, 2)
    assert set(rig.journal.states("job-1").values()) == {ImageState.DONE}
    assert kept(tmp_path / "lists") == []


def test_a_job_of_the_first_images_goes_on_with_the_same_though_others_have_come(
    lists: NameLists, base: Path, tmp_path: Path
) -> None:
    chosen = Selection(limit=2)
    with server(lists=lists) as rig:
        rig.submit(base, "job-1", selection=chosen)
        assert rig.finish(1)[0].total == 2
        first = set(rig.journal.states("job-1"))
    lists.draft(sorted(first)).keep("job-1")  # as if it had not been finished
    journal = left_behind(base, JobState.RUNNING, selection=chosen)
    for number in range(9):
        (base / f"new_{number}.jpg").touch()
    with server(journal, lists=lists) as rig:
        (report,) = rig.finish(1)
    assert (report.state, report.total) == (JobState.FINISHED, 2)
    assert set(rig.journal.states("job-1")) == first


@pytest.mark.parametrize(
    ("state", "left"),
    [
        (JobState.PAUSED, ["job-1"]),
        (JobState.CANCELLED, ["job-1"]),
        (JobState.GAVE_UP, ["job-1"]),
        (JobState.FINISHED, []),
    ],
    ids=["paused", "cancelled", "gave up", "finished"],
)
def test_lists_that_nobody_will_go_on_with_are_removed_at_the_start(
    lists: NameLists, base: Path, tmp_path: Path, state: JobState, left: list[str]
) -> None:
    for job_id in ("job-1", "unheard-of"):
        lists.draft(["img_0001.jpg"]).keep(job_id)
    lists.draft(["img_0001.jpg"])
    journal = left_behind(base, state, selection=Selection(files_from="/gone/list.txt"))
    with server(journal, lists=lists):
        assert kept(tmp_path / "lists") == left


def test_a_job_whose_list_is_gone_is_left_paused(lists: NameLists, base: Path) -> None:
    journal = left_behind(base, JobState.RUNNING, selection=Selection(files_from="/gone/list.txt"))
    with server(journal, lists=lists) as rig:
        status = rig.jobs.status("job-1")
    assert status.state is JobState.PAUSED
    assert "the list of names of job job-1 is gone" in status.message


def test_a_job_whose_results_have_come_to_share_a_name_is_left_paused(lists: NameLists, base: Path) -> None:
    (base / "img_0001.png").touch()
    with server(left_behind(base, JobState.RUNNING, recipe=WEBP), lists=lists) as rig:
        assert "would both become 'img_0001.webp'" in rig.jobs.status("job-1").message
        (base / "img_0001.png").unlink()
        rig.jobs.resume("job-1")
        assert rig.finish(1)[0].done == 4
