import dataclasses
import math

import pytest

from pixfarm.model import Failure, ImageRecord, ImageState, JobSummary, NodeCounts, TaskResult
from pixfarm.phases import NO_TIME, Phases
from pixfarm.tally import MAX_FAILURES, MAX_FLAGGED, Tally
from tests.unit.core.farm_parts import start, summary


def done(node: str = "node_1", seconds: float = 0.5) -> ImageRecord:
    return ImageRecord(filename="a.jpg", state=ImageState.DONE, node=node, seconds=seconds)


def bad(number: int, state: ImageState = ImageState.FAILED) -> ImageRecord:
    return ImageRecord(
        filename=f"{number}.jpg", state=state, node="node_1", code="UNREADABLE", message="no image"
    )


def looking(number: int, *flags: str) -> ImageRecord:
    return dataclasses.replace(done(), filename=f"{number}.jpg", flags=flags)


def result(phases: Phases, waited_s: float = 0.125, worked_s: float = 0.25) -> TaskResult:
    return TaskResult("x-1", waited_s, worked_s, 4, 3, 100, phases=phases)


def failure(number: int) -> Failure:
    return Failure(f"{number}.jpg", "UNREADABLE", "no image", "node_1")


def earlier() -> JobSummary:
    return dataclasses.replace(
        summary(),
        total=99,
        done=4,
        failed=1,
        skipped=2,
        rejections=7,
        retries=5,
        copies=3,
        nodes=(NodeCounts("node_1", done=4, refused=6, failed=5, mean_s=0.25),),
    )


def test_a_new_tally_counts_nothing() -> None:
    tally = Tally()
    assert set(tally.counts().values()) == {0}
    assert (tally.nodes(), tally.failures()) == ((), ())


def test_everything_is_counted_under_its_own_name() -> None:
    tally = Tally()
    for times, count in enumerate(
        (
            lambda: tally.ended(done()),
            lambda: tally.refused("node_1"),
            tally.retried,
            lambda: tally.ended(bad(1)),
            lambda: tally.ended(bad(1, ImageState.NOT_DONE)),
            lambda: tally.ended(ImageRecord(filename="a.jpg", state=ImageState.SKIPPED)),
            tally.copied,
        ),
        start=1,
    ):
        for _ in range(times):
            count()
    assert tally.counts() == {
        "done": 1,
        "rejections": 2,
        "retries": 3,
        "failed": 4,
        "not_done": 5,
        "skipped": 6,
        "copies": 7,
        "flagged": 0,
    }


def test_nodes_are_told_by_name_with_the_mean_time_of_what_they_did() -> None:
    tally = Tally()
    tally.ended(done("node_2", 1.0))
    tally.ended(done("node_2", 2.0))
    tally.call_failed("node_1")
    tally.refused("node_2")
    assert tally.nodes() == (
        NodeCounts("node_1", done=0, refused=0, failed=1, mean_s=0.0),
        NodeCounts("node_2", done=2, refused=1, failed=0, mean_s=1.5),
    )


def test_an_image_that_a_node_could_not_do_is_none_that_it_did() -> None:
    tally = Tally()
    tally.ended(bad(1))
    assert tally.nodes() == ()


def test_the_first_hundred_failures_are_kept_and_all_are_counted() -> None:
    tally = Tally()
    for i in range(MAX_FAILURES + 1):
        tally.ended(bad(i))
    tally.ended(bad(101, ImageState.NOT_DONE))
    assert MAX_FAILURES == 100
    assert tally.failures() == tuple(failure(i) for i in range(100))
    assert (tally.counts()["failed"], tally.counts()["not_done"]) == (101, 1)


def test_what_was_skipped_is_no_failure() -> None:
    tally = Tally()
    tally.ended(ImageRecord(filename="a.jpg", state=ImageState.SKIPPED))
    assert tally.failures() == ()


def test_no_count_is_lost_between_threads() -> None:
    tally = Tally()

    def work() -> None:
        for i in range(200):
            tally.ended(done())
            tally.ended(bad(i))

    for thread in start(work, map(str, range(8))):
        thread.join()
    assert (tally.counts()["done"], tally.counts()["failed"]) == (1600, 1600)
    assert tally.nodes() == (NodeCounts("node_1", done=1600, refused=0, failed=0, mean_s=0.5),)


def test_a_later_run_of_a_job_goes_on_from_what_the_earlier_one_has_counted() -> None:
    tally = Tally()
    tally.restore(earlier(), (failure(1),))
    tally.ended(done("node_1", 1.0))
    tally.ended(bad(2))
    assert tally.counts() == {
        "done": 5,
        "skipped": 2,
        "failed": 2,
        "not_done": 0,
        "rejections": 7,
        "retries": 5,
        "copies": 3,
        "flagged": 0,
    }
    assert tally.nodes() == (NodeCounts("node_1", done=5, refused=6, failed=5, mean_s=0.4),)
    assert tally.failures() == (failure(1), failure(2))


def test_an_image_that_failed_is_told_before_those_that_were_not_done() -> None:
    tally = Tally()
    for number in range(150):
        tally.ended(bad(number, ImageState.NOT_DONE))
    tally.ended(bad(999))
    assert tally.failures() == (failure(999), *(failure(number) for number in range(99)))


def test_no_more_failures_of_an_earlier_run_are_kept_than_of_one() -> None:
    tally = Tally()
    tally.restore(earlier(), tuple(failure(i) for i in range(2 * MAX_FAILURES)))
    assert len(tally.failures()) == MAX_FAILURES


PHASES = Phases(reading=0.5, decoding=1.0, operations=(2.0, 4.0), encoding=8.0, writing=16.0)


def test_the_time_of_a_nodes_images_is_added_up_phase_by_phase() -> None:
    tally = Tally()
    for _ in range(2):
        tally.ended(done("node_1", 0.5), result(PHASES))
    tally.ended(done("node_2", 0.5), result(Phases(reading=0.25)))
    assert [node.phases for node in tally.nodes()] == [
        Phases(0.25, 0.25, 1.0, 2.0, (4.0, 8.0), 16.0, 32.0),
        Phases(0.125, 0.125, 0.25),
    ]


def test_operations_of_nodes_that_tell_different_numbers_of_them_are_added_as_far_as_they_go() -> None:
    tally = Tally()
    for operations in ((1.0,), (1.0, 2.0, 4.0), ()):
        tally.ended(done(), result(Phases(reading=1.0, operations=operations)))
    assert tally.nodes()[0].phases.operations == (2.0, 2.0, 4.0)


def test_the_time_of_images_of_a_node_that_does_not_tell_it_is_not_taken_for_sending() -> None:
    tally = Tally()
    tally.ended(done(), result(NO_TIME, waited_s=0.0))
    assert tally.nodes() == (NodeCounts("node_1", done=1, refused=0, failed=0, mean_s=0.5, phases=NO_TIME),)


@pytest.mark.parametrize(
    ("waited_s", "worked_s", "waiting", "sending"),
    [
        (0.0, 0.75, 0.0, 0.0),
        (9.0, 0.25, 0.5, 0.0),
        (-9.0, 0.25, 0.0, 0.25),
        (0.25, -9.0, 0.25, 0.5),
        (math.nan, 0.25, 0.0, 0.25),
        (0.25, math.nan, 0.25, 0.0),
        (math.inf, math.inf, 0.5, 0.0),
    ],
    ids=["fast clock", "long wait", "negative wait", "negative work", "no wait", "no work", "endless"],
)
def test_no_image_waits_or_travels_longer_than_its_call_took(
    waited_s: float, worked_s: float, waiting: float, sending: float
) -> None:
    tally = Tally()
    tally.ended(done("node_1", 0.5), result(Phases(reading=0.1), waited_s, worked_s))
    phases = tally.nodes()[0].phases
    assert (phases.waiting, phases.sending) == (waiting, sending)


def test_a_later_run_goes_on_from_the_times_and_flags_of_the_earlier_one() -> None:
    tally = Tally()
    node = NodeCounts("node_1", done=1, refused=0, failed=0, mean_s=0.5, phases=PHASES)
    tally.restore(dataclasses.replace(earlier(), nodes=(node,), flagged=7), (), (looking(1, "uniform"),))
    tally.ended(looking(2, "clipped"), result(Phases(reading=0.5, operations=(1.0,))))
    assert tally.nodes()[0].phases == Phases(0.125, 0.125, 1.0, 1.0, (3.0, 4.0), 8.0, 16.0)
    assert tally.counts()["flagged"] == 8
    assert tally.flags() == (looking(1, "uniform"), looking(2, "clipped"))


def test_the_first_hundred_results_with_flags_are_kept_and_all_are_counted() -> None:
    tally = Tally()
    for number in range(MAX_FLAGGED + 5):
        tally.ended(looking(number, "uniform", "clipped"))
        tally.ended(done())
    assert MAX_FLAGGED == 100
    assert tally.flags() == tuple(looking(number, "uniform", "clipped") for number in range(100))
    assert (tally.counts()["flagged"], tally.counts()["done"]) == (105, 210)


def test_a_flag_that_comes_later_is_a_further_one_or_the_first() -> None:
    tally = Tally()
    tally.ended(looking(1, "clipped"))
    tally.ended(looking(2))
    tally.flagged(looking(1, "clipped", "outlier"))
    tally.flagged(looking(2, "outlier"))
    assert tally.counts()["flagged"] == 2
    assert tally.flags() == (looking(1, "clipped", "outlier"), looking(2, "outlier"))
