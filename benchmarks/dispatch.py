"""Dispatch: how many images per second the server hands out, and what one costs it."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import run_client
from benchmarks.measurement import Outcome, Row, at_least, at_most, median_of
from benchmarks.plan import HOME, Plan
from benchmarks.processes import cpu_s
from benchmarks.stub_farm import Stub, StubFarm, stub_farm
from benchmarks.tiny_files import tiny_files

_STUBS = (2, 4)
_NOTES = (
    "The real server.py and client.py; the nodes answer at once without image work. Server, client and",
    "nodes share the cores of this machine. Something else that keeps a core busy makes the server's CPU",
    "smaller: its threads then hand the interpreter lock on within one core.",
)


@dataclass(frozen=True, slots=True)
class _Run:
    images_per_s: float
    server_us: float
    nodes_us: float


def measure(plan: Plan) -> Outcome:
    """5,000 images that cost the nodes nothing."""
    images = plan.size(5000, quick=200)
    base = tiny_files(images, plan.work)
    runs: dict[int, list[_Run]] = {stubs: [] for stubs in _STUBS}
    with ExitStack() as stack:
        server = [str(HOME / "server.py"), "--seed", str(plan.seed)]
        farms = {stubs: stack.enter_context(stub_farm([Stub()] * stubs, server)) for stubs in _STUBS}
        for farm in farms.values():
            _run(farm, base, images)  # warm
        for _ in range(plan.runs):
            for stubs, farm in farms.items():
                runs[stubs].append(_run(farm, base, images))
    rows = tuple(row for stubs in _STUBS for row in _rows(f"{stubs} stub nodes", runs[stubs]))
    return Outcome(f"dispatch of {images:,} images to nodes that do nothing", rows, _NOTES)


def _run(farm: StubFarm, base: Path, images: int) -> _Run:
    before = [cpu_s(pid) for pid in (farm.server_pid, *farm.stub_pids)]
    ended = run_client(farm.client_command(base), images)
    after = [cpu_s(pid) for pid in (farm.server_pid, *farm.stub_pids)]
    used_us = [(late - early) / images * 1e6 for early, late in zip(before, after, strict=True)]
    return _Run(images / ended.job_s, used_us[0], sum(used_us[1:]))


def _rows(who: str, runs: list[_Run]) -> tuple[Row, ...]:
    return (
        median_of(who, "images/s", (run.images_per_s for run in runs), at_least(1500)),
        median_of(f"{who}: server CPU", "us/image", (run.server_us for run in runs), at_most(200)),
        median_of(f"{who}: all nodes' CPU", "us/image", (run.nodes_us for run in runs)),
    )
