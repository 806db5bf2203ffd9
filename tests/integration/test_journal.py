import json
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from pixfarm.errors import StateUnusable
from pixfarm.farm import HOME
from pixfarm.journal import Journal
from tests.integration.journal.journal_parts import BASE, ORIGIN, image, in_thread, opened, summary
from tests.integration.own_resources import nothing_left_over
from tests.integration.waiting import PATIENCE_S

RequireTool = Callable[[str], str]
KILLS = 12
CHILD = [sys.executable, "-m", "tests.integration.journal_process"]


@contextmanager
def child(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process with a journal; killed at the end."""
    command = [*CHILD, *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """What it prints, until it ends; a line that its death has cut is no line."""
    assert process.stdout is not None
    return (line.removesuffix("\n") for line in process.stdout if line.endswith("\n"))


def killed_while_writing(folder: Path, prefix: str, kill_after: int) -> list[str]:
    """What a process had acknowledged when it was killed."""
    with child("write", folder, prefix) as process:
        printed = lines(process)
        acknowledged = [next(printed) for _ in range(kill_after)]
        process.kill()
        return [*acknowledged, *printed]


def missing(folder: Path, acknowledged: Sequence[str]) -> set[str]:
    """Which of these are not in the journal of a server that starts."""
    with closing(Journal(folder)) as journal:
        parts = [acknowledged[start : start + 500] for start in range(0, len(acknowledged), 500)]
        return set(acknowledged).difference(*(journal.ended("job-1", part) for part in parts))


@pytest.mark.parametrize("seed", range(2))
def test_whatever_was_acknowledged_is_there_after_a_kill_at_any_moment(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    folder, acknowledged = tmp_path / "state", []
    for number in range(KILLS):
        acknowledged += killed_while_writing(folder, f"run{number}", rng.randint(1, 3000))
        if number % 3 == 2:  # else it is the next process that meets what the killed one left
            assert missing(folder, acknowledged) == set()
    assert len(set(acknowledged)) == len(acknowledged)
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_job_is_there_after_a_kill_right_after_it_was_added(tmp_path: Path) -> None:
    killed_while_writing(tmp_path, "run", 1)
    with closing(Journal(tmp_path)) as journal:
        assert [job.spec.job_id for job in journal.unfinished()] == ["job-1"]


def test_another_process_is_refused_until_the_first_is_gone_in_whatever_way(tmp_path: Path) -> None:
    with child("hold", tmp_path) as process:
        assert next(lines(process)) == "open"
        with pytest.raises(StateUnusable, match=f"in use by another server .process {process.pid} on "):
            Journal(tmp_path)
        process.kill()
        process.wait(PATIENCE_S)
        Journal(tmp_path).close()


def seen_by_child(command: list[str]) -> tuple[dict[str, object], str]:
    """What a process saw that was without disk for a while, and what it logged."""
    ended = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(ended.stdout), ended.stderr


def check_nothing_was_lost(seen: dict[str, object], log: str, problem: str) -> None:
    rows, during, after = seen["rows"], seen["during"], seen["after"]
    assert isinstance(rows, int)
    assert isinstance(during, dict)
    assert problem in during["problem"]
    assert during["acknowledged"] <= during["committed"] < rows
    assert after == {"problem": "", "acknowledged": rows, "committed": rows}
    assert log.count("the journal cannot be written") == 1


def test_nothing_is_lost_while_files_may_not_grow(tmp_path: Path) -> None:
    seen, log = seen_by_child([*CHILD, "limited", str(tmp_path)])
    check_nothing_was_lost(seen, log, "disk I/O error")


def test_nothing_is_lost_while_the_disk_is_full(tmp_path: Path, require_tool: RequireTool) -> None:
    in_own_mounts = [require_tool("unshare"), "--user", "--map-root-user", "--mount"]
    if subprocess.run([*in_own_mounts, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody but root mount a small disk")
    script = 'mount -t tmpfs -o size=2m small "$0" && exec "$@"'
    seen, log = seen_by_child(
        [*in_own_mounts, "sh", "-c", script, str(tmp_path), *CHILD, "full", str(tmp_path)]
    )
    check_nothing_was_lost(seen, log, "database or disk is full")


def test_fifty_threads_at_once_lose_and_repeat_nothing(tmp_path: Path) -> None:
    threads, each = 50, 200
    acknowledged: Counter[str] = Counter()
    looks: list[bool] = []

    def work(journal: Journal, number: int) -> None:
        job_id, node = f"job-{number % 2 + 1}", f"node_{number}"
        names = [f"{number:02}/{i:03}.jpg" for i in range(each)]
        for half in (names[: each // 2], names[each // 2 :]):
            for name in half:
                acknowledge = partial(acknowledged.update, [name])
                journal.record(job_id, image(name, node=node), ORIGIN, acknowledge)
            journal.save(summary(job_id))
            journal.flush()
            looks.append(journal.ended(job_id, names) == acknowledged.keys() & set(names))
            looks.append(journal.last_done(BASE, ORIGIN.pipeline, half).keys() == set(half))

    with nothing_left_over(), opened(tmp_path, "job-1", "job-2") as journal:
        working = [in_thread(partial(work, journal, number)) for number in range(threads)]
        for thread in working:
            thread.join(PATIENCE_S)
        done = {**journal.counted("job-1").nodes, **journal.counted("job-2").nodes}
    assert looks == [True] * 4 * threads
    assert (len(acknowledged), set(acknowledged.values())) == (threads * each, {1})
    assert done == {f"node_{number}": (each, each * 0.5) for number in range(threads)}
