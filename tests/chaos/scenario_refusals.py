"""Nodes that refuse with every probability, up to always."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pixfarm.farm import LocalFarm, NodeSpec
from tests.chaos.outcome import Outcome
from tests.chaos.sources import Base
from tests.chaos.undisturbed import known_originals

NAME = "refusals"
LINE = "p = 1 ends in less than 2 s with ALL_NODES_REJECT; p <= 0.99 never gives up"
PROBABILITIES = (0.0, 0.5, 0.9, 0.95, 0.99, 1.0)
_NODES = 2
_ALL_REJECT_S = 2.0


def run(
    folder: Path,
    seeds: Sequence[int],
    jobs: int,
    images: int,
    probabilities: Sequence[float] = PROBABILITIES,
) -> Outcome:
    """A farm for each seed and probability, with some jobs each."""
    outcome = Outcome(NAME, LINE, seeds[0])
    for p in probabilities:
        for seed in seeds:
            specs = [
                NodeSpec(p, ("--workers", "1", "--delay-s", "0", "--seed", str(_NODES * seed + number)))
                for number in range(_NODES)
            ]
            with LocalFarm(specs, ("--seed", str(seed))) as farm:
                for job in range(jobs):
                    base = Base(folder / f"p_{p:g}_{seed}_{job}", known_originals(), images)
                    command = farm.client_command(str(base.path), "--json")
                    ended = subprocess.run(command, capture_output=True, text=True, check=False)
                    _check(f"p = {p:g}, seed {seed}, job {job}", p, json.loads(ended.stdout), outcome)
    outcome.notes.append(f"{jobs * len(seeds)} jobs of {images} images for each probability")
    return outcome


def _check(what: str, p: float, report: dict[str, Any], outcome: Outcome) -> None:
    outcome.images += report["total"]
    outcome.seconds += report["elapsed_s"]
    outcome.faults[f"refusal by p = {p:g}"] += report["rejections"]
    if p < 1:
        is_right = report["state"] == "finished" and report["done"] == report["total"] > 0
    else:
        is_right = report["code"] == "ALL_NODES_REJECT" and report["elapsed_s"] < _ALL_REJECT_S
    if not is_right:
        ending = f"{report['state']} {report['code']} after {report['elapsed_s']:.2f} s"
        outcome.broken.append(f"{what}: {ending}, {report['done']} of {report['total']} done")
