"""Memory: what a large directory costs the server beyond a small one."""

from pathlib import Path

from benchmarks.clients import run_client
from benchmarks.measurement import Outcome, Row, at_most, median_of
from benchmarks.plan import HOME, Plan
from benchmarks.processes import memory_mb
from benchmarks.stub_farm import Stub, stub_farm
from benchmarks.tiny_files import tiny_files

_STUBS = 2
_MOST_RUNS = 2  # a minute each, and memory is not noisy
_NOTES = (
    "A fresh server for each run, read after its job has ended; the nodes do nothing. 1 MB = 10^6 bytes.",
)


def measure(plan: Plan) -> Outcome:
    """Directories of 100 and of 100,000 tiny files."""
    sizes = (100, plan.size(100_000, quick=1000))
    bases = {size: tiny_files(size, plan.work) for size in sizes}
    seen: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
    for _ in range(min(plan.runs, _MOST_RUNS)):
        for size, base in bases.items():
            seen[size].append(_server_memory_mb(base, size, plan.seed))
    rows = [row for size in sizes for row in _rows(f"{size:,} files", seen[size])]
    few, many = (seen[size] for size in sizes)
    more = [late[0] - early[0] for early, late in zip(few, many, strict=True)]
    rows.append(median_of(f"{sizes[1]:,} files more than {sizes[0]} at the peak", "MB", more, at_most(60)))
    return Outcome("memory of the server by the size of the directory", tuple(rows), _NOTES)


def _server_memory_mb(base: Path, images: int, seed: int) -> tuple[float, float]:
    """At the peak, and after the job."""
    server = [str(HOME / "server.py"), "--seed", str(seed)]
    with stub_farm([Stub()] * _STUBS, server) as farm:
        run_client(farm.client_command(base), images)
        return memory_mb(farm.server_pid, peak=True), memory_mb(farm.server_pid, peak=False)


def _rows(what: str, seen: list[tuple[float, float]]) -> tuple[Row, Row]:
    return (
        median_of(f"{what}: peak", "MB", (peak for peak, _ in seen)),
        median_of(f"{what}: after the job", "MB", (rest for _, rest in seen)),
    )
