"""What has come of a job so far, counted by many threads."""

import itertools
import threading
from collections import Counter, defaultdict

from pixfarm.model import Failure, ImageRecord, ImageState, JobSummary, NodeCounts, TaskResult
from pixfarm.phases import NO_TIME, Phases

MAX_FAILURES = 100
MAX_FLAGGED = 100
# The first of them is what a person wants to see first.
BAD_ENDS = (ImageState.FAILED, ImageState.NOT_DONE)

_COUNTED = ("done", "skipped", "failed", "not_done", "rejections", "retries", "copies", "flagged")
_COUNT_OF = {
    ImageState.DONE: "done",
    ImageState.SKIPPED: "skipped",
    ImageState.FAILED: "failed",
    ImageState.NOT_DONE: "not_done",
}
_OPERATIONS_AT = 6  # the place in a node's times, behind those of the phases that every image has


class Tally:
    """Counts of one job; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._nodes: defaultdict[str, _Node] = defaultdict(_Node)
        self._failures: dict[ImageState, list[Failure]] = {state: [] for state in BAD_ENDS}
        self._flagged: dict[str, ImageRecord] = {}

    def restore(
        self, summary: JobSummary, failures: tuple[Failure, ...], flags: tuple[ImageRecord, ...] = ()
    ) -> None:
        """Goes on from what is known of an earlier run of the same job."""
        with self._lock:
            for name in _COUNTED:
                self._counts[name] = getattr(summary, name)
            for node in summary.nodes:
                self._nodes[node.name].restore(node)
            self._failures[ImageState.FAILED] = list(failures[:MAX_FAILURES])
            self._flagged = {record.filename: record for record in flags[:MAX_FLAGGED]}

    def ended(self, record: ImageRecord, result: TaskResult | None = None) -> None:
        """An image has ended; with the result when it is done."""
        with self._lock:
            self._counts[_COUNT_OF[record.state]] += 1
            if record.state is ImageState.DONE:
                self._nodes[record.node].did(record.seconds, result)
                if record.flags:
                    self._counts["flagged"] += 1
                    self._keep_flags(record)
            elif record.state in BAD_ENDS and len(known := self._failures[record.state]) < MAX_FAILURES:
                known.append(Failure(record.filename, record.code, record.message, record.node))

    def flagged(self, record: ImageRecord) -> None:
        """An image that is done has got one more flag since it ended."""
        with self._lock:
            if len(record.flags) == 1:
                self._counts["flagged"] += 1
            self._keep_flags(record)

    def refused(self, node: str) -> None:
        """A node refused an image."""
        with self._lock:
            self._counts["rejections"] += 1
            self._nodes[node].refused += 1

    def call_failed(self, node: str) -> None:
        """A call to a node came to nothing."""
        with self._lock:
            self._nodes[node].failed += 1

    def retried(self) -> None:
        """An image is tried again after a fault."""
        with self._lock:
            self._counts["retries"] += 1

    def copied(self) -> None:
        """A late image was sent to a second node."""
        with self._lock:
            self._counts["copies"] += 1

    def counts(self) -> dict[str, int]:
        """Images done, skipped, failed, not_done and flagged, and rejections, retries and copies."""
        with self._lock:
            return {name: self._counts[name] for name in _COUNTED}

    def nodes(self) -> tuple[NodeCounts, ...]:
        """What each node did, by name."""
        with self._lock:
            return tuple(node.counts(name) for name, node in sorted(self._nodes.items()))

    def failures(self) -> tuple[Failure, ...]:
        """The first images that failed, then those that were not done; at most MAX_FAILURES."""
        with self._lock:
            return tuple(itertools.chain(*self._failures.values()))[:MAX_FAILURES]

    def flags(self) -> tuple[ImageRecord, ...]:
        """The first images done whose result has flags; at most MAX_FLAGGED."""
        with self._lock:
            return tuple(self._flagged.values())

    def _keep_flags(self, record: ImageRecord) -> None:
        if record.filename in self._flagged or len(self._flagged) < MAX_FLAGGED:
            self._flagged[record.filename] = record


class _Node:
    """What one node did for the job; ``times`` are sums of seconds, in the order in which did() adds them."""

    __slots__ = ("done", "failed", "refused", "seconds", "times")

    def __init__(self) -> None:
        self.done = self.refused = self.failed = 0
        self.seconds = 0.0
        self.times = [0.0] * _OPERATIONS_AT

    def restore(self, counts: NodeCounts) -> None:
        self.done, self.refused, self.failed = counts.done, counts.refused, counts.failed
        self.seconds = counts.mean_s * counts.done
        known = counts.phases
        self.times = [
            known.waiting,
            known.sending,
            known.reading,
            known.decoding,
            known.encoding,
            known.writing,
        ]
        self.times += known.operations

    def did(self, seconds: float, result: TaskResult | None) -> None:
        self.done += 1
        self.seconds += seconds
        if result is None or result.phases is NO_TIME:
            return  # of a node that does not tell: all its time would look like sending
        # A thousand times a second and more: no object is made, and no loop where there need be none.
        phases, times = result.phases, self.times
        waited_s = min(max(0.0, result.waited_s), seconds)
        times[0] += waited_s
        times[1] += min(max(0.0, seconds - waited_s - result.worked_s), seconds)
        times[2] += phases.reading
        times[3] += phases.decoding
        times[4] += phases.encoding
        times[5] += phases.writing
        for at, operation_s in enumerate(phases.operations, _OPERATIONS_AT):
            if at == len(times):  # more than an earlier version of the node has told
                times.append(0.0)
            times[at] += operation_s

    def counts(self, name: str) -> NodeCounts:
        waiting, sending, reading, decoding, encoding, writing, *operations = self.times
        return NodeCounts(
            name=name,
            done=self.done,
            refused=self.refused,
            failed=self.failed,
            mean_s=self.seconds / max(1, self.done),
            phases=Phases(waiting, sending, reading, decoding, tuple(operations), encoding, writing),
        )
