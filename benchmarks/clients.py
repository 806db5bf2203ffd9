"""client.py, run as a person would run it."""

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measurement import NotMeasured

_LAST_WORDS = 300


@dataclass(frozen=True, slots=True)
class ClientRun:
    """One run: seconds of the job by its report and of the whole command, and how often nodes refused."""

    job_s: float
    wall_s: float
    refusals: int = 0


def run_client(command: Sequence[str], images: int) -> ClientRun:
    """Runs client.py with --json.

    Args:
        command: the command without --json.
        images: how many are to be done.

    Raises:
        NotMeasured: not all of them were.
    """
    started_at = time.perf_counter()
    ended = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    wall_s = time.perf_counter() - started_at
    try:
        report = json.loads(ended.stdout)
    except ValueError:
        raise NotMeasured(f"client.py failed: {ended.stderr[-_LAST_WORDS:]}") from None
    if not report["ok"] or report["done"] != images:
        failures = f"; {report['failures'][:1]}" if report["failures"] else ""
        raise NotMeasured(f"{report['done']} of {images} images done: {report['message']}{failures}")
    return ClientRun(report["elapsed_s"], wall_s, report["rejections"])
