"""All jobs of a server: running ones in memory, all of them in the journal."""

import dataclasses
import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from pixfarm.code_nodes import refuse_without_code
from pixfarm.dispatch import Job
from pixfarm.errors import FailureCode, InvalidRequest, StateUnusable
from pixfarm.history import History
from pixfarm.journal import JournaledJob
from pixfarm.model import ImageRecord, JobReport, JobSpec, JobState, JobStatus
from pixfarm.progress import status_of
from pixfarm.recipes import checked
from pixfarm.request_checks import check_ended, check_retry, check_same
from pixfarm.running import RunningJobs
from pixfarm.shared import Farm

_log = logging.getLogger(__name__)

MAX_LISTED = 200
_NOTED_S = 5.0


class Jobs:
    """Starts jobs, finds them again, pauses and resumes them, and suspends them with the server.

    Args:
        farm: what the jobs share.
        on_end: called with the report of each job that ends, in the job's thread.
    """

    def __init__(self, farm: Farm, on_end: Callable[[JobReport], None]) -> None:
        self._farm = farm
        self._journal = farm.journal
        self._running = RunningJobs(farm, on_end)
        self._history = History(farm.journal)

    def start(self, *, paused: bool) -> None:
        """Goes on with the unfinished jobs of an earlier server.

        Args:
            paused: only makes them ready to be resumed.
        """
        self._farm.lists.clean(self._may_go_on)
        for job in self._journal.unfinished():
            is_paused = paused or job.summary.state is JobState.PAUSED
            try:
                self._reopen(job, paused=is_paused)
            except InvalidRequest as error:
                _log.error("job %s cannot go on: %s; then: client.py --resume %s", job.spec.job_id, error,
                           job.spec.job_id)  # fmt: skip
                self._journal.save(
                    dataclasses.replace(job.summary, state=JobState.PAUSED, code="", message=str(error))
                )
        self._journal.flush()  # what cannot go on is told as paused from here on
        self._running.take_snapshots()

    def submit(self, spec: JobSpec) -> Job | None:
        """A new job, running; for a known id the job that has it, or None when that has ended.

        Raises:
            InvalidRequest: base path or recipe are not usable, the id belongs to another request, or
                the server has too many jobs or is shutting down.
        """
        spec = dataclasses.replace(spec, recipe=checked(spec.recipe))
        known = self._find(spec.job_id) if spec.job_id else None
        if known is None:
            return self._begin(dataclasses.replace(spec, job_id=spec.job_id or uuid.uuid4().hex))
        check_same(known, spec)
        return self._running.get(spec.job_id)

    def status(self, job_id: str) -> JobStatus:
        """Progress of a job.

        Raises:
            UnknownJob: there is none of that id.
        """
        job = self._running.get(job_id)
        return job.status() if job is not None else status_of(self._history.get(job_id).summary)

    def report(self, job_id: str) -> JobReport:
        """What came of a job.

        Raises:
            UnknownJob: there is none of that id.
        """
        return self._history.report(job_id)

    def images(self, job_id: str, after: str, limit: int) -> Sequence[ImageRecord]:
        """What came of a job's images so far: a page, by file name.

        Raises:
            UnknownJob: there is none of that id.
        """
        return self._history.images(job_id, after, limit)

    def cancel(self, job_id: str) -> None:
        """Starts no further image of a job; an ended one is left as it is.

        Raises:
            UnknownJob: there is none of that id.
        """
        job = self._find_running(job_id)
        if job is not None:
            job.cancel("cancelled on request")

    def pause(self, job_id: str) -> None:
        """Starts no further image of a job until it is resumed.

        Raises:
            UnknownJob: there is none of that id.
            InvalidRequest: it has ended; or it is paused, and the journal cannot be written.
        """
        job = self._find_running(job_id)
        if job is None or not job.control.pause():
            state = self._history.get(job_id).summary.state if job is None else job.control.state
            what = "ending" if state is JobState.RUNNING else state.value
            raise InvalidRequest(f"job {job_id} is {what}; only a running job can be paused")
        _log.info("job %s is paused", job_id)
        job.save()
        try:
            self._journal.flush(_NOTED_S)
        except StateUnusable as error:
            why = self._journal.problem or error
            raise InvalidRequest(
                f"job {job_id} is paused, but the journal cannot be written: {why}; until it can, "
                "a server that is started again goes on with the job"
            ) from error

    def resume(self, job_id: str) -> None:
        """Goes on with a job that was paused, was cancelled, or gave up.

        Raises:
            UnknownJob: there is none of that id.
            InvalidRequest: nothing of it is left to do, its last images are still at work, or its base path
                is not usable.
        """
        job = self._find_running(job_id)
        if job is None or not job.control.resume():
            if job is not None:
                self._running.wait_until_gone(job)
            journaled = self._history.get(job_id)
            if journaled.summary.state is JobState.FINISHED:
                again = f"client.py --retry-failed {job_id}"
                raise InvalidRequest(f"job {job_id} is finished; what failed can be done again: {again}")
            self._reopen(journaled, paused=False)
        _log.info("job %s is resumed", job_id)

    def all(self) -> list[JobStatus]:
        """The running and the latest ended jobs, oldest first."""
        running = self._running.all()
        return [
            running[known.spec.job_id].status() if known.spec.job_id in running else status_of(known.summary)
            for known in self._journal.jobs(MAX_LISTED)
        ]

    def close(self, grace_s: float) -> None:
        """Suspends all jobs and waits for images that are under way; may be called twice."""
        self._running.close(grace_s)

    def _begin(self, spec: JobSpec) -> Job:
        if spec.retry_of:
            self._check_retry(spec)
        refuse_without_code(spec.recipe, self._farm.fleet.snapshot())
        job = Job(spec, self._farm, self._running.tokens)  # looks at the base path, which may hang
        with ExitStack() as undo:
            undo.callback(job.worklist.drop_list)
            known = self._running.add(job)
            if known is not job:
                return known  # submitted twice at the same moment
            undo.callback(self._running.drop, job)
            job.worklist.keep_list()
            self._add_to_journal(job)
            undo.pop_all()
        try:
            self._run_or_give_up(job)
        except BaseException:
            self._running.drop(job)
            raise
        _log.info("job %s begins: %s by %s", spec.job_id, spec.base_path, spec.strategy)
        return job

    def _add_to_journal(self, job: Job) -> None:
        try:
            self._journal.add_job(job.spec, job.token, job.summary())
        except StateUnusable as error:  # the server stops while the order waits for a disk that is full
            raise InvalidRequest(
                f"job {job.spec.job_id} was not begun: {error}; submit it again when the server is back"
            ) from error

    def _reopen(self, journaled: JournaledJob, *, paused: bool) -> None:
        spec = journaled.spec
        checked(spec.recipe)  # of a server that may have known other operations
        refuse_without_code(spec.recipe, self._farm.fleet.snapshot())
        before = self._history.before(journaled)
        job = Job(spec, self._farm, self._running.tokens, before)
        if self._running.add(job) is not job:
            return  # resumed twice at the same moment
        try:
            if paused:
                job.control.pause()
            self._journal.add_token(spec.job_id, job.token)
            self._running.start(job)
        except BaseException:
            self._running.drop(job)
            raise
        job.save()
        ended = before.summary.done + before.summary.failed + before.summary.skipped
        if paused:
            _log.info("job %s is left paused: %s, %d images have ended; go on with client.py --resume %s",
                      spec.job_id, spec.base_path, ended, spec.job_id)  # fmt: skip
        else:
            _log.info("job %s goes on: %s, %d images have ended", spec.job_id, spec.base_path, ended)

    def _run_or_give_up(self, job: Job) -> None:
        try:
            self._running.start(job)
        except RuntimeError as error:
            # Its client sees an error: the next server must not go on with it behind the client's back.
            why, code = f"the server could not start a thread for it: {error}", str(FailureCode.INTERNAL)
            self._journal.save(
                dataclasses.replace(job.summary(), state=JobState.GAVE_UP, code=code, message=why)
            )
            raise

    def _may_go_on(self, job_id: str) -> bool:
        journaled = self._history.find(job_id)
        return journaled is not None and journaled.summary.state is not JobState.FINISHED

    def _find_running(self, job_id: str) -> Job | None:
        job = self._running.get(job_id)
        if job is None:
            self._history.get(job_id)  # raises when there is none of that id
        return job

    def _find(self, job_id: str) -> JobSpec | None:
        job = self._running.get(job_id)
        if job is not None:
            return job.spec
        journaled = self._history.find(job_id)
        return None if journaled is None else journaled.spec

    def _check_retry(self, spec: JobSpec) -> None:
        check_retry(self._find(spec.retry_of), spec)
        job = self._running.get(spec.retry_of)
        state = self._history.get(spec.retry_of).summary.state if job is None else job.control.state
        check_ended(spec.retry_of, state, can_be_cancelled=job is not None)
