"""A farm that works for a long time: memory, threads and descriptors of every process."""

import collections
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.journal_rows import JOB, RowSource, filled_journal
from pixfarm.farm import NodeSpec
from tests.chaos.outcome import Outcome
from tests.chaos.stage import Stage
from tests.integration.processes import descendants, private_mb, rss_mb, thread_count

NAME = "soak"
LINE = "growth < 1 MB/h per process, threads and descriptors constant"
# Workers that are never replaced, so that what they keep is seen.
_NODES = [NodeSpec(0.2, ("--workers", "1", "--delay-s", "0.02", "--recycle-after", "0"))] * 2
_PAUSE_S = 2.0
_GROWTH_MB_PER_H = 1.0
_WARM = 0.3  # of the time, in which caches may still fill
_JUDGED_FROM_S = 1500.0
# SQLite keeps up to 4 MB of a journal in memory. With a new one the server would grow until these are full.
_ROWS_BEFORE = 60_000
_READ_ALL_S = 120.0
# Python's table of names grows for the last time when some 40,000 images have gone through a node.
_TINY_BEFORE = 100_000
_TINY_EACH = 20_000
_TINY_PX = 8
_TINY_S = 900.0


@dataclass(frozen=True)
class _Sample:
    at_s: float
    rss_mb: float
    private_mb: float
    threads: int
    descriptors: int


def run(folder: Path, minutes: float, images: int, stop: threading.Event) -> Outcome:
    """One job after the other until the time is over, or the others are."""
    outcome = Outcome(NAME, LINE)
    samples: dict[str, list[_Sample]] = collections.defaultdict(list)
    started_at = time.monotonic()
    stage = Stage(folder, _NODES, outcome)
    filled_journal(stage.farm.machines_path.parent / ".pixfarm", RowSource(), _ROWS_BEFORE)
    with stage:
        read_all = stage.farm.client_command("--report", JOB, "--csv", "-")
        subprocess.run(read_all, check=True, capture_output=True, timeout=_READ_ALL_S)
        if 60 * minutes >= _JUDGED_FROM_S:
            _burn_in(stage, folder / "tiny")
        while (now_s := time.monotonic() - started_at) < 60 * minutes and not stop.is_set():
            base = stage.new_base(images)
            stage.finish(stage.submit(base))
            shutil.rmtree(base.path)
            stop.wait(_PAUSE_S)
            for name, pid in _processes(stage):
                samples[name].append(_sample(pid, now_s))
    _judge(samples, outcome)
    return outcome


def _burn_in(stage: Stage, base: Path) -> None:
    """Many tiny images, after which tables and caches have the size that they keep."""
    source = base / "input_dir"
    source.mkdir(parents=True)
    for number in range(_TINY_BEFORE):
        original = source / f"{number - number % _TINY_EACH}.png"  # a file may have some 65,000 names
        if number % _TINY_EACH:
            (source / f"{number}.png").hardlink_to(original)
        else:
            Image.new("RGB", (_TINY_PX, _TINY_PX), (10, 20, 30)).save(original)
    command = stage.farm.client_command(str(base), "--quiet")
    subprocess.run(command, check=True, timeout=_TINY_S)
    shutil.rmtree(base)


def _processes(stage: Stage) -> list[tuple[str, int]]:
    assert stage.farm.server
    found = [("server", stage.farm.server.process.pid)]
    for name, node in stage.farm.nodes.items():
        pid = node.process.pid
        found.append((name, pid))
        found += [(f"{name} {_part_of(pid, child)}", child) for child in descendants(pid)]
    return found


def _part_of(node: int, child: int) -> str:
    """Which part of a node a process is."""
    if b"resource_tracker" in Path(f"/proc/{child}/cmdline").read_bytes():
        return "resource tracker"
    parent = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1]
    return "fork server" if int(parent) == node else "worker"


def _sample(pid: int, now_s: float) -> _Sample:
    descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return _Sample(now_s, rss_mb(pid), private_mb(pid), thread_count(pid), descriptors)


def _judge(samples: dict[str, list[_Sample]], outcome: Outcome) -> None:
    for name, all_of_it in samples.items():
        warm = all_of_it[int(_WARM * len(all_of_it)) :]
        if len(warm) < 4:
            outcome.notes.append(f"{name}: too few samples")
            continue
        growth, own = (_mb_per_h(warm, what) for what in (_resident, _private))
        half = len(warm) // 2
        more = {
            "threads": max(s.threads for s in warm[half:]) - max(s.threads for s in warm[:half]),
            "descriptors": max(s.descriptors for s in warm[half:]) - max(s.descriptors for s in warm[:half]),
        }
        last = warm[-1]
        what = (
            f"{name}: {last.rss_mb:.1f} MB, {growth:+.2f} MB/h (its own {own:+.2f}), {last.threads} threads"
        )
        outcome.notes.append(f"{what}, {last.descriptors} descriptors")
        if last.at_s < _JUDGED_FROM_S:
            continue  # too short to tell growth from noise; the numbers above say what was seen
        if growth >= _GROWTH_MB_PER_H:
            outcome.broken.append(f"{name} grew by {growth:.2f} MB/h")
        outcome.broken += [f"{name} has {n} more {kind} than before" for kind, n in more.items() if n > 0]


def _mb_per_h(samples: list[_Sample], memory: Callable[[_Sample], float]) -> float:
    fit = statistics.linear_regression([s.at_s for s in samples], [memory(s) for s in samples])
    return 3600 * fit.slope


def _resident(sample: _Sample) -> float:
    return sample.rss_mb


def _private(sample: _Sample) -> float:
    """Without pages of libraries, which come in as they are first used."""
    return sample.private_mb
