"""The long run: which scenarios there are, how large each is, and who runs beside whom."""

import shutil
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos import scenario_damaged as damaged
from tests.chaos import scenario_disk as disk
from tests.chaos import scenario_faults as faults
from tests.chaos import scenario_limits as limits
from tests.chaos import scenario_network as network
from tests.chaos import scenario_node_dies as node_dies
from tests.chaos import scenario_refusals as refusals
from tests.chaos import scenario_server_kill as server_kill
from tests.chaos.fault_plan import Kind
from tests.chaos.outcome import Outcome

Run = Callable[[Path], Outcome]

_LANES = 3
_SEEDS = 1000  # of one scenario: the runs of seed 3 have 3000, 3001, ...


@dataclass(frozen=True)
class Scenario:
    """A part of the long run.

    Args:
        name: for --only.
        share: of the time.
        runs: what is run one after the other, for as long as the share lasts and there are any.
        sample: one small run, for --quick.
        side_by_side: how many of its runs at once.
    """

    name: str
    share: float
    runs: Callable[[int], Iterator[Run]]
    sample: Run
    side_by_side: int = 1


def _faults(seed: int) -> Iterator[Run]:
    for number in range(50):
        yield partial(faults.run, faults.Round(seed * _SEEDS + number))


def _server_kills(seed: int) -> Iterator[Run]:
    yield partial(server_kill.run, server_kill.POINTS)
    for number in range(59):
        points = server_kill.drawn_points(seed * _SEEDS + number, 10)
        yield partial(server_kill.run, points, seed=seed * _SEEDS + number)


def _refusals(seed: int) -> Iterator[Run]:
    for number in range(20):
        yield partial(refusals.run, seeds=[seed * _SEEDS + number], jobs=5, images=10)


def _damaged(seed: int) -> Iterator[Run]:
    for number in range(50):
        yield partial(damaged.run, seed=seed * _SEEDS + number, files=1000)


def _disk(_seed: int) -> Iterator[Run]:
    for _ in range(20):
        yield partial(disk.run_limited, images=200)
        yield partial(disk.run_one_full, images=200)
        yield partial(disk.run_all_full_then_not, images=400)
        for call, error in disk.FAILING_CALLS:
            yield partial(disk.run_failing_calls, images=200, call=call, error=error)
        for call, error in disk.FAILING_JOURNAL_CALLS:
            yield partial(disk.run_failing_journal, images=200, call=call, error=error)


def _rolling(seed: int) -> Iterator[Run]:
    for number in range(4):
        yield partial(_roll, seed=seed * _SEEDS + number, restarts=50)


def _roll(folder: Path, seed: int, restarts: int) -> Outcome:
    wanted = faults.Round(seed, 10 * restarts, restarts, 2.0, {Kind.NODE_RESTART})
    return faults.run(wanted, folder, Outcome("rolling restart of nodes", "0 failed images", seed))


def _node_dies(_seed: int) -> Iterator[Run]:
    for _ in range(5):
        yield partial(node_dies.run, images=200)


def _limits(_seed: int) -> Iterator[Run]:
    for _ in range(3):
        yield partial(limits.run_descriptors, images=200)
        yield partial(limits.run_clock, images=200)


def _network(_seed: int) -> Iterator[Run]:
    for _ in range(3):
        yield partial(network.run, images=300, times=4)


SCENARIOS = (
    Scenario("faults", 0.66, _faults, partial(faults.run, faults.Round(1, 300, 20)), 2),
    Scenario("server-kill", 0.15, _server_kills, partial(server_kill.run, server_kill.POINTS[:3])),
    Scenario("refusals", 0.05, _refusals, partial(refusals.run, seeds=[1], jobs=1, images=5)),
    Scenario("damaged", 0.03, _damaged, partial(damaged.run, seed=1, files=100)),
    Scenario("disk", 0.04, _disk, partial(disk.run_limited, images=50)),
    Scenario("rolling-restart", 0.03, _rolling, partial(_roll, seed=1, restarts=5)),
    Scenario("node-dies", 0.01, _node_dies, partial(node_dies.run, images=100)),
    Scenario("limits", 0.01, _limits, partial(limits.run_clock, images=50)),
    Scenario("network", 0.02, _network, partial(network.run, images=100, times=2)),
)


def carry_out(name: str, runs: deque[Run], seconds: float, folder: Path) -> list[Outcome]:
    """Carries out runs for about that long; what was begun is finished. Only what found something is kept."""
    deadline = time.monotonic() + seconds
    outcomes: list[Outcome] = []
    while not outcomes or time.monotonic() < deadline:
        try:
            run = runs.popleft()
        except IndexError:  # another lane has taken the last one
            break
        place = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
        outcome = _outcome_of(run, place)
        if not outcome.violations:
            shutil.rmtree(place)
        outcomes.append(outcome)
    return outcomes


def _outcome_of(run: Run, place: Path) -> Outcome:
    try:
        return run(place)
    except Exception as error:  # noqa: BLE001 - one run that breaks off must not end the others
        lines = "".join(traceback.format_exception(error))
        return Outcome("broken off", "every run comes to its end", broken=[f"{place.name}: {lines}"])


def carry_out_all(chosen: list[Scenario], seed: int, minutes: float | None, folder: Path) -> list[Outcome]:
    """Runs scenarios side by side, the longest first; without minutes a small sample of each.

    Outcomes of one name are added up.
    """
    total = sum(scenario.share for scenario in chosen)
    with ThreadPoolExecutor(_LANES, "scenario") as pool:
        futures = []
        for scenario in chosen:
            runs = deque(scenario.runs(seed) if minutes else [scenario.sample])
            lanes = min(scenario.side_by_side, len(runs))
            seconds = 60 * (minutes or 0.0) * min(1.0, _LANES * scenario.share / total / lanes)
            futures += [pool.submit(carry_out, scenario.name, runs, seconds, folder) for _ in range(lanes)]
        added: dict[str, Outcome] = {}
        for outcome in (outcome for future in futures for outcome in future.result()):
            if outcome.scenario in added:
                added[outcome.scenario].add(outcome)
            else:
                added[outcome.scenario] = outcome
        return list(added.values())
