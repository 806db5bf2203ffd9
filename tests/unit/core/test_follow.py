import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pixfarm.errors import AnswerLost, InvalidRequest, PixfarmError, UnknownJob, Unreachable
from pixfarm.follow import Interrupts, follow
from pixfarm.model import JobReport, JobState, JobStatus, Strategy
from tests.unit.core.farm_parts import PATIENCE_S, spec

SPEC = spec(Path("/base"))


@pytest.fixture(autouse=True)
def short_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is asked for progress again at once."""
    monkeypatch.setattr("pixfarm.follow._ASK_EVERY_S", 0.001)


def report(state: JobState) -> JobReport:
    return JobReport(**summary(state), failures=())


def summary(state: JobState):  # type: ignore[no-untyped-def] # noqa: ANN201
    return {
        "job_id": "job-1",
        "base_path": "/base",
        "strategy": Strategy.LOAD_BALANCING,
        "state": state,
        "total": 3,
        "done": 0,
        "failed": 0,
        "not_done": 0,
        "rejections": 0,
        "retries": 0,
        "elapsed_s": 1.0,
        "nodes": (),
    }


class FakeServer:
    """Runs one job until it is cancelled, or has been asked often enough about it.

    Args:
        at_ask: called with the number of each question for progress, from 1 on; may raise.
        asks: how many questions the job takes.
        submit_error: raised instead of a report.
    """

    def __init__(
        self,
        at_ask: Callable[[int], None] = lambda _number: None,
        asks: int = 3,
        submit_error: PixfarmError | None = None,
    ) -> None:
        self._at_ask = at_ask
        self._asks = asks
        self._submit_error = submit_error
        self._ended = threading.Event()
        self.submitted: list[tuple[str, Strategy, str]] = []
        self.cancelled: list[str] = []
        self.asked = 0

    def submit_request(self, base_path: str, strategy: Strategy, job_id: str) -> JobReport:
        self.submitted.append((base_path, strategy, job_id))
        if self._submit_error:
            raise self._submit_error
        assert self._ended.wait(PATIENCE_S)
        return report(JobState.CANCELLED if self.cancelled else JobState.FINISHED)

    def job_status(self, job_id: str) -> JobStatus:
        self.asked += 1
        if self.asked >= self._asks:
            self._ended.set()
        self._at_ask(self.asked)
        return JobStatus(**summary(JobState.RUNNING), running=1, listing_complete=True)

    def cancel_job(self, job_id: str) -> None:
        self.cancelled.append(job_id)
        self._ended.set()


class FakeDisplay:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.shown: list[JobStatus] = []
        self.said: list[str] = []

    def show(self, status: JobStatus) -> None:
        self.shown.append(status)

    def say(self, text: str) -> None:
        self.said.append(text)


def test_a_job_is_submitted_once_and_its_report_comes_back() -> None:
    server = FakeServer()
    assert follow(server, SPEC, FakeDisplay(), Interrupts()) == report(JobState.FINISHED)
    assert server.submitted == [("/base", Strategy.LOAD_BALANCING, "job-1")]


def test_progress_is_shown_while_the_job_runs() -> None:
    display = FakeDisplay()
    follow(FakeServer(asks=4), SPEC, display, Interrupts())
    assert len(display.shown) >= 4
    assert display.said == [f"job {SPEC.job_id}: {SPEC.base_path} by {SPEC.strategy}"]


def test_a_job_that_the_server_does_not_know_yet_is_waited_for() -> None:
    def not_yet(number: int) -> None:
        if number < 3:
            raise UnknownJob("job-1")

    display = FakeDisplay()
    follow(FakeServer(not_yet, asks=4), SPEC, display, Interrupts())
    assert len(display.shown) >= 2


def test_a_refused_request_is_raised() -> None:
    server = FakeServer(submit_error=InvalidRequest("base path '/base' does not exist"))
    with pytest.raises(InvalidRequest, match="does not exist"):
        follow(server, SPEC, FakeDisplay(), Interrupts())


@pytest.mark.parametrize("error", [AnswerLost("fell silent"), Unreachable("connection refused")])
def test_a_server_that_is_lost_is_not_waited_for(error: PixfarmError) -> None:
    def lost(_number: int) -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        follow(FakeServer(lost, asks=1), SPEC, FakeDisplay(), Interrupts())


def test_the_first_ctrl_c_cancels_once_and_waits_for_the_report() -> None:
    class BusyServer(FakeServer):
        def cancel_job(self, job_id: str) -> None:
            self.cancelled.append(job_id)  # what runs takes some more time

    server, display, interrupts = BusyServer(asks=5), FakeDisplay(), Interrupts()
    interrupts.count = 1
    assert follow(server, SPEC, display, interrupts).state is JobState.CANCELLED
    assert server.cancelled == ["job-1"]
    assert [line for line in display.said if "Ctrl-C" in line] == [
        "cancelling: running images finish; Ctrl-C again to leave at once"
    ]


def test_a_job_that_is_not_known_yet_is_cancelled_as_soon_as_it_is() -> None:
    class SlowServer(FakeServer):
        def cancel_job(self, job_id: str) -> None:
            if not self.cancelled:
                self.cancelled.append("too early")
                raise UnknownJob(job_id)
            super().cancel_job(job_id)

    server, display, interrupts = SlowServer(asks=1_000_000), FakeDisplay(), Interrupts()
    interrupts.count = 1
    follow(server, SPEC, display, interrupts)
    assert server.cancelled == ["too early", "job-1"]
    assert len([line for line in display.said if "Ctrl-C" in line]) == 1


def test_the_first_ctrl_c_only_counts_and_the_second_leaves() -> None:
    interrupts = Interrupts()
    with interrupts.caught():
        signal.raise_signal(signal.SIGINT)
        assert interrupts.count == 1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_afterwards_ctrl_c_means_what_it_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts().caught():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_sigterm_unwinds_the_client() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught, Interrupts().caught():
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


def test_ctrl_c_leaves_a_job_that_is_not_ours_at_once() -> None:
    interrupts = Interrupts(cancels=False)
    with interrupts.caught(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
