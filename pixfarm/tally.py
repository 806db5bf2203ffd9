"""What has come of a job so far, counted by many threads."""

import itertools
import threading
from collections import Counter, defaultdict

from pixfarm.model import Failure, ImageRecord, ImageState, JobSummary, NodeCounts

MAX_FAILURES = 100
# The first of them is what a person wants to see first.
BAD_ENDS = (ImageState.FAILED, ImageState.NOT_DONE)

_COUNTED = ("done", "skipped", "failed", "not_done", "rejections", "retries", "copies")
_COUNT_OF = {
    ImageState.DONE: "done",
    ImageState.SKIPPED: "skipped",
    ImageState.FAILED: "failed",
    ImageState.NOT_DONE: "not_done",
}


class Tally:
    """Counts of one job; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._nodes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._failures: dict[ImageState, list[Failure]] = {state: [] for state in BAD_ENDS}

    def restore(self, summary: JobSummary, failures: tuple[Failure, ...]) -> None:
        """Goes on from what is known of an earlier run of the same job."""
        with self._lock:
            for name in _COUNTED:
                self._counts[name] = getattr(summary, name)
            for node in summary.nodes:
                self._nodes[node.name].update(done=node.done, refused=node.refused, failed=node.failed)
                self._seconds[node.name] = node.mean_s * node.done
            self._failures[ImageState.FAILED] = list(failures[:MAX_FAILURES])

    def ended(self, record: ImageRecord) -> None:
        """An image has ended."""
        with self._lock:
            self._counts[_COUNT_OF[record.state]] += 1
            if record.state is ImageState.DONE:
                self._nodes[record.node]["done"] += 1
                self._seconds[record.node] += record.seconds
            elif record.state in BAD_ENDS and len(known := self._failures[record.state]) < MAX_FAILURES:
                known.append(Failure(record.filename, record.code, record.message, record.node))

    def refused(self, node: str) -> None:
        """A node refused an image."""
        with self._lock:
            self._counts["rejections"] += 1
            self._nodes[node]["refused"] += 1

    def call_failed(self, node: str) -> None:
        """A call to a node came to nothing."""
        with self._lock:
            self._nodes[node]["failed"] += 1

    def retried(self) -> None:
        """An image is tried again after a fault."""
        with self._lock:
            self._counts["retries"] += 1

    def copied(self) -> None:
        """A late image was sent to a second node."""
        with self._lock:
            self._counts["copies"] += 1

    def counts(self) -> dict[str, int]:
        """Images done, skipped, failed and not_done, and rejections, retries and copies."""
        with self._lock:
            return {name: self._counts[name] for name in _COUNTED}

    def nodes(self) -> tuple[NodeCounts, ...]:
        """What each node did, by name."""
        with self._lock:
            return tuple(
                NodeCounts(
                    name=name,
                    done=counts["done"],
                    refused=counts["refused"],
                    failed=counts["failed"],
                    mean_s=self._seconds[name] / max(1, counts["done"]),
                )
                for name, counts in sorted(self._nodes.items())
            )

    def failures(self) -> tuple[Failure, ...]:
        """The first images that failed, then those that were not done; at most MAX_FAILURES."""
        with self._lock:
            return tuple(itertools.chain(*self._failures.values()))[:MAX_FAILURES]
