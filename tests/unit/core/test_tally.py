from pixfarm.errors import FailureCode
from pixfarm.model import Failure, NodeCounts
from pixfarm.tally import MAX_FAILURES, Tally
from tests.unit.core.farm_parts import start


def failure(number: int) -> Failure:
    return Failure(f"{number}.jpg", FailureCode.UNREADABLE, "no image")


def test_a_new_tally_counts_nothing() -> None:
    tally = Tally()
    assert set(tally.counts().values()) == {0}
    assert (tally.nodes(), tally.failures()) == ((), ())


def test_everything_is_counted_under_its_own_name() -> None:
    tally = Tally()
    tally.done("node_1", 0.5)
    for _ in range(2):
        tally.refused("node_1")
    for _ in range(3):
        tally.retried()
    for i in range(4):
        tally.failed(failure(i))
    for i in range(5):
        tally.not_done(failure(i))
    assert tally.counts() == {"done": 1, "failed": 4, "not_done": 5, "rejections": 2, "retries": 3}


def test_nodes_are_told_by_name_with_the_mean_time_of_what_they_did() -> None:
    tally = Tally()
    tally.done("node_2", 1.0)
    tally.done("node_2", 2.0)
    tally.call_failed("node_1")
    tally.refused("node_2")
    assert tally.nodes() == (
        NodeCounts("node_1", done=0, refused=0, failed=1, mean_s=0.0),
        NodeCounts("node_2", done=2, refused=1, failed=0, mean_s=1.5),
    )


def test_the_first_hundred_failures_are_kept_and_all_are_counted() -> None:
    tally = Tally()
    for i in range(MAX_FAILURES):
        tally.failed(failure(i)) if i % 2 else tally.not_done(failure(i))
    tally.failed(failure(100))
    tally.not_done(failure(101))
    assert MAX_FAILURES == 100
    assert tally.failures() == tuple(failure(i) for i in range(100))
    assert (tally.counts()["failed"], tally.counts()["not_done"]) == (51, 51)


def test_no_count_is_lost_between_threads() -> None:
    tally = Tally()

    def work() -> None:
        for i in range(200):
            tally.done("node_1", 0.5)
            tally.failed(failure(i))

    for thread in start(work, map(str, range(8))):
        thread.join()
    assert (tally.counts()["done"], tally.counts()["failed"]) == (1600, 1600)
    assert tally.nodes() == (NodeCounts("node_1", done=1600, refused=0, failed=0, mean_s=0.5),)
