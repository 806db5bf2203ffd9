"""A process with a journal, for tests that kill it or take its disk away: see main()."""

import json
import os
import random
import resource
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path

from pixfarm.journal import Journal, database
from tests.integration.journal.journal_parts import ORIGIN, begin, image
from tests.integration.waiting import eventually

_THREADS = 8
_ROWS = 4000
_FREE_BYTES = 200_000


def hold(folder: Path) -> None:
    """Has it open until standard input ends."""
    with closing(Journal(folder)):
        os.write(1, b"open\n")
        sys.stdin.read()


def write(folder: Path, prefix: str) -> None:
    """Records images without end, and prints the name of each that is acknowledged."""
    # A checkpoint at nearly every commit: half of all kills come in the middle of one.
    database._PRAGMAS += ("PRAGMA wal_autocheckpoint = 20",)
    numbers, rng = count(), random.Random(prefix)
    with closing(Journal(folder)) as journal:
        if journal.job("job-1") is None:
            begin(journal, "job-1")

        def acknowledge(name: str) -> None:
            os.write(1, f"{name}\n".encode())

        def work() -> None:
            while True:
                name = f"{rng.randrange(10**6):06}-{prefix}-{next(numbers)}.jpg"
                journal.record("job-1", image(name), ORIGIN, partial(acknowledge, name))

        for thread in [threading.Thread(target=work, daemon=True) for _ in range(_THREADS)]:
            thread.start()
        sys.stdin.read()


def limited(folder: Path) -> None:
    """Has files of a limited size for a while."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def squeeze() -> None:
        size = max(path.stat().st_size for path in folder.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + _FREE_BYTES, hard))

    _outlive(folder, squeeze, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard)))


def full(folder: Path) -> None:
    """Shares a small disk with something that fills it for a while."""
    ballast = folder / "ballast"

    def squeeze() -> None:
        disk = os.statvfs(folder)
        ballast.write_bytes(bytes(disk.f_bavail * disk.f_frsize - _FREE_BYTES))

    _outlive(folder, squeeze, ballast.unlink)


def _outlive(folder: Path, squeeze: Callable[[], None], relieve: Callable[[], None]) -> None:
    """Prints what is seen while nothing can be written, and afterwards."""
    acknowledged: list[int] = []
    with closing(Journal(folder)) as journal:
        begin(journal, "job-1")
        squeeze()
        for number in range(_ROWS):
            journal.record("job-1", image(f"{number}.jpg"), ORIGIN, lambda: acknowledged.append(1))
        was_seen = eventually(lambda: journal.problem)
        during = {
            "problem": journal.problem,
            "acknowledged": len(acknowledged),
            "committed": journal.counted("job-1").done,
        }
        relieve()
        journal.flush()
        after = {
            "problem": journal.problem,
            "acknowledged": len(acknowledged),
            "committed": journal.counted("job-1").done,
        }
    sys.stdout.write(json.dumps({"was_seen": was_seen, "rows": _ROWS, "during": during, "after": after}))


def main() -> None:
    """Does what the first argument says, in the directory of the second."""
    what = {"hold": hold, "write": write, "limited": limited, "full": full}[sys.argv[1]]
    what(Path(sys.argv[2]), *sys.argv[3:])  # type: ignore[operator]


if __name__ == "__main__":
    main()
