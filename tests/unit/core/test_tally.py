import dataclasses

from pixfarm.model import Failure, ImageRecord, ImageState, JobSummary, NodeCounts
from pixfarm.tally import MAX_FAILURES, Tally
from tests.unit.core.farm_parts import start, summary


def done(node: str = "node_1", seconds: float = 0.5) -> ImageRecord:
    return ImageRecord(filename="a.jpg", state=ImageState.DONE, node=node, seconds=seconds)


def bad(number: int, state: ImageState = ImageState.FAILED) -> ImageRecord:
    return ImageRecord(
        filename=f"{number}.jpg", state=state, node="node_1", code="UNREADABLE", message="no image"
    )


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
