"""Whose fault it is that an image was not done, and what comes of it: the table of blame, row by row."""

import itertools

import pytest

from pixfarm.errors import (
    AnswerLate,
    AnswerLost,
    FailureCode,
    ForeignPeer,
    InvalidRequest,
    RejectReason,
    TaskFailed,
    TaskRejected,
    Unreachable,
)
from pixfarm.model import Failure, Machine, NodeHealth, NodeStatus, Strategy, Task
from pixfarm.scheduling import policy
from pixfarm.scheduling.blame import Blame, blame_of
from tests.unit.core.delivery_rig import TOKEN, Rig
from tests.unit.core.fake_nodes import Answer, doing, failing, raising, refusing
from tests.unit.core.farm_parts import Looks, Stopped, machines, pong, silent

BREAKS = raising(AnswerLost, "reset by peer")
IS_LATE = raising(AnswerLate, "no answer within 60 s")
IS_GONE = raising(Unreachable, "connection refused")
SPEAKS_HTTP = raising(ForeignPeer, "talks HTTP")

IMAGE = [code for code in FailureCode if blame_of(code) is Blame.IMAGE]
STRIKE = [code for code in FailureCode if blame_of(code) is Blame.STRIKE]
NODE = [code for code in FailureCode if blame_of(code) is Blame.NODE]
FOLDER = [code for code in FailureCode if blame_of(code) is Blame.FOLDER]


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that nothing ends looks again at once."""
    monkeypatch.setattr("pixfarm.fleet._LOOK_AGAIN_S", 0.001)


class Restarting:
    """A node whose every ping shows that it was started anew."""

    def __init__(self) -> None:
        self._starts = itertools.count(1)

    def __call__(self, machine: Machine) -> NodeStatus:
        return pong(machine, started_at=next(self._starts))


@pytest.mark.parametrize("reason", RejectReason)
def test_a_refusal_is_free(reason: RejectReason) -> None:
    rig = Rig(raising(TaskRejected, reason, 0.5))
    flight = rig.deliver()
    assert rig.counts == {"done": 1, "rejections": 1}
    assert (flight.attempts.taken, flight.attempts.strikes, flight.attempts.node_faults) == (0, 0, 0)
    assert (rig.record.attempts, rig.record.refusals) == (1, 1)
    assert (rig.healths, rig.pauses) == ([NodeHealth.UP] * 2, [])


def test_a_call_that_was_never_sent_is_free_and_its_node_is_down() -> None:
    rig = Rig(*[IS_GONE] * 19, nodes=20)
    flight = rig.deliver()
    assert (rig.counts, len(set(rig.asked))) == ({"done": 1}, 20)
    assert (flight.attempts.taken, flight.attempts.node_faults) == (0, 0)
    assert (rig.record.attempts, rig.pauses) == (1, [])
    assert [rig.node(name).health for name in rig.asked] == [NodeHealth.DOWN] * 19 + [NodeHealth.UP]


def test_a_broken_call_is_the_fault_of_a_node_that_does_not_answer_a_ping() -> None:
    rig = Rig(BREAKS, ping=silent)
    flight = rig.deliver()
    lost, other = rig.asked
    assert lost != other
    assert rig.counts == {"done": 1, "retries": 1}
    assert (flight.attempts.strikes, flight.attempts.node_faults) == (0, 1)
    assert (rig.node(lost).health, rig.node(other).health) == (NodeHealth.DOWN, NodeHealth.UP)


def test_a_late_answer_is_a_strike_of_the_image_when_the_node_answers_a_ping() -> None:
    rig = Rig(IS_LATE, ping=pong)
    flight = rig.deliver()
    assert len(set(rig.asked)) == 2
    assert rig.counts == {"done": 1, "retries": 1}
    assert (flight.attempts.strikes, flight.attempts.node_faults) == (1, 0)
    assert rig.healths == [NodeHealth.UP] * 2


def test_an_image_that_two_living_nodes_do_not_answer_in_time_is_given_up() -> None:
    rig = Rig(IS_LATE, IS_LATE, nodes=3, ping=pong)
    rig.deliver()
    assert len(set(rig.asked)) == 2
    assert rig.counts == {"failed": 1, "retries": 1}
    assert rig.failure == Failure(
        "a.jpg", "CRASHED", "2 calls broke off, the last one: no answer within 60 s", rig.asked[1]
    )
    assert rig.healths == [NodeHealth.UP] * 3


def test_a_broken_call_is_the_fault_of_a_node_that_was_started_anew_in_between() -> None:
    rig = Rig(BREAKS, BREAKS, BREAKS, ping=Restarting())
    flight = rig.deliver()
    assert rig.counts == {"done": 1, "retries": 3}
    assert (flight.attempts.strikes, flight.attempts.node_faults) == (0, 3)


def test_a_living_node_that_breaks_three_calls_in_a_row_is_put_to_the_test() -> None:
    rig = Rig(nodes=2, by_node={"node_1": BREAKS}, ping=pong, strategy=Strategy.RANDOM)
    healths: dict[int, NodeHealth] = {}
    for number in range(50):
        rig.deliver(f"{number}.jpg")
        healths.setdefault(rig.asked.count("node_1"), rig.node("node_1").health)
    assert [healths[breaks] for breaks in (1, 2, 3)] == [NodeHealth.UP, NodeHealth.UP, NodeHealth.PROBE]
    assert (rig.tally.counts()["done"], rig.node("node_2").health) == (50, NodeHealth.UP)


def test_an_image_is_given_up_after_16_nodes_were_lost_with_it() -> None:
    rig = Rig(*[BREAKS] * 20, nodes=20, ping=silent)
    rig.deliver()
    assert len(set(rig.asked)) == 16
    assert rig.counts == {"failed": 1, "retries": 15}
    assert (rig.failure.code, rig.failure.message) == (
        FailureCode.NODE_LOST,
        "lost with 16 nodes, at last: reset by peer",
    )


def test_the_table_of_blame_names_every_code_of_a_node() -> None:
    assert set(STRIKE) == {"CRASHED", "TIMED_OUT", "IO", "INTERNAL"}
    assert set(NODE) == {"NO_RESOURCES"}
    assert set(FOLDER) == {"NO_SPACE", "READ_ONLY"}
    assert {"UNREADABLE", "UNSUPPORTED", "TOO_LARGE", "FORBIDDEN", "BAD_NAME"} <= set(IMAGE)


@pytest.mark.parametrize("code", IMAGE)
def test_an_image_that_no_node_can_do_fails_at_once_and_is_named(code: FailureCode) -> None:
    rig = Rig(failing(code))
    rig.deliver("b/a.jpg")
    assert rig.counts == {"failed": 1}
    assert rig.failure == Failure("b/a.jpg", code, "no luck", *rig.asked)
    assert rig.healths == [NodeHealth.UP] * 2


@pytest.mark.parametrize("code", STRIKE)
def test_an_image_that_two_nodes_take_in_vain_fails(code: FailureCode) -> None:
    rig = Rig(failing(code), failing(code), nodes=3)
    rig.deliver()
    assert len(set(rig.asked)) == 2
    assert rig.counts == {"failed": 1, "retries": 1}
    assert (rig.failure.code, rig.record.attempts) == (code, 2)
    assert rig.healths == [NodeHealth.UP] * 3


@pytest.mark.parametrize("code", STRIKE)
def test_where_there_is_one_node_an_image_has_two_tries_on_it(code: FailureCode) -> None:
    rig = Rig(failing(code), failing(code), nodes=1)
    rig.deliver()
    assert rig.asked == ["node_1", "node_1"]
    assert rig.failure.code == code


@pytest.mark.parametrize("code", STRIKE)
def test_an_image_that_one_node_takes_in_vain_is_done_by_another(code: FailureCode) -> None:
    rig = Rig(failing(code))
    rig.deliver()
    assert len(set(rig.asked)) == 2
    assert rig.counts == {"done": 1, "retries": 1}


def test_connections_that_are_cut_blame_nobody() -> None:
    rig = Rig(*[BREAKS] * 5, ping=pong)
    flight = rig.deliver()
    assert rig.counts == {"done": 1, "retries": 5}
    assert (flight.attempts.strikes, flight.attempts.node_faults) == (0, 5)


def test_strikes_of_different_kinds_add_up() -> None:
    rig = Rig(IS_LATE, failing(FailureCode.CRASHED), ping=pong)
    rig.deliver()
    assert rig.counts == {"failed": 1, "retries": 1}


@pytest.mark.parametrize("code", NODE)
def test_a_node_that_is_broken_is_parked_and_its_image_goes_elsewhere(code: FailureCode) -> None:
    rig = Rig(failing(code))
    flight = rig.deliver()
    broken, other = rig.asked
    assert broken != other
    assert rig.counts == {"done": 1, "retries": 1}
    assert (rig.node(broken).health, rig.node(other).health) == (NodeHealth.PARKED, NodeHealth.UP)
    assert (flight.attempts.strikes, flight.attempts.node_faults) == (0, 1)


@pytest.mark.parametrize("code", FOLDER)
def test_a_node_that_cannot_write_stays_in_use_for_other_jobs(code: FailureCode) -> None:
    rig = Rig(failing(code))
    flight = rig.deliver()
    full, other = rig.asked
    assert full != other
    assert rig.counts == {"done": 1, "retries": 1}
    assert (rig.node(full).health, rig.node(other).health) == (NodeHealth.UP, NodeHealth.UP)
    assert rig.node(full).message.endswith("cannot write all results: no luck (/base)")
    assert (flight.attempts.strikes, flight.attempts.node_faults) == (0, 1)


def test_an_image_too_large_for_one_node_is_done_by_another() -> None:
    rig = Rig(failing(FailureCode.NO_MEMORY), failing(FailureCode.NO_MEMORY), nodes=3)
    rig.deliver()
    assert len(set(rig.asked)) == 3
    assert rig.counts == {"done": 1, "retries": 2}
    assert rig.healths == [NodeHealth.UP] * 3


def test_a_node_too_small_for_three_images_in_a_row_is_put_to_the_test() -> None:
    rig = Rig(by_node={"node_1": failing(FailureCode.NO_MEMORY)}, strategy=Strategy.RANDOM)
    for number in range(20):
        rig.deliver(f"{number}.jpg")
    assert rig.tally.counts()["done"] == 20
    assert rig.asked.count("node_1") == 3
    assert rig.node("node_1").health is NodeHealth.PARKED


def test_an_image_too_large_for_all_nodes_fails_when_one_is_asked_again() -> None:
    rig = Rig(*[failing(FailureCode.NO_MEMORY)] * 4, nodes=3)
    rig.deliver()
    assert (len(rig.asked), len(set(rig.asked))) == (4, 3)
    assert rig.failure.code == FailureCode.NO_MEMORY


def test_a_parked_node_gets_nothing_before_its_own_check_passes() -> None:
    rig = Rig(nodes=1, by_node={"node_1": failing(FailureCode.NO_RESOURCES)})
    (machine,) = machines(1)
    with pytest.raises(Stopped):
        rig.deliver(check=Looks(5))
    rig.fleet.claim_pings(everyone=True)
    rig.fleet.pong(machine, pong(machine, fault="no space left"))
    with pytest.raises(Stopped):
        rig.deliver(check=Looks(5))
    assert rig.asked == ["node_1"]
    rig.fleet.claim_pings(everyone=True)
    rig.fleet.pong(machine, pong(machine))
    with pytest.raises(Stopped):
        rig.deliver(check=Looks(5))
    assert rig.asked == ["node_1", "node_1"]


def test_broken_nodes_do_not_use_up_the_tries_of_an_image() -> None:
    codes = itertools.cycle([*NODE, *FOLDER])
    rig = Rig(*[failing(next(codes)) for _ in range(15)], nodes=16)
    rig.deliver()
    assert rig.counts == {"done": 1, "retries": 15}


@pytest.mark.parametrize(
    "answer",
    [failing(FailureCode.NOT_FOUND), raising(InvalidRequest, "base path '/base' does not exist")],
    ids=["no image", "no base path"],
)
def test_an_image_that_one_node_does_not_see_is_done_by_another_at_once(answer: Answer) -> None:
    rig = Rig(answer)
    rig.deliver()
    assert len(set(rig.asked)) == 2
    assert rig.counts == {"done": 1, "retries": 1}
    assert (sum(rig.pauses), rig.healths) == (0, [NodeHealth.UP] * 2)


def test_an_image_that_no_node_sees_is_asked_for_again_for_five_seconds() -> None:
    rig = Rig(*[failing(FailureCode.NOT_FOUND)] * 99)
    began_at = rig.clock.now
    rig.deliver()
    assert rig.counts["failed"] == 1
    assert rig.failure.code == "NOT_FOUND"
    assert policy.LAG_S <= rig.clock.now - began_at <= policy.LAG_S + policy.LAG_PAUSE_MAX_S
    assert max(rig.pauses) <= policy.LAG_PAUSE_MAX_S
    assert set(rig.asked) == {"node_1", "node_2"}


def test_an_image_that_comes_to_be_seen_within_five_seconds_is_done() -> None:
    rig = Rig()
    began_at = rig.clock.now

    def lags(_task: Task) -> None:
        if rig.clock.now < began_at + 4.0:
            raise TaskFailed(FailureCode.NOT_FOUND, "is not there")

    rig.nodes._otherwise = lags
    rig.deliver()
    assert rig.tally.counts()["done"] == 1
    assert rig.healths == [NodeHealth.UP] * 2


def test_a_source_that_is_really_gone_fails_at_once() -> None:
    rig = Rig(failing(FailureCode.NOT_FOUND))
    rig.missing_sources.add("a.jpg")
    rig.deliver()
    assert (rig.counts, rig.pauses) == ({"failed": 1}, [])
    assert rig.failure == Failure(
        "a.jpg", FailureCode.NOT_FOUND, "was listed, and is not there any more", *rig.asked
    )


def test_when_no_node_sees_any_image_only_the_first_is_waited_for() -> None:
    rig = Rig(*[failing(FailureCode.NOT_FOUND)] * 99)
    rig.deliver("a.jpg")
    waited_s = rig.clock.now
    rig.deliver("b.jpg")
    assert rig.clock.now - waited_s < 0.2
    assert rig.nodes.nodes_asked("b.jpg") != []
    assert rig.counts["failed"] == 2


def test_when_an_image_is_seen_again_the_next_is_waited_for() -> None:
    rig = Rig()
    rig.nodes._otherwise = failing(FailureCode.NOT_FOUND)
    rig.deliver("a.jpg")
    rig.nodes._otherwise = Rig().nodes._otherwise
    rig.deliver("b.jpg")
    began_at = rig.clock.now
    rig.nodes._otherwise = failing(FailureCode.NOT_FOUND)
    rig.deliver("c.jpg")
    assert rig.clock.now - began_at >= policy.LAG_S


def test_a_node_that_does_not_see_the_files_is_named_once_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(*[failing(FailureCode.NOT_FOUND)] * 99, nodes=1)
    rig.deliver("a.jpg")
    rig.deliver("b.jpg")
    assert [line for line in caplog.messages if "does it see" in line] == [
        "job job-1: node_1 does not find 'a.jpg'; does it see the same files under /base?"
    ]


def test_a_node_that_is_none_of_ours_is_quarantined_and_said_so(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(SPEAKS_HTTP)
    flight = rig.deliver()
    foreign, other = rig.asked
    assert foreign != other
    assert rig.counts == {"done": 1, "retries": 1}
    assert (rig.node(foreign).health, rig.node(other).health) == (NodeHealth.QUARANTINED, NodeHealth.UP)
    assert (flight.attempts.strikes, flight.attempts.node_faults) == (0, 1)
    assert ("ERROR", "node quarantined: talks HTTP") in [
        (record.levelname, record.getMessage()) for record in caplog.records
    ]


def test_faults_of_nodes_of_all_kinds_add_up_to_16() -> None:
    kinds = itertools.cycle([BREAKS, SPEAKS_HTTP, failing(FailureCode.NO_SPACE)])
    rig = Rig(*[next(kinds) for _ in range(20)], nodes=20)
    rig.deliver()
    assert (len(rig.asked), rig.counts) == (16, {"failed": 1, "retries": 15})


def test_a_node_that_fails_three_images_in_a_row_that_others_do_is_parked() -> None:
    rig = Rig(nodes=3, by_node={"node_1": failing(FailureCode.IO)}, strategy=Strategy.RANDOM)
    for number in range(50):
        rig.deliver(f"{number}.jpg")
    assert rig.asked.count("node_1") == 3
    assert rig.healths == [NodeHealth.PARKED, NodeHealth.UP, NodeHealth.UP]
    assert rig.counts == {"done": 50, "retries": 3}


def test_images_that_no_node_can_do_park_no_node() -> None:
    rig = Rig(nodes=2)
    rig.nodes._otherwise = failing(FailureCode.CRASHED)
    for number in range(20):
        rig.deliver(f"{number}.jpg")
    # One more for the moment at which one node has failed four in a row, and the other three.
    assert rig.counts == {"failed": 20, "retries": 21}
    assert rig.healths == [NodeHealth.UP] * 2


def test_nodes_that_fail_everything_beside_others_that_do_not_cost_no_image() -> None:
    crashing = failing(FailureCode.CRASHED)
    rig = Rig(nodes=4, by_node={"node_1": crashing, "node_2": crashing})
    for node in ("node_1", "node_2"):
        for _ in range(policy.MAX_CREDIBLE_IN_A_ROW):
            rig.fleet._roster.node(machines(4)[int(node[-1]) - 1], rig.clock.now).failed_in_a_row += 1
    for number in range(50):
        rig.deliver(f"{number}.jpg")
    assert rig.counts["done"] == 50
    assert "failed" not in rig.counts


def test_retries_after_broken_calls_come_to_wait_and_never_fail_an_image() -> None:
    # Ten tokens, one taken by each retry, a fifth given by each success: the 13th has to wait.
    rig = Rig(*[BREAKS, doing] * 15, nodes=1, ping=pong)
    waits_s = []
    for number in range(15):
        rig.pauses.clear()
        rig.deliver(f"{number}.jpg")
        waits_s.append(sum(rig.pauses))
    assert waits_s == pytest.approx([0.0] * 12 + [0.6, 0.8, 0.8], abs=1e-3)
    assert rig.counts == {"done": 15, "retries": 15}


def test_other_retries_need_no_token() -> None:
    rig = Rig(*[failing(FailureCode.CRASHED), refusing()] * 30, nodes=2)
    while not rig.fleet.take_retry():
        pass
    for number in range(30):
        rig.deliver(f"{number}.jpg")
    assert all(pause <= policy.SWEEP_PAUSE_MAX_S for pause in rig.pauses)


def test_what_ended_a_worker_or_broke_off_may_have_left_a_temporary_file() -> None:
    rig = Rig(
        failing(FailureCode.IO),
        BREAKS,
        refusing(),
        failing(FailureCode.TIMED_OUT),
        nodes=4,
        ping=silent,
    )
    rig.deliver("b/a.jpg")
    assert rig.tally.counts()["failed"] == 1
    assert rig.delivery.doubtful == [("b/a.jpg", f"{TOKEN}-2"), ("b/a.jpg", f"{TOKEN}-4")]
