from collections.abc import Callable

import pytest

from pixfarm.errors import FailureCode, RejectReason, TaskFailed
from pixfarm.scheduling.attempts import Attempts
from pixfarm.scheduling.blame import Blame, blame_of
from tests.unit.scheduling.node_states import failed

NOW = 1000.0
LOAD = RejectReason.LOAD
CODES = {blame: [code for code in FailureCode if blame_of(code) is blame] for blame in Blame}


def refused(attempts: Attempts, times: int, reason: RejectReason = LOAD) -> TaskFailed | None:
    """What came of the last of so many refusals; none of those before gave the image up."""
    answers = [attempts.on_refused("node_1", reason) for _ in range(times)]
    assert not any(answers[:-1])
    return answers[-1]


def struck(attempts: Attempts, node: str) -> TaskFailed | None:
    return attempts.on_failed(node, failed(FailureCode.CRASHED), NOW)


def missed(attempts: Attempts, node: str, at: float) -> TaskFailed | None:
    return attempts.on_failed(node, failed(FailureCode.NOT_FOUND), at)


def broke(attempts: Attempts, node: str, *, suspect: bool) -> TaskFailed | None:
    return attempts.on_broken_call(node, "no answer", is_suspect=suspect)


def test_an_image_is_given_up_after_2000_refusals_in_a_row() -> None:
    given_up = refused(Attempts(), 2000)
    assert given_up is not None
    assert given_up.code is FailureCode.REFUSED
    assert "refused 2000 times in a row" in given_up.message


@pytest.mark.parametrize(
    "accept",
    [
        lambda attempts: struck(attempts, "node_2"),
        lambda attempts: missed(attempts, "node_2", NOW),
        lambda attempts: attempts.on_failed("node_2", failed(FailureCode.NO_SPACE), NOW),
        lambda attempts: broke(attempts, "node_2", suspect=True),
        lambda attempts: broke(attempts, "node_2", suspect=False),
    ],
    ids=["crashed", "not found", "disk full", "broken", "lost"],
)
def test_an_accept_starts_the_count_of_refusals_anew(accept: Callable[[Attempts], object]) -> None:
    attempts = Attempts()
    refused(attempts, 1999)
    accept(attempts)
    assert refused(attempts, 2000) is not None


@pytest.mark.parametrize("reason", [RejectReason.BUSY, RejectReason.DRAINING])
def test_a_node_that_is_full_or_leaves_proves_nothing(reason: RejectReason) -> None:
    attempts = Attempts()
    assert refused(attempts, 5000, reason) is None
    assert refused(attempts, 2000) is not None


def test_refusals_count_as_nothing_but_refusals() -> None:
    attempts = Attempts()
    refused(attempts, 100)
    assert attempts == Attempts(refused_by={"node_1"}, refusals=100, refusals_in_a_row=100)


def test_a_sweep_remembers_who_refused_until_it_ends() -> None:
    attempts = Attempts()
    attempts.on_refused("node_1", LOAD)
    attempts.on_refused("node_2", RejectReason.BUSY)
    assert attempts.refused_by == {"node_1", "node_2"}
    attempts.on_sweep_end()
    assert attempts.refused_by == set()


def test_sweeps_are_counted_from_zero() -> None:
    attempts = Attempts()
    assert [attempts.on_sweep_end() for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("code", CODES[Blame.IMAGE])
def test_a_failure_that_no_other_node_can_mend_is_final(code: FailureCode) -> None:
    failure = failed(code)
    assert Attempts().on_failed("node_1", failure, NOW) is failure


@pytest.mark.parametrize("code", CODES[Blame.STRIKE])
def test_two_strikes_are_the_end(code: FailureCode) -> None:
    attempts = Attempts()
    first, second = failed(code), failed(code)
    assert attempts.on_failed("node_1", first, NOW) is None
    assert attempts.on_failed("node_2", second, NOW) is second


def test_two_calls_that_living_nodes_do_not_answer_in_time_are_the_end() -> None:
    attempts = Attempts()
    assert broke(attempts, "node_1", suspect=True) is None
    given_up = broke(attempts, "node_2", suspect=True)
    assert given_up is not None
    assert str(given_up) == "CRASHED: 2 calls broke off, the last one: no answer"


def test_strikes_of_different_kinds_add_up() -> None:
    attempts = Attempts()
    assert broke(attempts, "node_1", suspect=True) is None
    assert struck(attempts, "node_2") is not None


def test_only_running_out_of_time_asks_for_more_time() -> None:
    attempts = Attempts()
    broke(attempts, "node_1", suspect=True)
    assert attempts.timeouts == 0
    attempts.on_failed("node_2", failed(FailureCode.TIMED_OUT), NOW)
    assert attempts.timeouts == 1


@pytest.mark.parametrize("code", CODES[Blame.NODE])
def test_faults_of_nodes_are_no_strikes(code: FailureCode) -> None:
    attempts = Attempts()
    for i in range(15):
        assert attempts.on_failed(f"node_{i}", failed(code), NOW) is None
    assert (attempts.strikes, attempts.node_faults) == (0, 15)
    last = failed(code)
    assert attempts.on_failed("node_15", last, NOW) is last


@pytest.mark.parametrize(
    "lose",
    [
        lambda attempts, node: broke(attempts, node, suspect=False),
        lambda attempts, node: attempts.on_node_fault(node, "no answer"),
    ],
    ids=["lost", "foreign"],
)
def test_an_image_is_given_up_after_16_lost_nodes(
    lose: Callable[[Attempts, str], TaskFailed | None],
) -> None:
    attempts = Attempts()
    assert not any(lose(attempts, f"node_{i}") for i in range(15))
    given_up = lose(attempts, "node_15")
    assert given_up is not None
    assert str(given_up) == "NODE_LOST: lost with 16 nodes, at last: no answer"


def test_faults_of_nodes_of_all_kinds_add_up() -> None:
    attempts = Attempts()
    for i in range(5):
        assert broke(attempts, f"lost_{i}", suspect=False) is None
        assert attempts.on_node_fault(f"foreign_{i}", "unknown method") is None
        assert attempts.on_failed(f"full_{i}", failed(FailureCode.NO_SPACE), NOW) is None
    assert broke(attempts, "lost_5", suspect=False) is not None


def test_a_lost_node_is_no_strike() -> None:
    attempts = Attempts()
    broke(attempts, "node_1", suspect=False)
    assert struck(attempts, "node_2") is None


@pytest.mark.parametrize(("after_s", "is_over"), [(0.0, False), (4.999, False), (5.0, True), (60.0, True)])
def test_a_file_has_5_s_to_appear(after_s: float, *, is_over: bool) -> None:
    attempts = Attempts()
    assert missed(attempts, "node_1", NOW) is None
    assert missed(attempts, "node_2", NOW + 0.1) is None
    given_up = missed(attempts, "node_1", NOW + after_s)
    assert (given_up is not None) is is_over


def test_who_looks_for_a_file_for_the_first_time_never_gives_it_up() -> None:
    attempts = Attempts()
    assert missed(attempts, "node_1", NOW) is None
    assert missed(attempts, "node_2", NOW + 60.0) is None
    given_up = missed(attempts, "node_2", NOW + 60.1)
    assert given_up is not None
    assert given_up.code is FailureCode.NOT_FOUND


def test_only_a_second_look_of_a_node_makes_the_pauses_longer() -> None:
    attempts = Attempts()
    counts = []
    for node in ("node_1", "node_2", "node_3", "node_1", "node_2", "node_4", "node_3"):
        missed(attempts, node, NOW)
        counts.append(attempts.missing)
    assert counts == [1, 1, 1, 2, 3, 3, 4]


def test_a_file_that_is_not_found_is_no_strike() -> None:
    attempts = Attempts()
    for _ in range(10):
        missed(attempts, "node_1", NOW)
    assert (attempts.strikes, attempts.node_faults, attempts.missing) == (0, 0, 10)


def test_who_took_an_image_and_did_not_do_it_is_avoided() -> None:
    attempts = Attempts()
    struck(attempts, "crashed")
    missed(attempts, "blind", NOW)
    attempts.on_failed("full", failed(FailureCode.NO_SPACE), NOW)
    broke(attempts, "lost", suspect=False)
    attempts.on_node_fault("foreign", "unknown method")
    attempts.on_refused("refused", LOAD)
    assert attempts.avoid == {"crashed", "blind", "full", "lost", "foreign"}
    assert attempts.struck_by == {"crashed"}
    assert attempts.failed_on == {"crashed", "blind"}
    assert attempts.taken == 4  # a foreign node took nothing
