"""How long a node may work on an image."""

import pytest

from pixfarm.errors import FailureCode
from tests.unit.core.delivery_rig import Rig
from tests.unit.core.fake_nodes import failing

# The deadline of a call is a second longer: a worker is ended before its node is given up.
FIRST_S = 59.0
LONGEST_S = 119.0
SHORTEST_S = 9.0


def times_given(rig: Rig, count: int) -> list[float]:
    """Seconds that a worker was given for each of so many images."""
    for number in range(count):
        rig.deliver(f"{number}.jpg")
    return [task.timeout_s for task in rig.nodes.tasks[-count:]]


def test_before_20_images_are_done_each_has_a_minute() -> None:
    rig = Rig()
    rig.nodes.worked_s = 5.0
    assert times_given(rig, 21) == [FIRST_S] * 20 + [19.0]


@pytest.mark.parametrize(
    ("worked_s", "given_s"),
    [(0.01, SHORTEST_S), (2.0, SHORTEST_S), (10.0, 39.0), (29.0, 115.0), (50.0, LONGEST_S)],
)
def test_after_20_images_a_worker_has_four_times_what_they_took(worked_s: float, given_s: float) -> None:
    rig = Rig()
    rig.nodes.worked_s = worked_s
    assert times_given(rig, 25)[20:] == [given_s] * 5


def test_the_deadline_follows_the_slowest_hundredth() -> None:
    rig = Rig()
    times_given(rig, 40)
    rig.nodes.worked_s = 20.0
    assert times_given(rig, 20)[0] == SHORTEST_S
    assert times_given(rig, 1) == [79.0]


def test_an_image_that_ran_out_of_time_gets_all_that_there_is() -> None:
    rig = Rig()
    times_given(rig, 20)
    rig.nodes._otherwise = Rig(failing(FailureCode.TIMED_OUT)).nodes._otherwise
    assert times_given(rig, 2) == [LONGEST_S, SHORTEST_S]
    assert rig.nodes.tasks[-3].timeout_s == SHORTEST_S
    assert rig.tally.counts()["done"] == 22


def test_an_image_that_crashed_gets_no_more_time_than_others() -> None:
    rig = Rig(failing(FailureCode.CRASHED))
    rig.deliver()
    assert [task.timeout_s for task in rig.nodes.tasks] == [FIRST_S, FIRST_S]


def test_a_time_that_a_person_chose_is_the_time_of_every_try() -> None:
    rig = Rig(failing(FailureCode.TIMED_OUT), task_timeout_s=7.5)
    rig.nodes.worked_s = 30.0
    times_given(rig, 25)
    assert {task.timeout_s for task in rig.nodes.tasks} == {7.5}
    assert {task.patience_s for task in rig.nodes.tasks} == {2 * 8.5 + 3.0}


def test_a_call_at_the_end_of_a_job_is_overdue_after_a_second_at_least() -> None:
    rig = Rig()
    assert rig.delivery.overdue_s() == 1.0
    times_given(rig, 25)
    assert rig.delivery.overdue_s() == 1.0
