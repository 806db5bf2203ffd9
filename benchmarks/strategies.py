"""The two strategies over nodes that play busy: what refusing instead of waiting is worth."""

from pathlib import Path

from benchmarks.clients import ClientRun, run_client
from benchmarks.measurement import Outcome, Row, median_of
from benchmarks.photographs import ImageSet, image_set
from benchmarks.plan import Plan
from pixfarm.farm import LocalFarm, NodeSpec
from pixfarm.model import Strategy

_DELAY_S = 0.5
# Load probabilities of four nodes; the last is the one of `make demo`.
_LOADS = ((0.0,) * 4, (0.2,) * 4, (0.5,) * 4, (0.8,) * 4, (0.8, 0.6, 0.5, 0.2))
_NOTES = (
    f"Four nodes of one worker; a busy one sleeps {_DELAY_S:g} s, not the default 3, before it works. By",
    "load-balancing it refuses first; what it accepts all the same may still sleep, by a second draw.",
)


def measure(plan: Plan) -> Outcome:
    """200 images by both strategies, over four nodes with several load probabilities."""
    images = ImageSet(plan.size(200, quick=16), 512, 512, plan.seed)
    base = image_set(images, plan.work)
    rows: list[Row] = []
    for loads in _LOADS[-1:] if plan.quick else _LOADS:
        rows += _rows(loads, base, images.count, plan)
    return Outcome(f"{images.count} images by both strategies", tuple(rows), _NOTES)


def _rows(loads: tuple[float, ...], base: Path, images: int, plan: Plan) -> list[Row]:
    arguments = ("--workers", "1", "--delay-s", f"{_DELAY_S:g}")
    timed: dict[Strategy, list[ClientRun]] = {strategy: [] for strategy in Strategy}
    with LocalFarm([NodeSpec(p, arguments) for p in loads], ("--seed", str(plan.seed))) as farm:
        for _ in range(plan.runs):
            for strategy, runs in timed.items():
                runs.append(run_client(farm.client_command(str(base), "--strategy", strategy), images))
    name = "p = " + " ".join(f"{p:g}" for p in (loads if len(set(loads)) > 1 else loads[:1]))
    rates = [
        median_of(f"{name}, {strategy}", "images/s", [images / run.job_s for run in runs])
        for strategy, runs in timed.items()
    ]
    refusals = [run.refusals / images for run in timed[Strategy.LOAD_BALANCING]]
    return [*rates, median_of(f"{name}, refusals by {Strategy.LOAD_BALANCING}", "per image", refusals)]
