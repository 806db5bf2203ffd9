"""All jobs of a server: running ones, and the last that ended."""

import logging
import threading
import time
import uuid
from collections.abc import Callable

from pixfarm.dispatch import Farm, Job
from pixfarm.errors import InvalidRequest, UnknownJob
from pixfarm.model import JobReport, JobSpec, Strategy

_log = logging.getLogger(__name__)

MAX_RUNNING = 64
MAX_ENDED = 200


class Jobs:
    """Starts jobs, finds them again, and ends them with the server.

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
        self._closed = False

    def submit(self, base_path: str, strategy: Strategy, job_id: str | None = None) -> Job:
        """A new job, running; or, for a known id, the job that has it.

        Raises:
            InvalidRequest: the base path is not usable, the id belongs to another request, or the server
                has too many jobs or is shutting down.
        """
        job_id = job_id or uuid.uuid4().hex
        spec = JobSpec(job_id, base_path, strategy)
        with self._lock:
            known = self._jobs.get(job_id)
            if known is not None:
                if known.spec != spec:
                    raise InvalidRequest(
                        f"job {job_id} is {known.spec.base_path} by {known.spec.strategy}; "
                        "choose another id for another request"
                    )
                return known
            self._refuse_when_full()
            job = Job(spec, self._farm)
            thread = threading.Thread(target=self._run, args=(job,), name=f"job {job_id}", daemon=True)
            thread.start()  # first, so that a job without a thread is never registered
            self._jobs[job_id] = job
            self._threads[job_id] = thread
        _log.info("job %s begins: %s by %s", job_id, base_path, strategy)
        return job

    def get(self, job_id: str) -> Job:
        """The job of that id.

        Raises:
            UnknownJob: there is none, or it ended long ago.
        """
        with self._lock:
            if job_id not in self._jobs:
                raise UnknownJob(job_id)
            return self._jobs[job_id]

    def all(self) -> list[Job]:
        """Running and recently ended jobs, oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def close(self, grace_s: float) -> None:
        """Starts no further image of any job and waits for running ones; may be called twice."""
        with self._lock:
            self._closed = True
            threads = list(self._threads.values())
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel("the server is shutting down")
        deadline = time.monotonic() + grace_s
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, job: Job) -> None:
        job.run()
        report = job.report()
        with self._lock:
            del self._threads[job.spec.job_id]
            ended = [job_id for job_id in self._jobs if job_id not in self._threads]
            for job_id in ended[:-MAX_ENDED]:
                del self._jobs[job_id]
        self._on_end(report)

    def _refuse_when_full(self) -> None:
        if self._closed:
            raise InvalidRequest("the server is shutting down; submit again when it is back")
        if len(self._threads) >= MAX_RUNNING:
            raise InvalidRequest(
                f"the server runs {MAX_RUNNING} jobs already; submit again when one has ended"
            )
