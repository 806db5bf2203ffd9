"""The load probability of the moment, kept up to date by a thread."""

import logging
import threading
from collections import deque

from pixfarm.errors import UsageError
from pixfarm.machine_load import formula
from pixfarm.machine_load.reader import MachineReader

_log = logging.getLogger(__name__)

_GLANCES = 5
_FIRST_S = 5.0
_JOIN_S = 5.0


class MachineLoad:
    """Follows a machine's load.

    ``cores_wanted`` tells how many cores others want; that may be more than there are.

    Args:
        reader: reads the machine.
        every_s: seconds between two readings.

    Raises:
        UsageError: this system does not tell its load.
    """

    def __init__(self, reader: MachineReader, every_s: float = 0.25) -> None:
        self._reader = reader
        self._every_s = every_s
        self.cores_wanted = 0.0
        try:
            reader.check()
            reader.glance()
            self._readings = deque([reader.read()])
            self._p = self._probability()
        except OSError as error:
            raise UsageError(
                f"the load of this machine cannot be read ({error}): auto needs Linux and its /proc; "
                "give a number from 0 to 1 instead of auto"
            ) from error
        self._are_cores_full = True
        self._is_known = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="machine load", daemon=True)

    def start(self) -> None:
        """Begins to follow the load; returns after the first reading, when there is a probability."""
        self._thread.start()
        self._is_known.wait(_FIRST_S)

    def close(self) -> None:
        """Ends the thread; may be called twice."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)

    def probability(self) -> float:
        """The load probability of the moment, 0 to 0.95 in steps of 0.01; from any thread."""
        return self._p

    def look(self) -> None:
        """Reads the machine once and brings the probability up to date.

        Raises:
            OSError: something cannot be read.
        """
        reading = self._reader.read()
        self._are_cores_full = formula.are_cores_full(self._readings[-1], reading)
        self._readings.append(reading)
        while formula.is_outdated(self._readings):
            self._readings.popleft()
        self.cores_wanted = formula.recent_cores_wanted(self._readings)
        self._p = self._probability()

    def _probability(self) -> float:
        available = self._reader.available()
        return round(formula.probability(self.cores_wanted, self._readings[-1].cores, available), 2)

    def _watch(self) -> None:
        is_blind = False
        while not self._stop.is_set():
            try:
                self._glance_for_a_while()
                self.look()
            except OSError as error:  # as when the node has no file descriptor left
                if not is_blind:
                    _log.warning(
                        "the machine's load cannot be read (%s); going on with p = %g", error, self._p
                    )
                is_blind = True
                self._stop.wait(self._every_s)
            else:
                is_blind = False
                self._is_known.set()

    def _glance_for_a_while(self) -> None:
        glances = _GLANCES if self._are_cores_full else 1  # else nobody waits, and there is nothing to count
        for _ in range(glances):
            self._stop.wait(self._every_s / glances)
            self._reader.glance()
