"""Follows a job from submission to report, past the loss and the return of the server."""

import dataclasses
import time
from dataclasses import dataclass
from typing import Protocol

from pixfarm.conversation import Answer, Conversation, Server
from pixfarm.errors import AnswerLost, InvalidRequest, PeerError, UnknownJob, Unreachable
from pixfarm.interrupts import Interrupts
from pixfarm.model import JobReport, JobSpec, JobState, JobStatus

_SILENT_AFTER_S = 1.0
_GOES_ON = (JobState.RUNNING, JobState.PAUSED)


class Display(Protocol):
    """The part of console.Progress that is needed here."""

    def show(self, status: JobStatus) -> None:
        """Draws progress."""

    def say(self, text: str) -> None:
        """Prints a line."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often the server is asked, and how long it is waited for, in seconds.

    Args:
        wait_s: how long a lost server may take to come back.
        ask_s: from one answer about the progress to the next question.
        first_pause_s: from the loss of the server to the first question whether it is back.
        longest_pause_s: up to which the pauses between these questions double.
    """

    wait_s: float = 30.0
    ask_s: float = 0.2
    first_pause_s: float = 0.25
    longest_pause_s: float = 2.0


PATIENCE = Patience()


def follow(
    server: Server, spec: JobSpec, display: Display, interrupts: Interrupts, patience: Patience = PATIENCE
) -> JobReport:
    """The report of a job, submitted or attached to.

    A server that is lost on the way is waited for; when it is back and knows the job, the job is attached
    to again. A job that the server does not know is never submitted a second time.

    Raises:
        InvalidRequest: the server refuses the job, or came back without it.
        Unreachable: the server could not be reached at all; nothing was submitted.
        AnswerLost: the server was lost, and did not come back in time; the job may go on without us.
        ForeignPeer: it answers as no server of this version would.
        KeyboardInterrupt: the Ctrl-C that leaves.
    """
    follower = _Follower(Conversation(server, spec), spec.job_id, display, interrupts, patience)
    try:
        return follower.run()
    except KeyboardInterrupt:
        if not follower.is_cancelled:
            display.say(f"left; job {spec.job_id} goes on; client.py --cancel {spec.job_id} stops it")
        raise


class _Follower:
    """One job as its client knows it; all its decisions are made in one thread."""

    def __init__(
        self,
        conversation: Conversation,
        job_id: str,
        display: Display,
        interrupts: Interrupts,
        patience: Patience,
    ) -> None:
        self._conversation = conversation
        self._job_id = job_id
        self._display = display
        self._interrupts = interrupts
        self._patience = patience
        self.is_cancelled = self._has_promised = False
        self._seen: JobStatus | None = None
        self._lost_at = self._ask_at = 0.0
        self._loss: PeerError | None = None  # from an unanswered question to the next answer
        self._pause_s = patience.first_pause_s

    def run(self) -> JobReport:
        """Submits the job and waits for its report."""
        self._conversation.submit()
        self._ask_after(self._patience.ask_s)
        while True:
            self._wait_for_news()
            report = self._look_for_report()
            if report is not None:
                return report
            self._look_for_answer()
            self._heed_interrupts()
            self._bear_the_loss()
            if self._conversation.asked_for_s is None and time.monotonic() >= self._ask_at:
                self._conversation.ask(cancels=self._interrupts.count > 0 and not self.is_cancelled)

    def _ask_after(self, pause_s: float) -> None:
        self._ask_at = time.monotonic() + pause_s

    def _wait_for_news(self) -> None:
        timeout_s = self._patience.ask_s
        if self._conversation.asked_for_s is None:
            timeout_s = max(0.0, min(timeout_s, self._ask_at - time.monotonic()))
        self._conversation.wait(timeout_s)

    def _look_for_report(self) -> JobReport | None:
        try:
            report = self._conversation.take_report()
        except (AnswerLost, Unreachable) as error:
            if self._seen is None and isinstance(error, Unreachable):
                raise  # the first contact: nothing was sent, so there is no job to wait for
        else:
            if report is None or report.state not in _GOES_ON:
                return report
            # No end: the server is about to stop, or waits for the job to be resumed.
        # What the server said before its loss says nothing about the one that comes back.
        self._conversation.forget_question()
        self.is_cancelled = False
        self._ask_after(self._pause_s)
        return None

    def _look_for_answer(self) -> None:
        try:
            answer = self._conversation.take_answer()
        except UnknownJob as error:
            if self._seen is not None or not self._conversation.is_submitted:
                raise InvalidRequest(
                    f"the server was lost, and knows no job {self._job_id} now: it was started with another "
                    "--state, or was lost before it had taken on the job; submit it again"
                ) from error
            self._have_server()  # and the submission is still on its way
        except (AnswerLost, Unreachable) as error:
            self._lose_server(error)
        else:
            if answer is not None:
                self._have_server()
                self._show(answer)

    def _show(self, answer: Answer) -> None:
        status = answer.status
        if not self._conversation.is_submitted:
            self._conversation.submit()  # the server knows the job: this attaches to it
        if self._seen is None:
            priority = f", priority {status.priority}" if status.priority else ""
            self._display.say(f"job {self._job_id}: {status.base_path} by {status.strategy}{priority}")
        if answer.is_cancelled:
            self.is_cancelled = True
            self._display.say("cancelling: running images finish; Ctrl-C again to leave at once")
        self._seen = status
        self._display.show(status)

    def _have_server(self) -> None:
        if self._loss is not None:
            self._display.say("the server is back")
        self._loss = None
        self._pause_s = self._patience.first_pause_s
        self._ask_after(self._patience.ask_s)

    def _lose_server(self, error: PeerError) -> None:
        self._ask_after(self._pause_s)
        if self._seen is None and self._conversation.is_submitted and isinstance(error, Unreachable):
            return  # at the first contact it is for the submission to tell whether there is a server
        self._pause_s = min(2 * self._pause_s, self._patience.longest_pause_s)
        self.is_cancelled = False  # perhaps the server has forgotten: cancelled again, which does no harm
        if self._loss is None:
            self._lost_at = time.monotonic()
            self._display.say(
                f"server lost; waiting for it to come back (job {self._job_id} goes on there by itself)"
            )
        self._loss = error

    def _heed_interrupts(self) -> None:
        if not self._interrupts.count or self.is_cancelled or self._has_promised:
            return
        # Else the next question, in a moment, cancels the job and says so.
        if self._loss is not None or (self._conversation.asked_for_s or 0.0) > _SILENT_AFTER_S:
            self._has_promised = True
            self._display.say(
                f"job {self._job_id} will be cancelled as soon as the server is back; "
                "Ctrl-C again to leave at once"
            )

    def _bear_the_loss(self) -> None:
        if self._loss is None:
            return
        waited_s = time.monotonic() - self._lost_at
        if waited_s >= self._patience.wait_s:
            raise AnswerLost(
                f"{self._loss}; the server was lost and not back within {self._patience.wait_s:g} s; "
                f"job {self._job_id} may still run: ask with client.py --attach {self._job_id}"
            ) from self._loss
        if self._seen is not None:
            # Its time stands still: a server that does not run does not count the time of its jobs.
            message = f"waiting {waited_s:.0f} of {self._patience.wait_s:g} s for the server"
            self._display.show(dataclasses.replace(self._seen, message=message))
