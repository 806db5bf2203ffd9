"""Refusals: how long a node takes to say no."""

import statistics
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.measurement import NotMeasured, Outcome, at_most, median_of
from benchmarks.plan import HOME, Plan
from benchmarks.stub_farm import start_part, write_machines
from pixfarm.errors import TaskRejected
from pixfarm.model import Machine, Strategy, Task
from pixfarm.wire import NodeCaller

_WARM_UP_CALLS = 200
_NOTES = (
    "computenode.py with p = 1; execute calls one after another over one kept connection of NodeCaller.",
)


def measure(plan: Plan) -> Outcome:
    """5,000 refused calls."""
    calls = plan.size(5000, quick=200)
    medians, percentiles = [], []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pixfarm-bench-")))
        machine = _start_node(stack, folder)
        caller = stack.enter_context(closing(NodeCaller()))
        _round_trips_us(caller, machine, _WARM_UP_CALLS)
        for _ in range(plan.runs):
            times = _round_trips_us(caller, machine, calls)
            medians.append(statistics.median(times))
            percentiles.append(statistics.quantiles(times, n=100)[98])
    rows = (
        median_of("round trip, median", "us", medians, at_most(150)),
        median_of("round trip, 99th percentile", "us", percentiles),
    )
    return Outcome(f"refusal of {calls:,} images by a node that is always busy", rows, _NOTES)


def _start_node(stack: ExitStack, folder: Path) -> Machine:
    machines_path = folder / "machine.txt"
    write_machines(machines_path, {"server": 1, "node_1": 2})
    arguments = ["1", "--workers", "1", "--port", "0", "--machines", str(machines_path), "--stop-at-eof"]
    node = start_part(stack, "node_1", [str(HOME / "computenode.py"), *arguments], folder)
    node.wait_until_ready()
    return Machine("node_1", "127.0.0.1", node.port)


def _round_trips_us(caller: NodeCaller, machine: Machine, calls: int) -> list[float]:
    times = []
    for number in range(calls):
        task = Task("/nowhere", "none.jpg", f"bench-{number}")
        started_at = time.perf_counter()
        try:
            caller.call(machine, task, Strategy.LOAD_BALANCING)
        except TaskRejected:
            times.append((time.perf_counter() - started_at) * 1e6)
        else:
            raise NotMeasured("a node with p = 1 took an image")
    return times
