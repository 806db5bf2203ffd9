"""pixfarm's ways to do a directory of images, and the loop without it, ready to be timed."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path

from benchmarks.clients import ClientRun, run_client
from benchmarks.measurement import NotMeasured
from benchmarks.plan import HOME
from pixfarm.farm import LocalFarm, NodeSpec
from pixfarm.imaging import ImageSettings, process_image, warm_up
from pixfarm.recipe import EDGES, Recipe

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


@dataclass(frozen=True, slots=True)
class FarmKind:
    """A farm to be started.

    Args:
        nodes: how many.
        workers: of each node.
        fsync: whether results survive a power cut.
        options: of client.py.
    """

    nodes: int
    workers: int
    fsync: bool = True
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For the table."""
        return f"farm, {self.nodes} x {self.workers}{'' if self.fsync else ', no fsync'}"


def process_pool(stack: ExitStack, settings: ImageSettings = _SETTINGS, recipe: Recipe = EDGES) -> Contender:
    """A pool of two warm processes with our own image function, by default with the farm's fsync."""
    pool = warm_pool(stack, warm_up)
    work = partial(_process, settings=settings, recipe=recipe)
    return Contender(f"pool of {PROCESSES} processes", lambda base: run_pool(pool, work, base))


def warm_pool(stack: ExitStack, prepare: Callable[[], None]) -> Pool:
    """Two processes that have prepared themselves, until the stack is left."""
    # Ctrl-C is ignored by what is started in the meantime: the benchmark ends its pool itself.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # Spawned, as the farm's workers are no forks of this process either.
        pool = multiprocessing.get_context("spawn").Pool(PROCESSES, prepare)
    finally:
        signal.signal(signal.SIGINT, before)
    stack.callback(pool.join)
    stack.callback(pool.terminate)
    return pool


def farm(stack: ExitStack, kind: FarmKind, seed: int) -> Contender:
    """A farm of subprocesses, used through client.py."""
    spec = NodeSpec(0.0, ("--workers", str(kind.workers), *(() if kind.fsync else ("--no-fsync",))))
    local = stack.enter_context(LocalFarm([spec] * kind.nodes, ("--seed", str(seed))))
    return Contender(
        kind.name, lambda base: run_client(local.client_command(str(base), *kind.options), _count(base))
    )


def clear_results(base: Path) -> None:
    """Deletes the results and waits for the disk, so that nobody pays for the one before."""
    shutil.rmtree(base / "output_dir", ignore_errors=True)
    os.sync()


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


def run_pool(pool: Pool, work: Callable[[tuple[str, str]], None], base: Path) -> ClientRun:
    """Has a pool do all images of a base path, each as the paths of its source and its result."""
    started_at = time.perf_counter()
    with os.scandir(base / "input_dir") as entries:
        pairs = [(entry.path, str(base / "output_dir" / entry.name)) for entry in entries]
        for _ in pool.imap_unordered(work, pairs):
            pass
    seconds = time.perf_counter() - started_at
    return ClientRun(seconds, seconds)


def _process(pair: tuple[str, str], *, settings: ImageSettings, recipe: Recipe) -> None:
    source, target = pair
    process_image(Path(source), Path(target), "bench", settings, recipe)


def _count(base: Path) -> int:
    return sum(1 for _ in (base / "input_dir").iterdir())
