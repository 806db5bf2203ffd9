import pytest

from pixfarm.scheduling.durations import Durations, copies_left, deadline_s, overdue_s


def durations(*seconds: float) -> Durations:
    one = Durations()
    for sample in seconds:
        one.add(sample)
    return one


def test_19_samples_tell_nothing() -> None:
    assert durations(*[1.0] * 19).percentile(50) is None


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 1.0), (50, 50.0), (95, 95.0), (99, 99.0), (100, 100.0)]
)
def test_a_percentile_is_the_sample_of_that_rank(percent: float, expected: float) -> None:
    assert durations(*range(100, 0, -1)).percentile(percent) == expected


def test_a_percentile_is_at_most_19_samples_late() -> None:
    one = durations(*[1.0] * 20)
    assert one.percentile(100) == 1.0
    for _ in range(19):
        one.add(2.0)
    assert one.percentile(100) == 1.0
    one.add(2.0)
    assert one.percentile(100) == 2.0


def test_only_the_last_1000_samples_count() -> None:
    one = durations(*[9.0] * 1000, *[1.0] * 999)
    assert one.percentile(100) == 9.0
    for _ in range(20):
        one.add(1.0)
    assert one.percentile(100) == 1.0


@pytest.mark.parametrize(
    ("worked", "expected_s"),
    [
        ([], 60.0),
        ([100.0] * 19, 60.0),
        ([0.05] * 20, 10.0),
        ([2.5] * 20, 10.0),
        ([5.0] * 20, 20.0),
        ([30.0] * 20, 120.0),
        ([3600.0] * 20, 120.0),
        ([5.0] * 198 + [20.0] * 2, 20.0),
        ([5.0] * 197 + [20.0] * 3, 80.0),
    ],
    ids=["none", "too few", "fast", "just fast", "between", "just slow", "slow", "below p99", "at p99"],
)
def test_a_deadline_is_four_times_what_nearly_all_images_take_within_bounds(
    worked: list[float], expected_s: float
) -> None:
    assert deadline_s(durations(*worked), None, 0) == expected_s


def test_an_image_that_ran_out_of_time_gets_all_there_is() -> None:
    assert deadline_s(durations(*[0.05] * 20), None, 1) == 120.0


@pytest.mark.parametrize("timeouts", [0, 1])
@pytest.mark.parametrize("chosen_s", [0.5, 7.0, 3600.0])
def test_a_person_may_choose_what_a_worker_may_spend(chosen_s: float, timeouts: int) -> None:
    # The node ends its own worker a second earlier.
    assert deadline_s(durations(*[0.05] * 20), chosen_s, timeouts) == chosen_s + 1.0


@pytest.mark.parametrize(
    ("copied", "total", "left"),
    [(0, 0, 1), (0, 19, 1), (1, 19, 0), (0, 39, 1), (0, 40, 2), (1, 40, 1), (0, 2000, 100), (100, 2000, 0)],
)
def test_a_twentieth_of_a_job_may_be_copied_and_one_image_of_any(copied: int, total: int, left: int) -> None:
    assert copies_left(copied, total) == left


@pytest.mark.parametrize(
    ("calls", "expected_s"),
    [([], 1.0), ([30.0] * 19, 1.0), ([0.05] * 20, 1.0), ([0.5] * 20, 1.0), ([2.0] * 19 + [30.0], 4.0)],
    ids=["none", "too few", "fast", "just fast", "one slow"],
)
def test_a_call_is_overdue_after_twice_what_most_calls_take_but_not_within_a_second(
    calls: list[float], expected_s: float
) -> None:
    assert overdue_s(durations(*calls)) == expected_s
