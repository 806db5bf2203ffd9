"""Functions of people's own in worker processes and nodes: what goes wrong in them costs their image only."""

import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from PIL import Image

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging import ImageSettings
from pixfarm.model import Task, TaskResult
from pixfarm.recipe import EDGES, Recipe
from pixfarm.worker import WorkDone, WorkerPool
from tests.integration import faulty_work
from tests.integration.real_nodes import EXECUTE, RealNode, real_node
from tests.integration.small_images import save_image
from tests.integration.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.xdist_group("worker pool")

MEBIBYTE = 1024 * 1024
MINE = """
import functools
import itertools
import os
import re
import sys
import threading

import numpy as np

count = itertools.count(1)

@functools.cache
def model():
    return b"w" * (48 << 20)

def has_a_model(image):
    return image + (len(model()) & 1)

kept = []

def leaks(image):
    kept.append(b"x" * (8 << 20))
    return image

def counts(image):
    return image * 0 + next(count)

def raises(image):
    raise ValueError(f"{image.shape[1]} columns")

def hangs(image):
    threading.Event().wait()

def holds_the_lock(image):
    re.match("(a+)+$", "a" * 60 + "b")

def exits(image):
    sys.exit(3)

def ends_the_process(image):
    os._exit(3)

def eats(image):
    return [bytearray(1 << 20) for _ in range(100_000)]

def starts_another(image):
    import subprocess
    child = subprocess.Popen(["sleep", "30"])
    with open(__file__ + ".child", "w") as file:
        file.write(str(child.pid))
    threading.Event().wait()

def ends_another(image):
    import subprocess
    child = subprocess.Popen(["sleep", "30"])
    child.terminate()
    child.wait()
    return image

def forks_and_dies(image):
    import time
    if os.fork() == 0:
        time.sleep(8)
        os._exit(0)
    os._exit(7)

def prints(image):
    print("node_9 listens on 127.0.0.1:1, p = 0")
    for _ in range(20_000):
        print("not for programs")
    os.write(1, b"nor is this\\n")
    return image
"""


@dataclass
class Yard:
    """A pool of one worker, a folder for images, and threads to wait in."""

    pool: WorkerPool
    folder: Path
    threads: ThreadPoolExecutor

    def submit(self, recipe: Recipe, timeout_s: float = 60.0, source: str = "small.png") -> Future[WorkDone]:
        attempt = uuid.uuid4().hex
        target = self.folder / "out" / f"{attempt}.png"
        return self.threads.submit(
            self.pool.process, self.folder / source, target, attempt, timeout_s, recipe
        )

    def call(self, function: str, timeout_s: float = 60.0) -> Future[WorkDone]:
        return self.submit(Recipe(f"mine:{function}"), timeout_s)

    def in_hand(self) -> int:
        worker = self.pool.crew.workers[0]
        return sum(map(worker.has_in_hand, range(len(worker.lanes))))

    def leftovers(self) -> list[Path]:
        return list((self.folder / "out").glob(".*.part"))


def failure_of(future: Future[WorkDone]) -> tuple[FailureCode, str]:
    error = future.exception(PATIENCE_S)
    assert isinstance(error, TaskFailed), error
    return error.code, error.message


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    (folder / "mine.py").write_text(MINE)
    return folder


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory, code: Path) -> Iterator[Yard]:
    folder = tmp_path_factory.mktemp("images")
    (folder / "out").mkdir()
    save_image(folder / "small.png")
    settings = ImageSettings(fsync=False, memory_mib=128, code=code)
    with closing(WorkerPool(1, settings, work=faulty_work.work)) as pool, ThreadPoolExecutor(24) as threads:
        yield Yard(pool, folder, threads)


@pytest.mark.parametrize(
    ("function", "failure"),
    [
        ("raises", (FailureCode.FUNCTION_FAILED, "mine.py:30: ValueError: 40 columns")),
        ("exits", (FailureCode.FUNCTION_FAILED, "mine.py:39: SystemExit: 3")),
        ("eats", (FailureCode.NO_MEMORY, "needs more memory than an image may take (128 MiB)")),
        (
            "ends_the_process",
            (FailureCode.CRASHED, "the worker process ended with exit code 3 while it had this image"),
        ),
        ("hangs", (FailureCode.TIMED_OUT, "took longer than 0.5 s; its worker was ended")),
        ("holds_the_lock", (FailureCode.TIMED_OUT, "took longer than 0.5 s; its worker was ended")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_function_costs_its_own_image_only(
    yard: Yard, function: str, failure: tuple[FailureCode, str]
) -> None:
    others = [yard.submit(EDGES) for _ in range(5)]
    bad = yard.call(function, 0.5 if failure[0] is FailureCode.TIMED_OUT else 60.0)
    others += [yard.submit(EDGES) for _ in range(5)]
    assert failure_of(bad) == failure
    assert all(other.result(PATIENCE_S).outcome.width_px == 40 for other in others)
    assert yard.leftovers() == []


def test_a_function_that_raises_leaves_its_worker_warm(yard: Yard) -> None:
    levels = []
    for deed in ("raises", "exits"):
        yard.call("counts").result(PATIENCE_S)
        newest = max((yard.folder / "out").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        with Image.open(newest) as image:
            levels.append(np.asarray(image).max())
        failure_of(yard.call(deed))
    assert levels[1] == levels[0] + 1


def test_a_model_that_a_function_loads_is_no_leak(yard: Yard) -> None:
    worker = yard.pool.crew.workers[0]
    for _ in range(3):
        yard.call("has_a_model").result(PATIENCE_S)
        assert worker.grown_bytes < 8 * MEBIBYTE
    for _ in range(3):
        yard.call("leaks").result(PATIENCE_S)
    assert worker.grown_bytes > 15 * MEBIBYTE


def test_a_function_is_not_begun_while_another_image_is_being_published(yard: Yard) -> None:
    """It may hold the interpreter lock, and the other image's time runs."""
    save_image(yard.folder / "slow-disk.png")
    publishing = yard.submit(EDGES, source="slow-disk.png")
    assert eventually(yard.leftovers)
    waiting = yard.call("holds_the_lock", timeout_s=0.3)
    assert not eventually(lambda: yard.in_hand() > 1, 0.4)
    (yard.folder / "out" / faulty_work.GO_ON_FILE).touch()
    assert publishing.result(PATIENCE_S).outcome.width_px == 40
    assert failure_of(waiting)[0] is FailureCode.TIMED_OUT


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, code: Path) -> Iterator[RealNode]:
    base = tmp_path_factory.mktemp("base")
    save_image(base / "input_dir" / "small.png")
    with real_node(tmp_path_factory.mktemp("node"), base, "0", "--code", str(code)) as node:
        yield node


def execute(node: RealNode, pipeline: str) -> TaskResult:
    task = Task(
        *(str(node.base_path), "small.png", uuid.uuid4().hex),
        timeout_s=60.0,
        patience_s=30.0,
        recipe=Recipe(pipeline),
    )
    return node.caller.call(node.machine, task, EXECUTE)


def test_a_node_tells_that_it_runs_code(node: RealNode) -> None:
    assert node.status().runs_code


def test_what_a_function_prints_goes_to_the_log_of_the_node(node: RealNode) -> None:
    before = list(node.part.lines)
    assert execute(node, "resize: width=20 | mine:prints").width_px == 20
    assert node.part.log().count("not for programs\n") == 20_000
    assert "nor is this" in node.part.log()
    assert node.part.lines == before


def test_a_node_tells_in_which_line_a_function_failed(node: RealNode) -> None:
    with pytest.raises(TaskFailed) as failed:
        execute(node, "mine:raises")
    assert failed.value.args == (FailureCode.FUNCTION_FAILED, "mine.py:30: ValueError: 40 columns")


def test_a_function_that_is_written_while_the_node_runs_is_found(node: RealNode, code: Path) -> None:
    with pytest.raises(TaskFailed) as failed:
        execute(node, "new:half")
    assert failed.value.code is FailureCode.NO_CODE
    (code / "new.py").write_text(dedent("def half(image, *, keep: float):\n    return image[:, :20]\n"))
    assert execute(node, "new:half: keep=1").width_px == 20


def test_what_a_function_started_ends_with_its_worker(yard: Yard, code: Path) -> None:
    assert failure_of(yard.call("starts_another", 1.0))[0] is FailureCode.TIMED_OUT
    pid = int((code / "mine.py.child").read_text())
    stat = Path(f"/proc/{pid}/stat")
    assert eventually(lambda: not stat.exists() or " Z " in stat.read_text(), 3)


def test_a_function_can_terminate_what_it_started(yard: Yard) -> None:
    assert yard.call("ends_another", 5.0).result(PATIENCE_S).outcome.width_px == 40


def test_a_worker_that_has_forked_and_dies_is_noticed(yard: Yard) -> None:
    assert failure_of(yard.call("forks_and_dies", 5.0))[0] is FailureCode.CRASHED
