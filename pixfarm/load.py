"""A node's admission rule: how its load probability turns into refusals and delays."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from pixfarm.errors import RejectReason, TaskRejected


@dataclass(frozen=True, slots=True)
class LoadRule:
    """Decides for each image whether the node is busy at the moment it is asked.

    Args:
        probability: the chance p, 0 to 1, that the node is busy.
        delay_s: seconds a busy node makes an image wait.
        rng: source of chance; ``random()`` lies in [0, 1), so p = 0 is never busy, p = 1 always.
        sleep: waits that many seconds.
    """

    probability: float
    delay_s: float
    rng: random.Random
    sleep: Callable[[float], None]

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"load probability {self.probability} is not in [0, 1]")

    def refuse_if_busy(self) -> None:
        """Refuses with probability p.

        Raises:
            TaskRejected: the draw said busy.
        """
        if self._is_busy():
            raise TaskRejected(RejectReason.LOAD, self.probability)

    def delay_if_busy(self) -> None:
        """Sleeps ``delay_s`` with probability p."""
        if self._is_busy():
            self.sleep(self.delay_s)

    def _is_busy(self) -> bool:
        return self.rng.random() < self.probability
