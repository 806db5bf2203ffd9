"""One job: lists its images, has each done, and makes the report."""

import errno
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator

from pixfarm import cleaning
from pixfarm.asking import Asking
from pixfarm.calls import Calls
from pixfarm.control import Control, Suspended
from pixfarm.delivery import Delivery, Surroundings
from pixfarm.errors import FailureCode, GaveUp, StateUnusable
from pixfarm.flight import Flight
from pixfarm.flights import Flights
from pixfarm.ledger import Ledger
from pixfarm.listing import check_apart, source_tree
from pixfarm.model import JobReport, JobSpec, JobState, JobStatus, JobSummary
from pixfarm.outliers import flag_outliers
from pixfarm.progress import Before, Progress
from pixfarm.shared import Farm
from pixfarm.worklist import open_worklist

_log = logging.getLogger(__name__)
_SAY_NO_NODE_AFTER_S = 1.0


class Job:
    """One submit_request, from its first image to its report.

    Args:
        spec: what is asked for.
        farm: what it shares with other jobs.
        living: the tokens of all runs that are going on.
        before: the run that this one goes on with.

    Raises:
        InvalidRequest: the base path is not usable; its images cannot be told, or results would share a name.
    """

    def __init__(
        self, spec: JobSpec, farm: Farm, living: Callable[[], Iterable[str]], before: Before | None = None
    ) -> None:
        self.spec = spec
        self.token = uuid.uuid4().hex  # names temporary files: no two runs of any job share it
        self._tree = source_tree(spec.base_path, output_dir=spec.output.directory)
        check_apart(self._tree)
        self.worklist = open_worklist(
            spec, self._tree, farm.journal, farm.lists, is_resumed=before is not None
        )
        self._farm = farm
        self._living = living
        self.control = Control(spec.job_id, farm.fleet.wake, before.summary.elapsed_s if before else 0.0)
        self._progress = Progress(spec, self.control, before)
        self._save_lock = threading.Lock()
        self._is_saved = False
        tally = self._progress.tally
        self._ledger = Ledger(spec.job_id, farm.journal, tally, farm.trace)
        calls = Calls(spec, farm.fleet, farm.send, tally, farm.trace)
        asking = Asking(spec, self._tree.source_dir, self.token, calls)
        around = Surroundings(farm.fleet, farm.lives, self._is_there, farm.rng)
        self._delivery = Delivery(spec, around, asking, self._ledger, tally)
        self._flights = Flights(spec, farm.slots, self._delivery, self.control, self._carry)

    def run(self) -> None:
        """Carries the job to its end; called once, in a thread of its own."""
        helpers = [self._helper("count", self._count), self._helper("sweep", self._sweep)]
        try:
            for filename in self.worklist.to_do(self._names(), self._ledger.skipped):
                self._start(filename)
        except Suspended:
            _log.debug("job %s is suspended", self.spec.job_id)
        except Exception as error:  # noqa: BLE001 - top of a thread
            self._stop_for_bug(error)
        finally:
            self._flights.finish(self._progress.listed, self._progress.tally)
            self._progress.is_listed = not self.control.is_suspended
            for helper in filter(None, helpers):
                helper.join()
            self._end()

    def cancel(self, message: str) -> None:
        """Starts no further image; running ones finish."""
        self.control.stop(GaveUp(FailureCode.CANCELLED, message))

    def suspend(self) -> None:
        """Starts no further image and notes nothing of those left: a later run goes on with them."""
        self.control.stop(Suspended())

    def summary(self) -> JobSummary:
        """What report and progress have in common."""
        return self._progress.summary()

    def save(self) -> None:
        """Queues a snapshot for the journal, unless the last one is there."""
        with self._save_lock:
            if not self._is_saved:
                self._farm.journal.save(self._progress.summary())

    def status(self) -> JobStatus:
        """Progress so far."""
        return self._progress.status(self._farm.slots.held(self.spec.job_id), self._waits_for())

    def report(self) -> JobReport:
        """What came of it; final when the job has ended."""
        return self._progress.report()

    def _names(self) -> Iterator[str]:
        for filename in self.worklist.names(self._folder_failed):
            if self.control.is_suspended:
                self.control.check()  # here, too: it may be that all are passed over, and none is started
            self._progress.listed += 1
            yield filename

    def _count(self) -> None:
        # A look at the directory ahead of the work, so that progress has a total early. Names are not kept:
        # memory does not grow with the job.
        for _ in self.worklist.names(lambda _folder, _error: None):
            if self._progress.is_listed or self.control.stopped:
                return
            self._progress.counted += 1
        self._progress.is_counted = True

    def _sweep(self) -> None:
        owner_of = self._farm.journal.owner_of
        cleaning.sweep(self._tree, owner_of, self._living, lambda: self.control.stopped is not None)

    def _helper(self, what: str, work: Callable[[], None]) -> threading.Thread | None:
        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - top of a thread
                _log.error("job %s goes on without its helper: %s", self.spec.job_id, what, exc_info=error)

        thread = threading.Thread(target=run, name=f"{what} {self.spec.job_id}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            _log.warning(
                "cannot start a thread (%s) to %s; job %s waits for it", error, what, self.spec.job_id
            )
            run()
            return None
        return thread

    def _start(self, filename: str) -> None:
        try:
            self._flights.start(filename)
        except Suspended:
            raise
        except GaveUp as stop:
            self._ledger.not_done(filename, stop.code)

    def _carry(self, flight: Flight) -> None:
        try:
            self._deliver(flight)
        except GaveUp as stop:
            self.control.stop(stop)
            with flight.end() as is_first:
                if is_first and not isinstance(stop, Suspended):
                    self._ledger.not_done(flight.filename, stop.code)
        except Exception as error:  # noqa: BLE001 - top of a thread
            self._on_bug(flight, error)

    def _on_bug(self, flight: Flight, error: Exception) -> None:
        if self.control.is_suspended and isinstance(error, StateUnusable):
            # The journal was closed before this image came to its end.
            _log.warning(
                "job %s: what came of %r is not noted; it is done again", self.spec.job_id, flight.filename
            )
            with flight.end():
                return
        self._stop_for_bug(error)
        with flight.end() as is_first:
            if is_first:
                why = f"a bug in the server: {error!r}"
                self._ledger.failed(flight.filename, FailureCode.INTERNAL, why)

    def _deliver(self, flight: Flight) -> None:
        while True:
            try:
                self._delivery.deliver(flight, self.control.brakes())
            except GaveUp:
                if not self.control.is_paused:
                    raise
                # Nodes may well be switched off in a pause: no reason to give up before it is over.
                self.control.wait_while_paused()
            else:
                return

    def _folder_failed(self, folder: str, error: OSError) -> None:
        name = folder or "./"
        self._progress.listed += 1
        if self.worklist.is_ended(name):
            return
        is_forbidden = error.errno in {errno.EACCES, errno.EPERM}
        code = FailureCode.FORBIDDEN if is_forbidden else FailureCode.IO
        self._ledger.failed(name, code, f"the folder cannot be listed: {error.strerror}")

    def _is_there(self, filename: str) -> bool:
        return (self._tree.source / filename).exists()

    def _end(self) -> None:
        try:
            self._farm.journal.flush()  # all ends of images are counted from here on
            if not self.control.is_suspended:
                flag_outliers(self.spec, self._farm.journal, self._progress.tally)
            cleaning.remove(self._tree, self._delivery.doubtful)
            with self._save_lock:
                self.control.decide(self._progress.tally.counts()["not_done"])
                self._farm.journal.save(self._progress.summary())
                self._is_saved = True
            self._farm.journal.flush()
            if self.control.state is JobState.FINISHED:
                self.worklist.drop_list()
        except StateUnusable as error:
            _log.warning("job %s: its end is not noted: %s", self.spec.job_id, error)
        finally:
            self.control.end()

    def _stop_for_bug(self, error: Exception) -> None:
        _log.error("a bug ends job %s", self.spec.job_id, exc_info=error)
        self.control.stop(GaveUp(FailureCode.INTERNAL, f"a bug in the server: {error!r}; see its log"))

    def _waits_for(self) -> str:
        if self._farm.journal.problem:
            return f"the journal cannot be written: {self._farm.journal.problem}"
        if self.control.has_ended or self.control.is_paused:
            return ""
        waited_s = self._farm.fleet.waits_for_nodes_s(self.spec.place, self.control.waits_since)
        if waited_s < _SAY_NO_NODE_AFTER_S:
            return ""
        return f"no usable node; waiting {waited_s:.0f} of {self._farm.fleet.no_node_timeout_s:g} s for one"
