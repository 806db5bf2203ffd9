import dataclasses
import itertools
import re
import signal
import threading

import pytest

from pixfarm.errors import AnswerLost, ForeignPeer, InvalidRequest, UnknownJob, Unreachable
from pixfarm.follow import Patience, follow
from pixfarm.interrupts import Interrupts
from pixfarm.model import JobReport, JobSpec, JobState, JobStatus
from tests.unit.core.scripted_server import PATIENCE_S, SPEC, Does, FakeDisplay, ScriptedServer, report

PATIENT = Patience(PATIENCE_S, ask_s=0.001, first_pause_s=0.001, longest_pause_s=0.002)
LOST = "server lost; waiting for it to come back (job job-1 goes on there by itself)"
CANCELLING = "cancelling: running images finish; Ctrl-C again to leave at once"
PROMISED = "job job-1 will be cancelled as soon as the server is back; Ctrl-C again to leave at once"


def interrupted() -> Interrupts:
    """Ctrl-C was pressed once."""
    interrupts = Interrupts()
    interrupts.count = 1
    return interrupts


def follow_to_the_end(
    server: ScriptedServer, display: FakeDisplay | None = None, interrupts: Interrupts | None = None
) -> JobReport:
    return follow(server, SPEC, display or FakeDisplay(), interrupts or Interrupts(), PATIENT)


def test_a_job_is_submitted_once_and_its_report_comes_back() -> None:
    server = ScriptedServer(Does.TELLS, Does.TELLS, Does.ENDS)
    assert follow_to_the_end(server) == report(JobState.FINISHED)
    assert server.submitted == [SPEC]


def test_progress_is_shown_while_the_job_runs() -> None:
    display = FakeDisplay()
    follow_to_the_end(ScriptedServer(Does.TELLS, Does.TELLS, Does.TELLS, Does.ENDS), display)
    assert len(display.shown) >= 3
    assert display.said == ["job job-1: /base by load-balancing"]


def test_a_job_that_the_server_does_not_know_yet_is_waited_for() -> None:
    display = FakeDisplay()
    follow_to_the_end(ScriptedServer(Does.DOES_NOT_KNOW, Does.DOES_NOT_KNOW, Does.TELLS, Does.ENDS), display)
    assert display.shown


@pytest.mark.parametrize(
    "error", [InvalidRequest("base path '/base' does not exist"), ForeignPeer("what is this?")]
)
def test_a_refused_request_is_raised(error: Exception) -> None:
    class Refusing(ScriptedServer):
        def submit_request(self, spec: JobSpec) -> JobReport:
            raise error

    with pytest.raises(type(error)) as caught:
        follow_to_the_end(Refusing(Does.DOES_NOT_KNOW, reachable=False))
    assert caught.value is error


def test_a_server_that_was_never_reached_is_an_error_at_once() -> None:
    server, display = ScriptedServer(Does.IS_GONE, reachable=False), FakeDisplay()
    with pytest.raises(Unreachable, match="refused"):
        follow_to_the_end(server, display)
    assert display.said == []


def test_questions_that_are_not_answered_do_not_hide_that_the_server_was_never_reached() -> None:
    asked_twice = threading.Event()

    class SlowlyRefusing(ScriptedServer):
        def submit_request(self, spec: JobSpec) -> JobReport:
            assert asked_twice.wait(PATIENCE_S)
            raise Unreachable("did not accept within 1 s")

    server = SlowlyRefusing(
        Does.IS_GONE, before=lambda number: asked_twice.set() if number == 2 else None, reachable=False
    )
    display = FakeDisplay()
    with pytest.raises(Unreachable, match="did not accept"):
        follow_to_the_end(server, display)
    assert display.said == []


@pytest.mark.parametrize("away", [2, 9], ids=["a moment", "a while"])
def test_a_job_of_a_server_that_comes_back_is_followed_again(away: int) -> None:
    gone = [Does.IS_GONE] * away
    server, display = ScriptedServer(Does.TELLS, *gone, Does.TELLS, Does.TELLS, Does.ENDS), FakeDisplay()
    assert follow_to_the_end(server, display) == report()
    assert server.submitted == [SPEC, SPEC]
    assert display.said == ["job job-1: /base by load-balancing", LOST, "the server is back"]


def test_a_job_that_was_accepted_just_before_the_loss_is_followed_again() -> None:
    server = ScriptedServer(Does.IS_GONE, Does.TELLS, Does.TELLS, Does.ENDS)
    assert follow_to_the_end(server) == report()
    assert server.submitted == [SPEC, SPEC]


def test_a_job_that_ended_while_nobody_looked_is_reported() -> None:
    server = ScriptedServer(Does.TELLS, Does.IS_GONE, Does.ENDS)
    assert follow_to_the_end(server) == report()
    assert server.submitted == [SPEC, SPEC]


@pytest.mark.parametrize("before", [[], [Does.TELLS]], ids=["before it was accepted", "afterwards"])
def test_a_job_that_the_server_came_back_without_is_not_submitted_again(before: list[Does]) -> None:
    server = ScriptedServer(*before, Does.IS_GONE, Does.IS_GONE, Does.DOES_NOT_KNOW)
    with pytest.raises(InvalidRequest, match=r"knows no job job-1 now.* another --state") as caught:
        follow_to_the_end(server)
    assert isinstance(caught.value.__cause__, UnknownJob)
    assert server.submitted == [SPEC]


def test_a_server_that_does_not_come_back_is_an_error_with_the_way_back() -> None:
    server, display = ScriptedServer(Does.TELLS, Does.IS_GONE), FakeDisplay()
    words = r"^connection refused; .* lost and not back within 0.05 s; job job-1 may still run: "
    with pytest.raises(AnswerLost, match=words + r"ask with client\.py --attach job-1$"):
        follow(server, SPEC, display, Interrupts(), Patience(0.05, 0.001, 0.001, 0.002))
    assert display.said_with("server lost") == 1


def test_nobody_waits_who_does_not_want_to() -> None:
    server = ScriptedServer(Does.TELLS, Does.IS_GONE)
    with pytest.raises(AnswerLost, match="--attach job-1"):
        follow(server, SPEC, FakeDisplay(), Interrupts(), Patience(0.0, 0.001, 0.001, 0.002))
    assert len(server.asked_at) <= 3  # the report may be lost before or after the question


def test_a_server_that_answers_again_on_the_same_line_is_not_asked_for_the_report_twice() -> None:
    server = ScriptedServer(Does.TELLS, Does.IS_SILENT, Does.IS_SILENT, Does.TELLS, Does.ENDS)
    display = FakeDisplay()
    assert follow_to_the_end(server, display) == report()
    assert server.submitted == [SPEC]
    assert (display.said_with("server lost"), display.said_with("server is back")) == (1, 1)


def test_a_frozen_server_that_has_not_accepted_the_job_yet_may_still_do_so() -> None:
    server = ScriptedServer(Does.IS_SILENT, Does.DOES_NOT_KNOW, Does.TELLS, Does.ENDS)
    assert follow_to_the_end(server) == report()
    assert server.submitted == [SPEC]


def test_a_lost_line_to_a_server_that_answers_is_made_again_without_a_word() -> None:
    server, display = ScriptedServer(Does.TELLS, Does.DROPS, Does.TELLS, Does.TELLS, Does.ENDS), FakeDisplay()
    assert follow_to_the_end(server, display) == report()
    assert set(server.submitted) == {SPEC}
    assert len(server.submitted) > 1
    assert display.said_with("lost") == 0


def test_what_the_server_said_before_its_loss_is_not_taken_for_an_answer_after_it() -> None:
    asked_again = threading.Event()

    def before(number: int) -> None:
        if number == 1:
            server.lose_submission()
            assert asked_again.wait(PATIENCE_S)  # answers that it knows no such job, but too late
        asked_again.set()

    class Losing(ScriptedServer):
        def lose_submission(self) -> None:
            with self._change:
                self._epoch += 1
                self._change.notify_all()

    server = Losing(Does.DOES_NOT_KNOW, Does.TELLS, Does.TELLS, Does.ENDS, before=before)
    assert follow_to_the_end(server) == report()


def test_a_report_of_a_job_that_has_not_ended_is_no_end() -> None:
    class Stopping(ScriptedServer):
        def submit_request(self, spec: JobSpec) -> JobReport:
            if len(self.submitted) in (1, 2):
                self.submitted.append(spec)
                return report(JobState.RUNNING if len(self.submitted) == 2 else JobState.PAUSED)
            return super().submit_request(spec)

    server = Stopping(Does.DROPS, *[Does.TELLS] * 9, Does.ENDS)
    assert follow_to_the_end(server) == report(JobState.FINISHED)
    assert len(server.submitted) == 4


def test_progress_stays_where_it_was_while_the_server_is_away() -> None:
    display = FakeDisplay()
    follow_to_the_end(ScriptedServer(Does.TELLS, *[Does.IS_GONE] * 9, Does.TELLS, Does.ENDS), display)
    waiting = [status for status in display.shown if status.message]
    assert waiting
    assert all(re.fullmatch(r"waiting \d of 10 s for the server", status.message) for status in waiting)
    assert {(status.done, status.elapsed_s) for status in display.shown} == {(2, 100.0)}


def test_a_lost_server_is_asked_with_growing_pauses() -> None:
    server = ScriptedServer(Does.TELLS, *[Does.IS_SILENT] * 6, Does.TELLS, Does.ENDS)
    patience = Patience(PATIENCE_S, ask_s=0.001, first_pause_s=0.01, longest_pause_s=0.04)
    follow(server, SPEC, FakeDisplay(), Interrupts(), patience)
    pauses = [later - earlier for earlier, later in itertools.pairwise(server.asked_at[1:8])]
    least = [0.01, 0.02, 0.04, 0.04, 0.04, 0.04]
    assert all(pause >= bound for pause, bound in zip(pauses, least, strict=True)), pauses


def test_the_first_ctrl_c_cancels_once_and_waits_for_the_report() -> None:
    server, display = ScriptedServer(Does.TELLS, Does.TELLS, Does.TELLS, Does.ENDS), FakeDisplay()
    assert follow_to_the_end(server, display, interrupted()).state is JobState.CANCELLED
    assert server.cancelled == ["job-1"]
    assert [line for line in display.said if "Ctrl-C" in line] == [CANCELLING]


def test_a_job_that_is_not_known_yet_is_cancelled_as_soon_as_it_is() -> None:
    server, display = ScriptedServer(Does.DOES_NOT_KNOW, Does.TELLS, Does.TELLS, Does.ENDS), FakeDisplay()
    follow_to_the_end(server, display, interrupted())
    assert server.cancelled == ["job-1"]
    assert display.said_with("Ctrl-C") == 1


def test_ctrl_c_while_the_server_is_away_cancels_as_soon_as_it_is_back() -> None:
    interrupts = Interrupts()
    display = FakeDisplay(lambda text: signal.raise_signal(signal.SIGINT) if text == LOST else None)
    server = ScriptedServer(Does.TELLS, *[Does.IS_GONE] * 4, Does.TELLS, Does.TELLS, Does.ENDS)
    with interrupts.caught():
        assert follow_to_the_end(server, display, interrupts).state is JobState.CANCELLED
    assert server.cancelled == ["job-1"]
    assert display.said[1:] == [LOST, PROMISED, "the server is back", CANCELLING]


def test_the_second_ctrl_c_leaves_while_the_server_is_away() -> None:
    display = FakeDisplay(
        lambda text: signal.raise_signal(signal.SIGINT) if text in (LOST, PROMISED) else None
    )
    server, interrupts = ScriptedServer(Does.TELLS, Does.IS_GONE), Interrupts()
    with pytest.raises(KeyboardInterrupt), interrupts.caught():
        follow_to_the_end(server, display, interrupts)
    assert display.said[1:] == [LOST, PROMISED, "left; job job-1 goes on; client.py --cancel job-1 stops it"]


def test_ctrl_c_is_heard_while_the_server_leaves_a_question_unanswered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pixfarm.follow._SILENT_AFTER_S", 0.01)
    promised = threading.Event()

    def wait(number: int) -> None:
        if number == 1:
            assert promised.wait(PATIENCE_S)

    display = FakeDisplay(lambda text: promised.set() if text == PROMISED else None)
    server = ScriptedServer(Does.TELLS, Does.TELLS, Does.ENDS, before=wait)
    assert follow_to_the_end(server, display, interrupted()).state is JobState.CANCELLED


def test_a_cancelled_job_is_cancelled_again_by_a_server_that_may_have_forgotten() -> None:
    server = ScriptedServer(Does.TELLS, Does.TELLS, Does.IS_GONE, Does.TELLS, Does.TELLS, Does.ENDS)
    follow_to_the_end(server, interrupts=interrupted())
    # Once before the loss and once after it; and once more when the end of the submission is told only after
    # that answer, as nobody then knows which server gave it.
    assert server.cancelled in (["job-1"] * 2, ["job-1"] * 3)


def test_who_leaves_a_cancelled_job_is_not_told_that_it_goes_on() -> None:
    display = FakeDisplay(lambda text: signal.raise_signal(signal.SIGINT) if text == CANCELLING else None)
    interrupts = interrupted()
    with pytest.raises(KeyboardInterrupt), interrupts.caught():
        follow_to_the_end(ScriptedServer(Does.TELLS), display, interrupts)
    assert display.said_with("goes on") == 0


def test_a_job_with_a_priority_says_so() -> None:
    class Hurried(ScriptedServer):
        def job_status(self, job_id: str) -> JobStatus:
            return dataclasses.replace(super().job_status(job_id), priority=-5)

    display = FakeDisplay()
    follow_to_the_end(Hurried(Does.TELLS, Does.TELLS, Does.ENDS), display)
    assert display.said == ["job job-1: /base by load-balancing, priority -5"]
