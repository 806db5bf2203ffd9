"""The two calls that a client may have under way at once: one that waits for the report, one that asks."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, NamedTuple, Protocol, TypeVar

from pixfarm.model import JobReport, JobSpec, JobStatus

T = TypeVar("T")


class Server(Protocol):
    """The calls of wire.ServerCaller that are needed here."""

    def submit_request(self, spec: JobSpec) -> JobReport:
        """Runs a job to its end; attaches to it when the server has it already."""

    def job_status(self, job_id: str) -> JobStatus:
        """Tells a job's progress."""

    def cancel_job(self, job_id: str) -> None:
        """Starts no further image."""


class Answer(NamedTuple):
    """The progress of the job, and whether the server was told to cancel it."""

    status: JobStatus
    is_cancelled: bool


class Conversation:
    """Talks to a server about one job.

    Each call is made in a thread of its own, so that nothing that the server does or fails to do keeps
    its caller waiting. A thread whose call never ends is left behind, as a daemon.

    Args:
        server: whom to talk to.
        spec: the job.
    """

    def __init__(self, server: Server, spec: JobSpec) -> None:
        self._server = server
        self._spec = spec
        self._submission: Future[JobReport] | None = None
        self._question: Future[Answer] | None = None
        self._asked_at = 0.0

    @property
    def is_submitted(self) -> bool:
        """Whether the server has been asked for the report, and that call has not failed."""
        return self._submission is not None

    @property
    def asked_for_s(self) -> float | None:
        """Seconds since the question that is not answered yet; None when there is none."""
        return None if self._question is None else time.monotonic() - self._asked_at

    def submit(self) -> None:
        """Asks for the report; take_report() has it when the job has ended."""
        self._submission = _begin("submit", lambda: self._server.submit_request(self._spec))

    def ask(self, *, cancels: bool) -> None:
        """Asks for the progress, for take_answer(), after cancelling the job if that is wanted."""

        def ask() -> Answer:
            if cancels:
                self._server.cancel_job(self._spec.job_id)
            return Answer(self._server.job_status(self._spec.job_id), cancels)

        self._asked_at = time.monotonic()
        self._question = _begin("ask", ask)

    def forget_question(self) -> None:
        """Wants no answer to the question any more."""
        self._question = None

    def wait(self, timeout_s: float) -> None:
        """Returns when a call has ended, or that many seconds have passed."""
        calls: list[Future[Any]] = [call for call in (self._submission, self._question) if call is not None]
        if calls:
            wait(calls, timeout_s, FIRST_COMPLETED)
        else:
            time.sleep(timeout_s)

    def take_report(self) -> JobReport | None:
        """The report, once it is there; raises what submit_request raised, once."""
        submission = self._submission
        if submission is None or not submission.done():
            return None
        self._submission = None
        return submission.result()

    def take_answer(self) -> Answer | None:
        """The answer to the last question, once; raises what cancel_job and job_status raised, once."""
        question = self._question
        if question is None or not question.done():
            return None
        self._question = None
        return question.result()


def _begin(name: str, call: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - top of a thread; raised again by the one that looks
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
