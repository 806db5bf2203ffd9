"""The base paths whose results a node cannot write, and when to try again."""

from collections.abc import Collection
from dataclasses import dataclass, field

from pixfarm.scheduling import policy
from pixfarm.scheduling.backoff import ping_ceiling_s


@dataclass(slots=True)
class _Bar:
    """``failures`` are tries in a row that failed although the node's own check had passed."""

    message: str
    is_shut: bool = True
    failures: int = 0
    try_at: float = 0.0


@dataclass(slots=True)
class Bars:
    """Those of one node; times are seconds of one monotonic clock.

    A base path is *barred* from when the node could not write an image of it until the node says that its own
    check of that place has passed. Then images are tried, one by one and at growing intervals, until one is
    done.
    """

    _bars: dict[str, _Bar] = field(default_factory=dict)

    @property
    def are_shut(self) -> bool:
        """Whether the node should be asked if its check has passed."""
        return any(bar.is_shut for bar in self._bars.values())

    @property
    def message(self) -> str:
        """Why images of some base path are not sent there; empty without bars."""
        return "; ".join(f"{bar.message} ({base_path})" for base_path, bar in self._bars.items())

    def lets_pass(self, base_path: str, now: float) -> bool:
        """Whether the node may get an image of that base path now."""
        bar = self._bars.get(base_path)
        return bar is None or (not bar.is_shut and now >= bar.try_at)

    def are_known(self, base_path: str) -> bool:
        """Whether there is a bar before that base path, shut or not."""
        return base_path in self._bars

    def are_hopeless(self, base_path: str) -> bool:
        """Whether nothing can be written there, as far as is known."""
        bar = self._bars.get(base_path)
        return bar is not None and (bar.is_shut or bar.failures >= policy.MAX_FAILED_TRIALS)

    def on_sent(self, base_path: str, now: float) -> None:
        """An image of that base path is on its way."""
        bar = self._bars.get(base_path)
        if bar is not None:
            bar.try_at = now + ping_ceiling_s(bar.failures)

    def on_done(self, base_path: str) -> None:
        """The node did an image of that base path."""
        self._bars.pop(base_path, None)

    def on_unwritable(self, base_path: str, message: str) -> None:
        """The node could not write there."""
        bar = self._bars.setdefault(base_path, _Bar(message))
        bar.failures += not bar.is_shut
        bar.is_shut = True

    def on_pong(self, unwritable: Collection[str], now: float) -> None:
        """The node told for which base paths its check fails."""
        for base_path, bar in list(self._bars.items()):
            if base_path in unwritable:
                continue
            if bar.is_shut:
                bar.is_shut = False
                bar.try_at = now + (ping_ceiling_s(bar.failures) if bar.failures else 0.0)
            elif now - bar.try_at > policy.FORGET_BAR_S:  # its job has ended
                del self._bars[base_path]
