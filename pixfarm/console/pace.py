"""How fast a job goes, and when it will end, from one status after another."""

import math
from typing import Final

from pixfarm.model import JobState, JobStatus

SMOOTHING_S: Final = 5.0
SMOOTHING_EVENTS: Final = 5  # a slow job is averaged over the time of so many events
SETTLING_S: Final = 0.5  # an average over less jumps too much to be shown
STALLED_AFTER_S: Final = 5.0
STALLED_AFTER_EVENTS: Final = 3  # the time that so many images take is no standstill
LONGEST_ETA_S: Final = 100 * 3600.0


class Rate:
    """Events per second, each weighted by exp(-age / 5 s); by a longer time where events are rare.

    Both the events and the time they took fade, so that their quotient is right from the first update
    on, and falls towards 0 while nothing happens.
    """

    def __init__(self) -> None:
        self._count = 0
        self._at_s = 0.0
        self._events = 0.0
        self._span_s = 0.0
        self._last_event_s = 0.0

    def update(self, count: int, at_s: float) -> None:
        """Note that ``count`` events have happened in the first ``at_s`` seconds."""
        passed_s = at_s - self._at_s
        if passed_s > 0:
            # With 20 s for an image, a fixed 5 s would make the rate leap at each and vanish before the next.
            fading = math.exp(-passed_s / max(SMOOTHING_S, SMOOTHING_EVENTS * self._interval_s()))
            self._events = self._events * fading + max(0, count - self._count)
            self._span_s = self._span_s * fading + passed_s
        if count != self._count:
            self._last_event_s = at_s
        if passed_s != 0:  # two answers of the same moment: the later events belong to the next step
            self._count, self._at_s = count, at_s

    @property
    def per_s(self) -> float | None:
        """Events per second; None until half a second has been seen."""
        return self._events / self._span_s if self._span_s >= SETTLING_S else None

    @property
    def is_stalled(self) -> bool:
        """Whether nothing has happened for much longer than events usually take."""
        longest_s = max(STALLED_AFTER_S, STALLED_AFTER_EVENTS * self._interval_s())
        return self._at_s - self._last_event_s > longest_s

    def _interval_s(self) -> float:
        return self._last_event_s / self._count if self._count > 0 else 0.0


class Pace:
    """Rates of a job and of each of its nodes.

    Time is ``elapsed_s`` of the statuses, the moment at which the server counted: a slow answer then
    shifts no rate, and no clock is needed here.
    """

    def __init__(self) -> None:
        self._done = Rate()
        self._ended = Rate()
        self._nodes: dict[str, Rate] = {}

    def update(self, status: JobStatus) -> None:
        """Take the counts of ``status`` into account."""
        self._done.update(status.done, status.elapsed_s)
        self._ended.update(status.done + status.skipped + status.failed, status.elapsed_s)
        for node in status.nodes:
            self._nodes.setdefault(node.name, Rate()).update(node.done, status.elapsed_s)

    @property
    def images_per_s(self) -> float | None:
        """Images done per second over the last few seconds; None in the first moment."""
        return self._done.per_s

    def node_images_per_s(self, name: str) -> float | None:
        """Images done per second by the node ``name``; None when it is not known."""
        known = self._nodes.get(name)
        return known.per_s if known else None

    def eta_s(self, status: JobStatus) -> float | None:
        """Seconds until the job ends; None when any number would be a guess.

        So it is unless the job is_steady(), and while it is_stalled.
        """
        per_s = self._ended.per_s
        if not is_steady(status) or not per_s or self.is_stalled:
            return None
        eta_s = (status.total - ended(status)) / per_s
        return max(0.0, eta_s) if eta_s < LONGEST_ETA_S else None

    @property
    def is_stalled(self) -> bool:
        """Whether no image has ended for a while."""
        return self._ended.is_stalled


def is_steady(status: JobStatus) -> bool:
    """Whether the job just goes on: it neither lists nor waits nor is paused, and has not ended."""
    return status.state is JobState.RUNNING and status.listing_complete and not status.message


def ended(status: JobStatus) -> int:
    """Images of the job that will not change any more."""
    return status.done + status.skipped + status.failed + status.not_done
