"""What has come of a job so far, counted by many threads."""

import threading
from collections import Counter, defaultdict

from pixfarm.model import Failure, NodeCounts

MAX_FAILURES = 100


class Tally:
    """Counts of one job; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._nodes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._failures: list[Failure] = []

    def done(self, node: str, seconds: float) -> None:
        """A node did an image in that many seconds."""
        with self._lock:
            self._counts["done"] += 1
            self._nodes[node]["done"] += 1
            self._seconds[node] += seconds

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

    def failed(self, failure: Failure) -> None:
        """An image is given up."""
        self._not_done("failed", failure)

    def not_done(self, failure: Failure) -> None:
        """An image was not done because its job stopped."""
        self._not_done("not_done", failure)

    def counts(self) -> dict[str, int]:
        """Images done, failed and not_done, and rejections and retries."""
        with self._lock:
            return {
                name: self._counts[name] for name in ("done", "failed", "not_done", "rejections", "retries")
            }

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
        """The first images that were not done, at most MAX_FAILURES."""
        with self._lock:
            return tuple(self._failures)

    def _not_done(self, count: str, failure: Failure) -> None:
        with self._lock:
            self._counts[count] += 1
            if len(self._failures) < MAX_FAILURES:
                self._failures.append(failure)
