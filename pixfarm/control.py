"""Whether a job goes on: running, paused, stopped early and why, or ended."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pixfarm.errors import FailureCode, GaveUp
from pixfarm.model import JobState
from pixfarm.stopwatch import Stopwatch

_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 0.25


class Suspended(GaveUp):
    """The server stops; the job goes on when it is back."""

    def __init__(self) -> None:
        super().__init__(FailureCode.CANCELLED, "the server stops; the job goes on when it is back")


@dataclass(frozen=True, slots=True)
class Brakes:
    """How a job stops its images.

    Args:
        check: raises GaveUp when the job has stopped.
        pause: waits that many seconds, or until the job stops.
        since: clock time from which the wait for a usable node counts.
    """

    check: Callable[[], None]
    pause: Callable[[float], None]
    since: float


class Control:
    """The state of one job; every method may be called from any thread.

    Args:
        job_id: the job, for the log.
        on_stop: called once when it stops early, to wake what waits elsewhere.
        elapsed_s: seconds of earlier runs.
    """

    def __init__(self, job_id: str, on_stop: Callable[[], None], elapsed_s: float = 0.0) -> None:
        self._job_id = job_id
        self._on_stop = on_stop
        self._lock = threading.Lock()
        self._stopped: GaveUp | None = None
        self._stop_event = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._outcome: JobState | None = None
        self._ended = threading.Event()
        self.waits_since = time.monotonic()
        self.stopwatch = Stopwatch(time.monotonic, elapsed_s)

    def brakes(self) -> Brakes:
        """How it stops its images, from now on."""
        return Brakes(self.check, self.rest, self.waits_since)

    @property
    def stopped(self) -> GaveUp | None:
        """Why it stopped early, or None."""
        return self._stopped

    @property
    def is_suspended(self) -> bool:
        """Whether it is left to a later run."""
        return isinstance(self._stopped, Suspended)

    @property
    def has_ended(self) -> bool:
        """Whether nothing changes any more."""
        return self._ended.is_set()

    @property
    def is_paused(self) -> bool:
        """Whether no image is started until resume()."""
        return not self._go.is_set()

    @property
    def state(self) -> JobState:
        """Where the job stands."""
        if self._outcome is not None:
            return self._outcome
        return JobState.PAUSED if self.is_paused else JobState.RUNNING

    def stop(self, why: GaveUp) -> None:
        """Stops it early; the first reason counts."""
        with self._lock:
            if self._stopped is not None or self._outcome is not None:
                return
            self._stopped = why
        self._stop_event.set()
        self._on_stop()
        if why.code is not FailureCode.CANCELLED:
            _log.error("job %s stops: %s", self._job_id, why)

    def check(self) -> None:
        """Goes on, or not.

        Raises:
            GaveUp: it has stopped.
        """
        if (stopped := self._stopped) is not None:
            # A new one each time: one that is raised a million times drags a million tracebacks along.
            raise Suspended if isinstance(stopped, Suspended) else GaveUp(stopped.code, stopped.message)

    def rest(self, seconds: float) -> None:
        """Waits that long, or until it stops."""
        self._stop_event.wait(seconds)

    def pause(self) -> bool:
        """Starts no further image until resume(); False when it starts none any more anyway."""
        with self._lock:
            if self._stopped is not None or self._outcome is not None:
                return False
            self._go.clear()
            self.stopwatch.stop()
            return True

    def resume(self) -> bool:
        """Goes on after pause(); False when it has stopped and cannot."""
        with self._lock:
            if self._stopped is not None or self._outcome is not None:
                return False
            self.waits_since = time.monotonic()
            self.stopwatch.go_on()
            self._go.set()
            return True

    def wait_while_paused(self) -> None:
        """Waits for resume().

        Raises:
            GaveUp: it has stopped.
        """
        while self.is_paused:
            self.check()  # before the wait: each of a million images that are left comes by here
            self._go.wait(_LOOK_AGAIN_S)

    def decide(self, not_done: int) -> None:
        """All images have ended: settles how the job ends.

        Args:
            not_done: images that were left.
        """
        with self._lock:
            self.stopwatch.stop()
            if self.is_suspended:
                return
            is_cancelled = self._stopped is not None and self._stopped.code is FailureCode.CANCELLED
            if is_cancelled and not not_done:
                self._stopped = None  # it came too late to stop anything
            if self._stopped is None:
                self._outcome = JobState.FINISHED
            else:
                self._outcome = JobState.CANCELLED if is_cancelled else JobState.GAVE_UP

    def end(self) -> None:
        """Lets those go who wait for the end."""
        self._ended.set()

    def wait(self, timeout_s: float) -> bool:
        """Waits for the end; whether it came in time."""
        return self._ended.wait(timeout_s)
