from contextlib import suppress

import pytest

from pixfarm.activity import Activity, Counts
from pixfarm.errors import RejectReason, TaskRejected
from pixfarm.load import fixed
from tests.unit.core.farm_parts import PATIENCE_S, start


def do_one(activity: Activity, *, may_refuse: bool = True) -> None:
    with activity.image(may_refuse=may_refuse):
        pass


def test_a_node_that_did_nothing_counts_nothing() -> None:
    assert Activity(fixed(0.5), crowd=1).counts() == Counts(
        in_flight=0, done=0, refused=0, failed=0, draining=False
    )


def test_an_image_is_in_flight_while_it_lasts() -> None:
    activity = Activity(fixed(0.5), crowd=9)
    with activity.image(may_refuse=True), activity.image(may_refuse=False):
        assert activity.counts().in_flight == 2
    assert activity.counts().in_flight == 0


@pytest.mark.parametrize(
    ("error", "count"),
    [(None, "done"), (TaskRejected(RejectReason.LOAD, 0.5), "refused"), (OSError(), "failed")],
    ids=["none", "refusal", "failure"],
)
def test_an_image_is_counted_by_what_came_of_it(error: Exception | None, count: str) -> None:
    activity = Activity(fixed(0.5), crowd=9)
    with suppress(TaskRejected, OSError), activity.image(may_refuse=True):
        if error:
            raise error
    counts = activity.counts()
    assert {name: getattr(counts, name) for name in ("done", "refused", "failed")} == {
        "done": 0,
        "refused": 0,
        "failed": 0,
        count: 1,
    }


def test_an_error_of_an_image_is_not_swallowed() -> None:
    with pytest.raises(OSError, match="disk"), Activity(fixed(0.5), crowd=9).image(may_refuse=True):
        raise OSError("disk")


def test_a_crowded_node_is_busy_for_who_may_be_refused() -> None:
    activity = Activity(fixed(0.25), crowd=1)
    with activity.image(may_refuse=True), pytest.raises(TaskRejected) as caught:
        do_one(activity)
    assert (caught.value.reason, caught.value.load_probability) == (RejectReason.BUSY, 0.25)
    assert caught.value.retry_after_s > 0
    assert activity.counts() == Counts(in_flight=0, done=1, refused=1, failed=0, draining=False)


def test_a_crowded_node_takes_who_may_not_be_refused() -> None:
    activity = Activity(fixed(0.25), crowd=1)
    with activity.image(may_refuse=True):
        do_one(activity, may_refuse=False)
    assert activity.counts().done == 2


def test_a_node_that_is_no_longer_crowded_takes_images_again() -> None:
    activity = Activity(fixed(0.25), crowd=1)
    do_one(activity)
    do_one(activity)
    assert activity.counts().done == 2


def test_a_draining_node_refuses_everyone() -> None:
    activity = Activity(fixed(0.25), crowd=9)
    assert activity.drain(timeout_s=0.0)
    with pytest.raises(TaskRejected) as caught:
        do_one(activity, may_refuse=False)
    assert (caught.value.reason, caught.value.retry_after_s) == (RejectReason.DRAINING, 1.0)
    assert activity.counts() == Counts(in_flight=0, done=0, refused=1, failed=0, draining=True)


def test_refusals_tell_the_p_of_the_moment() -> None:
    probabilities = iter([0.25, 0.75])
    activity = Activity(lambda: next(probabilities), crowd=0)
    for p in (0.25, 0.75):
        with pytest.raises(TaskRejected) as caught:
            do_one(activity)
        assert caught.value.load_probability == p


def test_draining_waits_for_the_images_that_run() -> None:
    activity = Activity(fixed(0.25), crowd=9)
    order: list[str] = []
    with activity.image(may_refuse=True):
        (draining,) = start(lambda: order.append(f"drained: {activity.drain(PATIENCE_S)}"))
        order.append("image done")
    draining.join(PATIENCE_S)
    assert order == ["image done", "drained: True"]


def test_draining_ends_in_time_when_an_image_does_not() -> None:
    activity = Activity(fixed(0.25), crowd=9)
    with activity.image(may_refuse=True):
        assert not activity.drain(timeout_s=0.01)
