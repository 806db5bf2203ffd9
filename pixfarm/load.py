"""A node's admission rule: how its load probability turns into refusals and delays."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pixfarm.errors import RejectReason, TaskRejected

AUTO: Literal["auto"] = "auto"  # in place of a number: the load probability follows the machine's real load


def fixed(probability: float) -> Callable[[], float]:
    """A load probability that stays as it is.

    Raises:
        ValueError: it is not in [0, 1].
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"load probability {probability} is not in [0, 1]")
    return lambda: probability


@dataclass(frozen=True, slots=True)
class LoadRule:
    """Decides for each image whether the node is busy at the moment it is asked.

    Args:
        probability: tells the chance p, 0 to 1, that the node is busy at this moment.
        delay_s: seconds a busy node makes an image wait.
        rng: source of chance; ``random()`` lies in [0, 1), so p = 0 is never busy, p = 1 always.
        sleep: waits that many seconds.
    """

    probability: Callable[[], float]
    delay_s: float
    rng: random.Random
    sleep: Callable[[float], None]

    def refuse_if_busy(self) -> None:
        """Refuses with probability p.

        Raises:
            TaskRejected: the draw said busy.
        """
        p = self.probability()
        if self._is_busy(p):
            raise TaskRejected(RejectReason.LOAD, p)

    def delay_if_busy(self) -> None:
        """Sleeps ``delay_s`` with probability p."""
        if self._is_busy(self.probability()):
            self.sleep(self.delay_s)

    def _is_busy(self, p: float) -> bool:
        return self.rng.random() < p
