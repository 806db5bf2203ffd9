"""Follows a job from submission to report, over two connections: one that waits, one that asks."""

import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from pixfarm.errors import UnknownJob
from pixfarm.model import JobReport, JobSpec, JobStatus, Strategy

_ASK_EVERY_S = 0.2


class Server(Protocol):
    """The calls of wire.ServerCaller that are needed here."""

    def submit_request(self, base_path: str, strategy: Strategy, job_id: str) -> JobReport:
        """Runs a job to its end."""

    def job_status(self, job_id: str) -> JobStatus:
        """Tells a job's progress."""

    def cancel_job(self, job_id: str) -> None:
        """Starts no further image."""


class Display(Protocol):
    """The part of console.Progress that is needed here."""

    def show(self, status: JobStatus) -> None:
        """Draws progress."""

    def say(self, text: str) -> None:
        """Prints a line."""


class Interrupts:
    """Ctrl-C, counted: the first asks for cancellation, the second leaves at once.

    Args:
        cancels: whether the job is ours to cancel; else the first leaves at once, too.
    """

    def __init__(self, *, cancels: bool = True) -> None:
        self.count = 0
        self._cancels = cancels

    @contextmanager
    def caught(self) -> Iterator[None]:
        """While this lasts, the first Ctrl-C only counts; the one that leaves raises KeyboardInterrupt."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        signal.signal(signal.SIGINT, self._on_interrupt)
        # Unwound rather than ended on the spot, so that the terminal gets its cursor back.
        signal.signal(signal.SIGTERM, _leave)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1 or not self._cancels:
            raise KeyboardInterrupt


def follow(server: Server, spec: JobSpec, display: Display, interrupts: Interrupts) -> JobReport:
    """The report of a job, submitted or attached to.

    Raises:
        InvalidRequest: the server refuses the job.
        PeerError: the server cannot be reached, or was lost; the job may go on without us.
        KeyboardInterrupt: the second Ctrl-C.
    """
    report: Future[JobReport] = Future()
    waiting = threading.Thread(target=_submit, args=(server, spec, report), name="submit", daemon=True)
    waiting.start()
    is_announced = has_cancelled = False
    while True:
        try:
            return report.result(timeout=_ASK_EVERY_S)
        except TimeoutError:
            pass
        try:
            if interrupts.count and not has_cancelled:
                server.cancel_job(spec.job_id)
                has_cancelled = True
                display.say("cancelling: running images finish; Ctrl-C again to leave at once")
            status = server.job_status(spec.job_id)
        except UnknownJob:
            continue  # the submission is still on its way
        if not is_announced:
            display.say(f"job {spec.job_id}: {spec.base_path} by {spec.strategy}")
            is_announced = True
        display.show(status)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _submit(server: Server, spec: JobSpec, report: Future[JobReport]) -> None:
    try:
        report.set_result(server.submit_request(spec.base_path, spec.strategy, spec.job_id))
    except BaseException as error:  # noqa: BLE001 - top of a thread; raised again by the one that waits
        report.set_exception(error)
