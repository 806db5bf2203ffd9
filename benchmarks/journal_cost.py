"""Journal: what it takes from the rate at which the server hands out images."""

import shutil
from contextlib import ExitStack
from pathlib import Path

from benchmarks.clients import run_client
from benchmarks.journal_rows import RowSource, filled_journal
from benchmarks.measurement import Outcome, Row, at_least, median_of, ratio_of
from benchmarks.plan import HOME, Plan
from benchmarks.processes import cpu_s
from benchmarks.stub_farm import Stub, StubFarm, stub_farm
from benchmarks.tiny_files import tiny_files

_STUBS = 2
_WITHOUT = "no journal"
_MADE = "made"
_NOTES = (
    "The real server.py and client.py, two stub nodes that do nothing: the server is all the work there is.",
    "'No journal' is the same server with one that writes nothing. Runs are interleaved.",
)


def measure(plan: Plan) -> Outcome:
    """5,000 images that cost the nodes nothing, without a journal, with an empty and with a long one."""
    images = plan.size(5000, quick=200)
    rows_before = plan.size(1_000_000, quick=2000)
    base = tiny_files(images, plan.work)
    long = _long_journal(rows_before, plan)
    seed = ["--seed", str(plan.seed)]
    servers = {
        _WITHOUT: [str(HOME / "benchmarks" / "server_without_journal.py"), *seed],
        "an empty journal": [str(HOME / "server.py"), *seed],
        f"a journal of {rows_before:,} rows": [str(HOME / "server.py"), *seed, "--state", str(long)],
    }
    rates: dict[str, list[float]] = {name: [] for name in servers}
    cpu_us: dict[str, list[float]] = {name: [] for name in servers}
    with ExitStack() as stack:
        farms = {
            name: stack.enter_context(stub_farm([Stub()] * _STUBS, command))
            for name, command in servers.items()
        }
        for farm in farms.values():
            _run(farm, base, images)  # warm
        for _ in range(plan.runs):
            for name, farm in farms.items():
                rate, microseconds = _run(farm, base, images)
                rates[name].append(rate)
                cpu_us[name].append(microseconds)
    rows: list[Row] = [median_of(name, "images/s", rates[name]) for name in servers]
    rows += [median_of(f"{name}: server CPU", "us/image", cpu_us[name]) for name in servers]
    rows += [
        ratio_of(f"{name} / {_WITHOUT}", rates[name], rates[_WITHOUT], at_least(0.95))
        for name in servers
        if name != _WITHOUT
    ]
    _, empty, full = servers
    rows.append(ratio_of(f"{full} / {empty}", rates[full], rates[empty], at_least(0.95)))
    return Outcome(f"{images:,} images with and without a journal", tuple(rows), _NOTES)


def _run(farm: StubFarm, base: Path, images: int) -> tuple[float, float]:
    before = cpu_s(farm.server_pid)
    ended = run_client(farm.client_command(base), images)
    return images / ended.job_s, (cpu_s(farm.server_pid) - before) / images * 1e6


def _long_journal(rows: int, plan: Plan) -> Path:
    """A state directory whose journal has that many rows; made when it is not there yet, or not whole."""
    folder = plan.work / f"journal-{rows}"
    if not (folder / _MADE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        filled_journal(folder, RowSource(), rows)
        (folder / _MADE).touch()
    return folder
