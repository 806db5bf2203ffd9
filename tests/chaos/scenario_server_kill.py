"""The server is killed at a chosen system call, started again, and has to go on where it was."""

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pixfarm.farm import NodeSpec
from tests.acceptance.processes import wait_until
from tests.chaos.checker import files, in_flight, redone
from tests.chaos.outcome import Outcome
from tests.chaos.stage import Stage
from tests.chaos.system_calls import injected

NAME = "server killed at a system call"
LINE = "0 lost, 0 half, 0 wrong, 0 stray, every job ends, redone <= in flight + 100"
_NODES = [NodeSpec(0.5, ("--workers", "1", "--delay-s", "0.03"))] * 4
_IMAGES = 150
_MAX_REDONE = 100


@dataclass(frozen=True)
class Point:
    """Where the server dies.

    Args:
        call: at the start of which system call.
        after: how many results there are when the counting begins; 0: before the job is submitted.
        nth: at which call of one thread.
    """

    call: str
    after: int
    nth: int

    def __str__(self) -> str:
        return f"{self.call} {self.nth} after {self.after} results"


# Calls of the listener (accept4), of the journal (pwrite64), of the listing (getdents64), of an image's
# thread (sendto, recvfrom), of the trace and the log (write).
POINTS = (
    Point("pwrite64", 0, 1),
    Point("getdents64", 0, 1),
    Point("accept4", 0, 1),
    Point("sendto", 0, 1),
    Point("recvfrom", 10, 1),
    Point("pwrite64", 30, 3),
    Point("write", 50, 2),
    Point("pwrite64", 60, 6),
    Point("sendto", 80, 2),
    Point("pwrite64", 110, 2),
)


def drawn_points(seed: int, number: int) -> list[Point]:
    """Other points, by chance."""
    rng = random.Random(seed)
    calls = [point.call for point in POINTS] + ["fdatasync", "openat", "close", "futex", "connect"]
    return [
        Point(rng.choice(calls), rng.choice([0, rng.randrange(1, _IMAGES - 30)]), rng.randint(1, 4))
        for _ in range(number)
    ]


def run(points: Sequence[Point], folder: Path, seed: int = 0) -> Outcome:
    """Kills the server once at each point, each time in a job of its own."""
    outcome = Outcome(NAME, LINE, seed)
    with Stage(folder, _NODES, outcome) as stage:
        again = [_redone_at(point, stage, folder / f"strace_{number}") for number, point in enumerate(points)]
        stage.check_strays()
    reached = [number for number in again if number is not None]
    most = f"at most {max(reached, default=0)} images done again at one"
    outcome.notes.append(f"{len(reached)} of {len(points)} points reached before the job's end, {most}")
    return outcome


def _redone_at(point: Point, stage: Stage, folder: Path) -> int | None:
    """How many images were done again after the server died there; None when it did not."""
    farm, outcome = stage.farm, stage.outcome
    assert farm.server
    base = stage.new_base(_IMAGES)
    deaths_before = len(farm.server_killed_at)
    if point.after:
        job = stage.submit(base)
        wait_until(lambda: len(files(base.output_dir)) >= point.after, f"{point.after} results")
    with injected([farm.server.process.pid], point.call, f"signal=KILL:when={point.nth}", folder):
        if not point.after:
            job = stage.submit(base)
        over = threading.Event()
        waiting = threading.Thread(target=_restart_when_dead, args=(stage, over), name="restart server")
        waiting.start()
        try:
            evidence = stage.finish(job)
        finally:
            over.set()
            waiting.join()
    died = farm.server_killed_at[deaths_before:]
    if not died:
        return None
    outcome.faults[point.call] += len(died)
    again, open_then = redone(evidence.events, died[0]), in_flight(evidence.events, died[0])
    if again > open_then + _MAX_REDONE:
        outcome.broken.append(f"{point}: {again} images done again, {open_then} were in flight")
    return again


def _restart_when_dead(stage: Stage, over: threading.Event) -> None:
    while not over.is_set():
        if stage.farm.revive_server():
            return
        over.wait(0.01)
