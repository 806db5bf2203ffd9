"""Disks that are full, too small, or fail; under one node, under all of them, under the journal."""

import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixfarm.farm import NodeSpec
from tests.chaos.chaos_farm import Lodging
from tests.chaos.outcome import Outcome
from tests.chaos.stage import Stage
from tests.chaos.system_calls import hits, injected
from tests.integration.processes import descendants

NAME = "full or failing disk"
LINE = "no false done; other nodes finish the job"
_NODES = [NodeSpec(0.5, ("--workers", "1", "--delay-s", "0.03"))] * 3
FAILING_CALLS = (
    ("fsync", "EIO"),
    ("write", "ENOSPC"),
    ("write", "EIO"),
    ("write", "EROFS"),
    ("rename", "EIO"),
)
FAILING_JOURNAL_CALLS = (("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("fdatasync", "EIO"))
_LIMIT_BYTES = 64  # every result is larger
_FULL_TMPFS = 'mount -t tmpfs -o size=4k none "$0" && { head -c 8192 /dev/zero > "$0/full"; exec "$@"; }'
_SPACE_AFTER_S = 3.0
_NODE_CODES = {"NO_SPACE", "IO", "READ_ONLY", "NO_RESOURCES"}


def run_limited(folder: Path, images: int) -> Outcome:
    """One node of three may not write a file as large as a result (RLIMIT_FSIZE)."""
    with _stage(folder, "a file size limit under one node") as stage:
        node = stage.farm.nodes["node_1"].process.pid
        for pid in {node, *descendants(node)}:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_LIMIT_BYTES, _LIMIT_BYTES))
        _run_job(stage, images)
    return stage.outcome


def run_failing_calls(folder: Path, images: int, call: str, error: str) -> Outcome:
    """Every second such call of one node's worker fails."""
    with _stage(folder, f"{call} of one node's worker fails with {error}") as stage:
        workers = stage.farm.workers("node_1")
        with injected(workers, call, f"error={error}:when=1+2", folder / "strace") as calls:
            _run_job(stage, images)
        stage.outcome.faults[f"{call} {error}"] += hits(calls)
    return stage.outcome


def run_failing_journal(folder: Path, images: int, call: str, error: str) -> Outcome:
    """The journal's writes fail for a while."""
    with _stage(folder, f"{call} of the server fails with {error}") as stage:
        assert stage.farm.server
        base = stage.new_base(images)
        with injected(
            [stage.farm.server.process.pid], call, f"error={error}:when=3..5", folder / "strace"
        ) as calls:
            stage.finish(stage.submit(base))
        stage.check_strays()
        stage.outcome.faults[f"journal: {call} {error}"] += hits(calls)
    return stage.outcome


def run_one_full(folder: Path, images: int) -> Outcome:
    """One node of three finds the output on a disk that is full; in a mount namespace of its own (root)."""
    outcome = Outcome(NAME, LINE)
    if not _may_mount():
        outcome.not_run.append("a full disk under one node: mounting needs root")
        return outcome
    output = folder / "base_0" / "output_dir"
    output.mkdir(parents=True)
    lodging = Lodging(("unshare", "-m", "--", "sh", "-c", _FULL_TMPFS, str(output)))
    with Stage(folder, _NODES, outcome, {"node_1": lodging}) as stage:
        _run_job(stage, images)
    return outcome


def run_all_full_then_not(folder: Path, images: int) -> Outcome:
    """The output of all nodes is a disk of 64 KiB; after some seconds it gets larger (root)."""
    outcome = Outcome(NAME, LINE)
    if not _may_mount():
        outcome.not_run.append("a full disk under all nodes: mounting needs root")
        return outcome
    output = folder / "base_0" / "output_dir"
    output.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(output)], check=True)
    try:
        with Stage(folder, _NODES, outcome) as stage:
            grow = ["mount", "-o", "remount,size=64m", str(output)]
            growing = threading.Timer(_SPACE_AFTER_S, subprocess.run, [grow], {"check": True})
            growing.start()
            try:
                _run_job(stage, images)
            finally:
                growing.join()
    finally:
        subprocess.run(["umount", "-l", str(output)], check=True)
    return outcome


@contextmanager
def _stage(folder: Path, what: str) -> Iterator[Stage]:
    outcome = Outcome(NAME, LINE, notes=[what])
    with Stage(folder, _NODES, outcome) as stage:
        yield stage


def _run_job(stage: Stage, images: int) -> None:
    started_at = time.monotonic()
    evidence = stage.finish(stage.submit(stage.new_base(images)))
    stage.check_strays()
    seen = [event["code"] for event in evidence.events if event["event"] == "answer" and event["code"]]
    for code in _NODE_CODES & set(seen):
        stage.outcome.faults[f"answer {code}"] += seen.count(code)
    if not _NODE_CODES & set(seen):
        stage.outcome.broken.append("no node had anything to complain of: the fault was not there")
    stage.outcome.notes.append(f"{images} images took {time.monotonic() - started_at:.1f} s")


def _may_mount() -> bool:
    if os.geteuid() != 0:
        return False
    probe = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    return probe.returncode == 0
