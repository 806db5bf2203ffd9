"""The jobs that are going on: a thread for each, and snapshots of them for the journal."""

import logging
import threading
import time
from collections.abc import Callable, Iterable

from pixfarm.dispatch import Job
from pixfarm.errors import InvalidRequest
from pixfarm.model import JobReport
from pixfarm.shared import Farm

_log = logging.getLogger(__name__)

MAX_RUNNING = 64
_SNAPSHOT_EVERY_S = 1.0
_ENDING_S = 2.0


class RunningJobs:
    """Jobs that go on, or are paused; every method may be called from any thread.

    Args:
        farm: what the jobs share.
        on_end: called with the report of each job that ends, in the job's thread.
    """

    def __init__(self, farm: Farm, on_end: Callable[[JobReport], None]) -> None:
        self._farm = farm
        self._on_end = on_end
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._closed = threading.Event()
        self._snapshots = threading.Thread(target=self._take_snapshots, name="snapshots", daemon=True)

    def get(self, job_id: str) -> Job | None:
        """The job of that id, or None."""
        with self._lock:
            return self._jobs.get(job_id)

    def all(self) -> dict[str, Job]:
        """All of them, by id."""
        with self._lock:
            return dict(self._jobs)

    def tokens(self) -> Iterable[str]:
        """The tokens of their runs."""
        with self._lock:
            return {job.token for job in self._jobs.values()}

    def add(self, job: Job) -> Job:
        """Takes a job in; start() or drop() must follow. Returns the one that has its id, if there is one.

        Raises:
            InvalidRequest: there are too many, or the server is shutting down.
        """
        with self._lock:
            if self._closed.is_set():
                raise InvalidRequest("the server is shutting down; submit again when it is back")
            if len(self._jobs) >= MAX_RUNNING:
                raise InvalidRequest(
                    f"the server runs {MAX_RUNNING} jobs already; submit again when one has ended"
                )
            return self._jobs.setdefault(job.spec.job_id, job)

    def drop(self, job: Job) -> None:
        """Forgets a job that could not be started."""
        with self._lock:
            del self._jobs[job.spec.job_id]

    def start(self, job: Job) -> None:
        """Runs a job in a thread of its own.

        Raises:
            RuntimeError: there can be no further thread.
        """
        job_id = job.spec.job_id
        thread = threading.Thread(target=self._run, args=(job,), name=f"job {job_id}", daemon=True)
        with self._lock:
            self._threads[job_id] = thread
        self._farm.fleet.forgive()
        try:
            thread.start()
        except RuntimeError:
            with self._lock:
                del self._threads[job_id]
            raise

    def take_snapshots(self) -> None:
        """Begins to write how far they are, once a second."""
        self._snapshots.start()

    def wait_until_gone(self, job: Job) -> None:
        """Waits a moment for the end of a job that has stopped.

        Raises:
            InvalidRequest: it has not ended.
        """
        job_id = job.spec.job_id
        with self._lock:
            thread = self._threads.get(job_id)
        if thread is not None and thread.ident is not None:
            thread.join(_ENDING_S)
        if self.get(job_id) is job:
            raise InvalidRequest(
                f"the last images of job {job_id} are at work; resume it when they have ended"
            )

    def close(self, grace_s: float) -> None:
        """Suspends all and waits for images that are under way; may be called twice."""
        self._closed.set()
        with self._lock:
            threads = list(self._threads.values())
            jobs = list(self._jobs.values())
        for job in jobs:
            job.suspend()
        # After that: a job whose rows are given up must not be told as ended.
        self._farm.journal.hurry()
        deadline = time.monotonic() + grace_s
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        if self._snapshots.ident is not None:
            self._snapshots.join(_SNAPSHOT_EVERY_S)

    def _run(self, job: Job) -> None:
        job_id = job.spec.job_id
        self._farm.trace("job", job=job_id, state="running")
        job.run()
        state = "suspended" if job.control.is_suspended else job.control.state.value
        self._farm.trace("job", job=job_id, state=state)
        with self._lock:
            del self._threads[job_id]
            del self._jobs[job_id]
        if not job.control.is_suspended:
            self._on_end(job.report())

    def _take_snapshots(self) -> None:
        while not self._closed.wait(_SNAPSHOT_EVERY_S):
            with self._lock:
                jobs = [self._jobs[job_id] for job_id in self._threads]  # the journal knows these
            for job in jobs:
                try:
                    job.save()
                except Exception as error:  # noqa: BLE001 - top of a thread
                    _log.error("no snapshot of job %s", job.spec.job_id, exc_info=error)
