"""Four ways to do a directory of images, ready to be timed."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.pool import Pool
from pathlib import Path

from benchmarks.clients import ClientRun, run_client
from benchmarks.measurement import NotMeasured
from benchmarks.plan import HOME
from pixfarm.farm import LocalFarm, NodeSpec
from pixfarm.imaging import ImageSettings, process_image, warm_up

PROCESSES = 2

# As computenode.py has it: every result survives a power cut.
_SETTINGS = ImageSettings(fsync=True)


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the images of a base path.

    Args:
        name: for the table.
        run: does all of them once, and returns the seconds of the work and of the whole command.
    """

    name: str
    run: Callable[[Path], ClientRun]


def plain_loop() -> Contender:
    """The loop as a user would write it, in a process of its own: OpenCV's default threads, no fsync."""
    return Contender("plain OpenCV loop", _run_plain_loop)


def process_pool(stack: ExitStack) -> Contender:
    """A pool of two warm processes with our own image function and the farm's fsync."""
    # Ctrl-C is ignored by what is started in the meantime: the benchmark ends its pool itself.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # Spawned, as the farm's workers are no forks of this process either.
        pool = multiprocessing.get_context("spawn").Pool(PROCESSES, warm_up)
    finally:
        signal.signal(signal.SIGINT, before)
    stack.callback(pool.join)
    stack.callback(pool.terminate)
    return Contender(f"pool of {PROCESSES} processes", lambda base: _run_pool(pool, base))


def farm(stack: ExitStack, nodes: int, workers: int, seed: int, *, fsync: bool = True) -> Contender:
    """A farm of subprocesses, used through client.py."""
    spec = NodeSpec(0.0, ("--workers", str(workers), *(() if fsync else ("--no-fsync",))))
    local = stack.enter_context(LocalFarm([spec] * nodes, ("--seed", str(seed))))
    return Contender(
        f"farm, {nodes} x {workers}{'' if fsync else ', no fsync'}",
        lambda base: run_client(local.client_command(str(base)), _count(base)),
    )


def _run_plain_loop(base: Path) -> ClientRun:
    script = HOME / "benchmarks" / "plain_loop.py"
    started_at = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, str(script), str(base)], capture_output=True, text=True, check=False
    )
    wall_s = time.perf_counter() - started_at
    if ended.returncode:
        raise NotMeasured(f"plain_loop.py failed: {ended.stderr}")
    return ClientRun(float(ended.stdout), wall_s)


def _run_pool(pool: Pool, base: Path) -> ClientRun:
    started_at = time.perf_counter()
    with os.scandir(base / "input_dir") as entries:
        pairs = [(entry.path, str(base / "output_dir" / entry.name)) for entry in entries]
        for _ in pool.imap_unordered(_process, pairs):
            pass
    seconds = time.perf_counter() - started_at
    return ClientRun(seconds, seconds)


def _process(pair: tuple[str, str]) -> None:
    source, target = pair
    process_image(Path(source), Path(target), "bench", _SETTINGS)


def _count(base: Path) -> int:
    return sum(1 for _ in (base / "input_dir").iterdir())
