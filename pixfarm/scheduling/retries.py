"""How fast calls that broke off are repeated: so that a sick farm is not drowned in retries."""

from pixfarm.scheduling import policy


class RetryTokens:
    """A token bucket (as gRPC's retry throttling and Finagle's retry budget): retries take, successes give.

    An empty bucket makes retries wait; it never fails an image.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: float) -> None:
        self._tokens = policy.RETRY_TOKENS_START
        self._filled_at = now

    def on_success(self) -> None:
        """A call did an image."""
        self._tokens = min(policy.RETRY_TOKENS_MAX, self._tokens + policy.RETRY_TOKENS_PER_SUCCESS)

    def take(self, now: float, nodes_up: int) -> float:
        """Takes a token; returns 0, or the seconds after which to ask again because there is none.

        Args:
            now: monotonic seconds.
            nodes_up: usable nodes, each of which gives a token per second.
        """
        rate = policy.RETRY_TOKENS_PER_NODE_S * max(1, nodes_up)
        self._tokens = min(policy.RETRY_TOKENS_MAX, self._tokens + rate * max(0.0, now - self._filled_at))
        self._filled_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / rate
