import pytest

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.scheduling.attempts import Attempts

MAY_PASS = {"CRASHED", "TIMED_OUT", "NO_SPACE", "IO", "NOT_FOUND", "INTERNAL"}


def failed(code: FailureCode) -> TaskFailed:
    return TaskFailed(code, "no luck")


def test_an_image_is_given_up_after_2000_refusals_in_a_row() -> None:
    attempts = Attempts()
    for _ in range(1999):
        assert attempts.on_refused("node_1") is None
    given_up = attempts.on_refused("node_1")
    assert given_up is not None
    assert given_up.code is FailureCode.REFUSED
    assert "refused 2000 times in a row" in given_up.message


@pytest.mark.parametrize("accepted", ["failed", "lost"])
def test_an_accept_starts_the_count_of_refusals_anew(accepted: str) -> None:
    attempts = Attempts()
    for _ in range(1999):
        attempts.on_refused("node_1")
    if accepted == "failed":
        attempts.on_failed("node_2", failed(FailureCode.CRASHED))
    else:
        attempts.on_node_lost("node_2")
    assert all(attempts.on_refused("node_1") is None for _ in range(1999))
    assert attempts.on_refused("node_1") is not None


def test_refusals_do_not_count_as_strikes_or_faults() -> None:
    attempts = Attempts()
    for _ in range(100):
        attempts.on_refused("node_1")
    assert (attempts.strikes, attempts.node_faults, attempts.avoid) == (0, 0, set())


def test_a_sweep_remembers_who_refused_until_it_ends() -> None:
    attempts = Attempts()
    attempts.on_refused("node_1")
    attempts.on_refused("node_2")
    assert attempts.refused_by == {"node_1", "node_2"}
    attempts.on_sweep_end()
    assert attempts.refused_by == set()


def test_sweeps_are_counted_from_zero() -> None:
    attempts = Attempts()
    assert [attempts.on_sweep_end() for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("code", [code for code in FailureCode if code.value not in MAY_PASS])
def test_a_failure_that_no_other_node_can_mend_is_final(code: FailureCode) -> None:
    failure = failed(code)
    assert Attempts().on_failed("node_1", failure) is failure


@pytest.mark.parametrize("code", sorted(MAY_PASS))
def test_a_failure_that_may_pass_gets_a_second_try(code: str) -> None:
    attempts = Attempts()
    first, second = failed(FailureCode(code)), failed(FailureCode(code))
    assert attempts.on_failed("node_1", first) is None
    assert attempts.on_failed("node_2", second) is second


def test_an_image_is_given_up_after_16_lost_nodes() -> None:
    attempts = Attempts()
    for i in range(15):
        assert attempts.on_node_lost(f"node_{i}") is None
    given_up = attempts.on_node_lost("node_15")
    assert given_up is not None
    assert given_up.code is FailureCode.NODE_LOST
    assert "16 nodes were lost" in given_up.message


def test_a_lost_node_is_no_strike() -> None:
    attempts = Attempts()
    attempts.on_node_lost("node_1")
    assert attempts.on_failed("node_2", failed(FailureCode.CRASHED)) is None


def test_who_failed_or_was_lost_is_avoided() -> None:
    attempts = Attempts()
    attempts.on_failed("node_1", failed(FailureCode.IO))
    attempts.on_node_lost("node_2")
    attempts.on_refused("node_3")
    assert attempts.avoid == {"node_1", "node_2"}
