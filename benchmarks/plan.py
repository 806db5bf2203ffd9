"""How much is measured, and where the files for it are kept."""

from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
WORK = HOME / "benchmarks" / "work"
RESULTS = HOME / "benchmarks" / "results"
RUNS = 5
QUICK_RUNS = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What all benchmarks of one invocation have in common.

    Args:
        runs: how often each thing is measured.
        quick: a fraction of the work: shows that a benchmark runs, and its numbers mean little.
        work: where image sets and directories are made, and kept for the next time.
        seed: of every draw: which part of which photograph, and the server's choices.
    """

    runs: int = RUNS
    quick: bool = False
    work: Path = WORK
    seed: int = 1

    def size(self, full: int, *, quick: int) -> int:
        """How many images, calls or files: the one number, or the other when it has to be quick."""
        return quick if self.quick else full
