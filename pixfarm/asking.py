"""The questions of one job: attempt ids and deadlines, and what the answers tell about both."""

import itertools
import threading

from pixfarm.calls import Answer, Calls, Outcome
from pixfarm.errors import FailureCode
from pixfarm.flight import Flight
from pixfarm.model import JobSpec, Task
from pixfarm.naming import Naming
from pixfarm.scheduling.durations import Durations, deadline_s, overdue_s
from pixfarm.scheduling.node import Place
from pixfarm.scheduling.policy import WORKER_ENDS_EARLIER_S

_ENDS_A_WORKER = {FailureCode.CRASHED, FailureCode.TIMED_OUT}


class Asking:
    """Asks nodes for the images of one job; its methods are called from many threads.

    ``doubtful`` are the attempts that may have left a temporary file, as pairs of result and attempt id.

    Args:
        spec: the job.
        source_dir: where its sources are below its base path, for all of them.
        token: 32 hex letters that name its temporary files.
        calls: makes the calls.
    """

    def __init__(self, spec: JobSpec, source_dir: str, token: str, calls: Calls) -> None:
        self._spec = spec
        self._source_dir = source_dir
        self._token = token
        self._calls = calls
        self._naming = Naming(spec.output, spec.recipe)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._worked = Durations()
        self._called = Durations()
        self.doubtful: list[tuple[str, str]] = []

    def ask(self, place: Place, flight: Flight) -> Answer:
        """Sends an image to a node that has a place reserved for it; gives the place back."""
        with self._lock:
            deadline = deadline_s(self._worked, self._spec.task_timeout_s, flight.attempts.timeouts)
        result = self._naming.result_of(flight.filename)
        task = Task(
            base_path=self._spec.base_path,
            filename=flight.filename,
            attempt_id=f"{self._token}-{next(self._numbers)}",
            timeout_s=deadline - WORKER_ENDS_EARLIER_S,
            source_dir=self._source_dir,
            recipe=self._spec.recipe,
            # A worker may have another image to finish first.
            patience_s=2 * deadline + place.delay_s,
            output_dir=self._spec.output.directory,
            result="" if self._naming.is_identity else result,
        )
        answer = self._calls.ask(place.machine, task, flight)
        failure = answer.failure
        if answer.outcome is Outcome.BROKEN or (failure and failure.code in _ENDS_A_WORKER):
            self.doubtful.append((result, task.attempt_id))
        elif answer.result is not None:
            with self._lock:
                self._worked.add(answer.result.worked_s)
                self._called.add(answer.seconds)
        return answer

    def doubt_calls_of(self, flight: Flight) -> None:
        """The image has ended; what its other calls come to will not be known."""
        result = self._naming.result_of(flight.filename)
        self.doubtful += [(result, call.attempt_id) for call in flight.calls()]

    def overdue_s(self) -> float:
        """The age in seconds from which a call, at the end of the job, is worth a copy."""
        with self._lock:
            return overdue_s(self._called)
