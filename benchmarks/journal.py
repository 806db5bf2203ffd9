"""The journal: what a row costs the server while the file is small, and when it is large."""

import random
import tempfile
import threading
import time
from collections.abc import Callable, Sized
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.journal_rows import BASE, JOB, RowSource, drawn_names, filled_journal, new_journal, nothing
from benchmarks.measurement import NotMeasured, Outcome, Row, at_most, median_of
from benchmarks.plan import Plan
from pixfarm.journal import Journal

_ROWS_PER_S = 2700
_BURST_S = 0.01
_NAMES = 256
_NOTES = (
    f"Rows come {_ROWS_PER_S:,} a second, as from a busy server; in the flood as fast as one thread can give",
    "them. File names come in no order, as a directory lists them. The process is the giving thread and the",
    f"journal's. A lookup asks for {_NAMES} names at once.",
)


@dataclass
class _Seen:
    """The numbers of all runs; times in us of CPU."""

    process: list[float] = field(default_factory=list)
    thread: list[float] = field(default_factory=list)


def measure(plan: Plan) -> Outcome:
    """Rows beside none and beside 1,000,000 others; lookups; the file's size."""
    many, few = plan.size(1_000_000, quick=20_000), plan.size(5 * _ROWS_PER_S, quick=540)
    lookups = plan.size(100, quick=2)
    beside_none, beside_many = _Seen(), _Seen()
    flood, ended, last_done = [], [], []
    plan.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=plan.work, prefix="journal-") as name:
        folder, source, rng = Path(name), RowSource(), random.Random(plan.seed)
        filled_journal(folder / "large", source, many)
        size = sum(path.stat().st_size for path in (folder / "large").iterdir()) / many
        for run in range(plan.runs):
            with closing(new_journal(folder / f"small-{run}")) as small:
                _give_slowly(small, source, few, beside_none)
            with closing(Journal(folder / "large")) as large:
                _give_slowly(large, source, few, beside_many)
                flood.append(_flood(large, source, few))
                batches = [drawn_names(many, _NAMES, rng) for _ in range(lookups)]
                ended.append(_lookup_us(partial(large.ended, JOB), batches))
                last_done.append(_lookup_us(partial(large.last_done, BASE), batches))
    rows = (
        *_rows("a row beside none", beside_none),
        *_rows(f"a row beside {many:,}", beside_many),
        median_of(f"flood beside {many:,} rows", "rows/s", flood),
        median_of("ended: CPU of the process", "us/name", ended),
        median_of("last_done: CPU of the process", "us/name", last_done),
        median_of("the file", "bytes/image", [size]),
    )
    return Outcome(f"journal with {many:,} rows", rows, _NOTES)


def _give_slowly(journal: Journal, source: RowSource, count: int, seen: _Seen) -> None:
    rows = list(source.rows(count))
    burst = int(_ROWS_PER_S * _BURST_S)
    thread = next(thread for thread in threading.enumerate() if thread.name == "journal")
    clock = time.pthread_getcpuclockid(thread.ident or 0)
    process_s, thread_s = time.process_time(), time.clock_gettime(clock)
    next_at = time.monotonic()
    for start in range(0, count, burst):
        for record, origin in rows[start : start + burst]:
            journal.record(JOB, record, origin, nothing)
        next_at += _BURST_S
        time.sleep(max(0.0, next_at - time.monotonic()))
    journal.flush()
    seen.process.append((time.process_time() - process_s) / count * 1e6)
    seen.thread.append((time.clock_gettime(clock) - thread_s) / count * 1e6)


def _flood(journal: Journal, source: RowSource, count: int) -> float:
    rows = list(source.rows(count))
    started_at = time.perf_counter()
    for record, origin in rows:
        journal.record(JOB, record, origin, nothing)
    journal.flush()
    return count / (time.perf_counter() - started_at)


def _lookup_us(look_up: Callable[[list[str]], Sized], batches: list[list[str]]) -> float:
    started_s = time.process_time()
    for names in batches:
        if len(look_up(names)) != len(names):
            raise NotMeasured("the journal does not know what was recorded")
    return (time.process_time() - started_s) / sum(map(len, batches)) * 1e6


def _rows(what: str, seen: _Seen) -> tuple[Row, Row]:
    return (
        median_of(f"{what}: CPU of the process", "us/row", seen.process, at_most(15)),
        median_of(f"{what}: of that, journal's thread", "us/row", seen.thread),
    )
