"""A server that does at each question what a test tells it, in place of sockets and crashes."""

import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from pixfarm.errors import AnswerLost, UnknownJob, Unreachable
from pixfarm.model import JobReport, JobSpec, JobState, JobStatus, Strategy

PATIENCE_S = 10.0  # for what happens at once, unless it never does
SPEC = JobSpec("job-1", "/base", Strategy.LOAD_BALANCING)


class Does(Enum):
    """What the server does when it is asked for progress."""

    TELLS = auto()
    DOES_NOT_KNOW = auto()
    IS_GONE = auto()  # and whoever waits for a report has lost it
    IS_SILENT = auto()  # and whoever waits for a report goes on waiting
    DROPS = auto()  # tells; but whoever waits for a report has lost it
    ENDS = auto()  # tells, and the job has ended


def summary(state: JobState) -> dict[str, Any]:
    return {
        "job_id": "job-1",
        "base_path": "/base",
        "strategy": Strategy.LOAD_BALANCING,
        "state": state,
        "total": 3,
        "done": 2,
        "failed": 0,
        "not_done": 0,
        "rejections": 0,
        "retries": 0,
        "elapsed_s": 100.0,
        "nodes": (),
    }


def report(state: JobState = JobState.FINISHED) -> JobReport:
    return JobReport(**summary(state), failures=())


class ScriptedServer:
    """Has one job.

    Args:
        does: what it does at each question, one after the other; the last for ever.
        before: called with the number of each question, from 1 on, before it is answered.
        reachable: whether the first submission gets through; it does so before the first question.
    """

    def __init__(
        self, *does: Does, before: Callable[[int], None] = lambda _number: None, reachable: bool = True
    ) -> None:
        self._does = does
        self._before = before
        self._change = threading.Condition()
        self._is_up = self._reachable = reachable
        self._epoch = 0
        self._has_ended = False
        self.submitted: list[JobSpec] = []
        self.cancelled: list[str] = []
        self.asked_at: list[float] = []

    def submit_request(self, spec: JobSpec) -> JobReport:
        with self._change:
            if not self._is_up:
                raise Unreachable("connection refused")
            self.submitted.append(spec)
            self._change.notify_all()
            epoch = self._epoch
            assert self._change.wait_for(lambda: self._has_ended or self._epoch != epoch, PATIENCE_S)
            if self._epoch != epoch:
                raise AnswerLost("server was lost")
            return report(JobState.CANCELLED if self.cancelled else JobState.FINISHED)

    def job_status(self, job_id: str) -> JobStatus:
        self.asked_at.append(time.monotonic())
        number = len(self.asked_at)
        self._before(number)
        does = self._does[min(number, len(self._does)) - 1]
        with self._change:
            assert self._change.wait_for(lambda: self.submitted or not self._reachable, PATIENCE_S)
            self._is_up = does is not Does.IS_GONE
            self._epoch += does in (Does.IS_GONE, Does.DROPS)
            self._has_ended = self._has_ended or does is Does.ENDS
            self._change.notify_all()
        if does is Does.IS_GONE:
            raise Unreachable("connection refused")
        if does is Does.IS_SILENT:
            raise AnswerLost("no answer within 10 s")
        if does is Does.DOES_NOT_KNOW:
            raise UnknownJob(job_id)
        return JobStatus(**summary(JobState.RUNNING), running=1, listing_complete=True)

    def cancel_job(self, job_id: str) -> None:
        upcoming = self._does[min(len(self.asked_at), len(self._does) - 1)]
        if upcoming in (Does.IS_GONE, Does.IS_SILENT, Does.DOES_NOT_KNOW):
            self.job_status(job_id)
        self.cancelled.append(job_id)


class FakeDisplay:
    """Keeps what it is shown."""

    def __init__(self, on_say: Callable[[str], None] = lambda _text: None) -> None:
        self.shown: list[JobStatus] = []
        self.said: list[str] = []
        self._on_say = on_say

    def show(self, status: JobStatus) -> None:
        self.shown.append(status)

    def say(self, text: str) -> None:
        self.said.append(text)
        self._on_say(text)

    def said_with(self, words: str) -> int:
        """In how many lines these words were said."""
        return sum(words in line for line in self.said)
