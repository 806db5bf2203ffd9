"""A reader that looks into output_dir at random moments and must only ever see whole results."""

import random
import threading
from types import TracebackType
from typing import Self

from tests.chaos.checker import Findings, check_result
from tests.chaos.sources import Base

_PAUSE_S = 0.004


class ResultReader:
    """Opens results at random while a job runs; a context manager.

    Args:
        base: whose results.
        seed: of the choice.
    """

    def __init__(self, base: Base, seed: int) -> None:
        self.found = Findings()
        self.reads = 0
        self._base = base
        self._rng = random.Random(seed)
        self._names = list(base.expected)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="result reader", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_PAUSE_S):
            name = self._rng.choice(self._names)
            try:
                content = (self._base.output_dir / name).read_bytes()
            except FileNotFoundError:
                continue
            self.reads += 1
            check_result(f"seen during the job: {name}", self._base.expected[name], content, self.found)
