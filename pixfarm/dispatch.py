"""One job: lists its images and starts a thread for each."""

import errno
import logging
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

from pixfarm.delivery import Brakes, Call, Delivery
from pixfarm.errors import FailureCode, GaveUp
from pixfarm.fleet import Fleet
from pixfarm.listing import eligible_files, source_tree
from pixfarm.model import Failure, JobReport, JobSpec, JobState, JobStatus
from pixfarm.slots import Slots
from pixfarm.tally import Tally

_log = logging.getLogger(__name__)
_SAY_NO_NODE_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Farm:
    """What all jobs of a server share.

    Args:
        fleet: the nodes.
        slots: bounds the image threads.
        call: has one image done by a node; raises what wire.NodeCaller.call raises.
        rng: source of chance.
    """

    fleet: Fleet
    slots: Slots
    call: Call
    rng: random.Random


class Job:
    """One submit_request, from its first image to its report.

    Args:
        spec: what is asked for.
        farm: what it shares with other jobs.

    Raises:
        InvalidRequest: the base path is not usable.
    """

    def __init__(self, spec: JobSpec, farm: Farm) -> None:
        self.spec = spec
        self._tree = source_tree(spec.base_path)
        self._farm = farm
        self._tally = Tally()
        self._delivery = Delivery(spec, farm.fleet, farm.call, self._tally, farm.rng)
        self._counted = 0
        self._listed = 0
        self._is_counted = False
        self._is_listed = False
        self._stopped: GaveUp | None = None
        self._stop_lock = threading.Lock()
        self._stop_event = threading.Event()
        self._ended = threading.Event()
        self._started_at = time.monotonic()
        self._elapsed_s: float | None = None
        self._brakes = Brakes(self._check, self._pause, self._started_at)

    def run(self) -> None:
        """Carries the job to its end; called once, in a thread of its own."""
        counting = threading.Thread(target=self._count, name=f"count {self.spec.job_id}", daemon=True)
        try:
            counting.start()
        except RuntimeError as error:
            _log.warning("cannot start a thread (%s); job %s has no early total", error, self.spec.job_id)
        try:
            for filename in eligible_files(self._tree, self._folder_failed):
                self._listed += 1
                self._start(filename)
        except Exception as error:  # noqa: BLE001 - top of a thread
            self._stop_for_bug(error)
        finally:
            self._farm.slots.wait_until_free(self.spec.job_id)
            self._is_listed = True
            if counting.ident is not None:
                counting.join()
            self._elapsed_s = time.monotonic() - self._started_at
            self._end()

    def cancel(self, message: str) -> None:
        """Starts no further image; running ones finish."""
        self._stop(GaveUp(FailureCode.CANCELLED, message))

    def wait(self, timeout_s: float) -> bool:
        """Waits for the end; whether it came in time."""
        return self._ended.wait(timeout_s)

    @property
    def has_ended(self) -> bool:
        """Whether the report is final."""
        return self._ended.is_set()

    def status(self) -> JobStatus:
        """Progress so far."""
        return JobStatus(
            **self._summary(),
            running=self._farm.slots.held(self.spec.job_id),
            listing_complete=self._is_listed or self._is_counted,
        )

    def report(self) -> JobReport:
        """What came of it; final when the job has ended."""
        return JobReport(**self._summary(), failures=self._tally.failures())

    def _count(self) -> None:
        # A look at the directory ahead of the work, so that progress has a total early. Names are not kept:
        # memory does not grow with the job.
        for _ in eligible_files(self._tree, lambda _folder, _error: None):
            if self._is_listed or self._stopped:
                return
            self._counted += 1
        self._is_counted = True

    def _start(self, filename: str) -> None:
        try:
            self._farm.slots.acquire(self.spec.job_id, self._check)
        except GaveUp as stop:
            self._not_done(filename, stop)
            return
        thread = threading.Thread(
            target=self._run_image, args=(filename,), name=f"image {filename}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            _log.warning("cannot start a thread (%s); %r is done without one of its own", error, filename)
            self._run_image(filename)

    def _run_image(self, filename: str) -> None:
        try:
            self._delivery.deliver(filename, self._brakes)
        except GaveUp as stop:
            self._stop(stop)
            self._not_done(filename, stop)
        except Exception as error:  # noqa: BLE001 - top of a thread
            self._stop_for_bug(error)
            self._tally.failed(Failure(filename, FailureCode.INTERNAL, f"a bug in the server: {error!r}"))
        finally:
            self._farm.slots.release(self.spec.job_id)

    def _not_done(self, filename: str, stop: GaveUp) -> None:
        shown = filename.encode(errors="backslashreplace").decode()
        self._tally.not_done(Failure(shown, stop.code, "not done: the job stopped"))

    def _folder_failed(self, folder: str, error: OSError) -> None:
        self._listed += 1
        shown = (folder or "./").encode(errors="backslashreplace").decode()
        message = f"the folder cannot be listed: {error.strerror}"
        is_forbidden = error.errno in {errno.EACCES, errno.EPERM}
        code = FailureCode.FORBIDDEN if is_forbidden else FailureCode.IO
        self._tally.failed(Failure(shown, code, message))

    def _check(self) -> None:
        if (stopped := self._stopped) is not None:
            # A new one each time: one that is raised a million times drags a million tracebacks along.
            raise GaveUp(stopped.code, stopped.message)

    def _pause(self, seconds: float) -> None:
        self._stop_event.wait(seconds)

    def _stop(self, stop: GaveUp) -> None:
        with self._stop_lock:
            if self._stopped is not None or self._ended.is_set():
                return
            self._stopped = stop
        self._stop_event.set()
        self._farm.fleet.wake()
        if stop.code is not FailureCode.CANCELLED:
            _log.error("job %s stops: %s", self.spec.job_id, stop)

    def _end(self) -> None:
        with self._stop_lock:
            is_cancelled = self._stopped is not None and self._stopped.code is FailureCode.CANCELLED
            if is_cancelled and not self._tally.counts()["not_done"]:
                self._stopped = None  # it came too late to stop anything
            self._ended.set()

    def _stop_for_bug(self, error: Exception) -> None:
        _log.error("a bug ends job %s", self.spec.job_id, exc_info=error)
        self._stop(GaveUp(FailureCode.INTERNAL, f"a bug in the server: {error!r}; see its log"))

    def _summary(self) -> dict[str, Any]:
        elapsed_s = self._elapsed_s
        stopped = self._stopped
        return {
            "job_id": self.spec.job_id,
            "base_path": self.spec.base_path,
            "strategy": self.spec.strategy,
            "state": self._state(),
            "total": self._listed if self._is_listed else max(self._counted, self._listed),
            **self._tally.counts(),
            "elapsed_s": time.monotonic() - self._started_at if elapsed_s is None else elapsed_s,
            "nodes": self._tally.nodes(),
            "code": str(stopped.code) if stopped else "",
            "message": self._message(),
        }

    def _state(self) -> JobState:
        if not self.has_ended:
            return JobState.RUNNING
        if self._stopped is None:
            return JobState.FINISHED
        is_cancelled = self._stopped.code is FailureCode.CANCELLED
        return JobState.CANCELLED if is_cancelled else JobState.GAVE_UP

    def _message(self) -> str:
        if self._stopped is not None:
            return str(self._stopped)
        if self.has_ended:
            return ""
        waited_s = self._farm.fleet.waits_for_nodes_s(self._started_at)
        if waited_s < _SAY_NO_NODE_AFTER_S:
            return ""
        return f"no node answers; waiting {waited_s:.0f} of {self._farm.fleet.no_node_timeout_s:g} s for one"
