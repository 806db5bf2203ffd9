"""Faults of all kinds over jobs that follow one another for as long as the plan lasts."""

import collections
import itertools
import random
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.fault_plan import Kind, plan
from tests.chaos.injector import Injector
from tests.chaos.outcome import Outcome
from tests.chaos.stage import SLOW, Stage

NAME = "faults over images"
LINE = "0 lost, 0 half, 0 wrong, 0 stray, every job ends"
_NODES = 4
_JOB_IMAGES = (100, 500)
_STRATEGIES = ("load-balancing", "random")


@dataclass(frozen=True)
class Round:
    """One farm and one plan; the seed fixes jobs and faults.

    Args:
        seed: of everything that is left to chance.
        images: at least so many, in several jobs.
        faults: how many are planned.
        per_s: how many of them in a second.
        kinds: which.
    """

    seed: int
    images: int = 2000
    faults: int = 100
    per_s: float = 4.0
    kinds: Collection[Kind] = tuple(Kind)


def run(wanted: Round, folder: Path, outcome: Outcome | None = None) -> Outcome:
    """Runs a round."""
    outcome = outcome or Outcome(NAME, LINE, wanted.seed)
    rng = random.Random(wanted.seed)
    with Stage(folder, [SLOW] * _NODES, outcome) as stage:
        faults = plan(wanted.seed, wanted.faults, list(stage.farm.nodes), wanted.per_s, wanted.kinds)
        with Injector(stage.farm, faults, lambda: stage.job) as injector:
            for number in itertools.count():
                if outcome.images >= wanted.images and injector.is_over:
                    break
                strategy = _STRATEGIES[number % len(_STRATEGIES)]
                base = stage.new_base(rng.randint(*_JOB_IMAGES))
                stage.finish(stage.submit(base, "--strategy", strategy))
        outcome.faults = collections.Counter({str(kind): n for kind, n in injector.counts().items()})
        stage.check_strays()
    return outcome
