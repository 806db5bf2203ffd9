"""The images of a job that are under way: a thread for each, and copies of the late ones at the end."""

import logging
import threading
import time
from collections.abc import Callable

from pixfarm.control import Control
from pixfarm.delivery import Delivery
from pixfarm.errors import FailureCode, GaveUp
from pixfarm.flight import Flight
from pixfarm.model import JobSpec, Strategy
from pixfarm.scheduling.durations import copies_left
from pixfarm.scheduling.node import Place
from pixfarm.slots import Slots
from pixfarm.tally import Tally

_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 0.1


class Flights:
    """Starts and ends the image threads of one job; start() and finish() belong to one thread.

    Args:
        spec: the job.
        slots: bounds the threads.
        delivery: what each thread does.
        control: whether the job goes on.
        carry: carries a flight to its end with Delivery.deliver(), and takes care of what that raises.
    """

    def __init__(
        self,
        spec: JobSpec,
        slots: Slots,
        delivery: Delivery,
        control: Control,
        carry: Callable[[Flight], None],
    ) -> None:
        self._spec = spec
        self._slots = slots
        self._delivery = delivery
        self._control = control
        self._carry = carry
        self._lock = threading.Lock()
        self._under_way: set[Flight] = set()
        self._copied = 0

    def start(self, filename: str) -> None:
        """Starts the thread of an image, when there is a slot for it.

        Raises:
            GaveUp: the job has stopped.
        """
        self._take_slot()
        flight = Flight(self._spec.place, filename, self._on_end)
        with self._lock:
            self._under_way.add(flight)
        thread = threading.Thread(target=self._carry, args=(flight,), name=f"image {filename}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            _log.warning("cannot start a thread (%s); %r is done without one of its own", error, filename)
            self._carry(flight)

    def finish(self, total: int, tally: Tally) -> None:
        """Waits until all have ended; sends the late ones to a second node.

        Under the random strategy there are no copies: its injected delays are the point.
        """
        may_copy = self._spec.strategy is Strategy.LOAD_BALANCING
        while not self._slots.wait_until_free(self._spec.job_id, _LOOK_AGAIN_S):
            if not may_copy or self._control.stopped is not None or self._control.is_paused:
                continue
            for flight in self._late()[: max(0, copies_left(self._copied, total))]:
                self._copy(flight, tally)

    def _take_slot(self) -> None:
        while True:
            self._control.wait_while_paused()
            self._slots.acquire(self._spec.job_id, self._spec.priority, self._control.check)
            if not self._control.is_paused:
                return
            self._slots.release(self._spec.job_id)

    def _late(self) -> list[Flight]:
        """Flights whose call is overdue and that have no copy yet, the oldest first."""
        sent_before = time.monotonic() - self._delivery.overdue_s()
        with self._lock:
            waiting = [(flight.calls(), flight) for flight in self._under_way if not flight.is_copied]
        late = [(calls[0].sent_at, flight) for calls, flight in waiting if calls]
        late = [(sent_at, flight) for sent_at, flight in late if sent_at < sent_before]
        return [flight for _, flight in sorted(late, key=lambda pair: pair[0])]

    def _copy(self, flight: Flight, tally: Tally) -> None:
        place = self._delivery.place_for_copy(flight)
        if place is None:
            return  # no node is idle now; it is looked at again
        flight.is_copied = True
        self._copied += 1
        tally.copied()
        thread = threading.Thread(
            target=self._carry_copy, args=(flight, place), name=f"copy {flight.filename}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            _log.warning("cannot start a thread (%s); %r is copied without one", error, flight.filename)
            self._carry_copy(flight, place)

    def _carry_copy(self, flight: Flight, place: Place) -> None:
        try:
            self._delivery.copy(flight, place, self._control.brakes())
        except GaveUp as stop:
            _log.debug("job %s: no copy of %r: %s", self._spec.job_id, flight.filename, stop)
        except Exception as error:  # noqa: BLE001 - top of a thread
            _log.error("a bug ends job %s", self._spec.job_id, exc_info=error)
            why = f"a bug in the server: {error!r}; see its log"
            self._control.stop(GaveUp(FailureCode.INTERNAL, why))

    def _on_end(self, flight: Flight) -> None:
        with self._lock:
            self._under_way.discard(flight)
        self._slots.release(self._spec.job_id)
