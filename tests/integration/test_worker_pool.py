import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver
from pathlib import Path

import pytest
from PIL import Image

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.farm import HOME
from pixfarm.imaging import ImageSettings, NotPublished
from pixfarm.worker import WorkDone, WorkerPool
from pixfarm.worker_process import LANES_PER_WORKER
from tests.integration.own_resources import nothing_left_over
from tests.integration.processes import descendants, is_running, state
from tests.integration.small_images import save_image, save_slow_image
from tests.integration.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.xdist_group("worker pool")
SETTINGS = ImageSettings(fsync=False)


@dataclass
class Bench:
    """A pool, a folder with a small and a slow image, and threads to wait in."""

    pool: WorkerPool
    folder: Path
    threads: ThreadPoolExecutor

    def do(self, name: str, target: str, timeout_s: float = 60.0) -> WorkDone:
        return self.pool.process(self.folder / name, self.folder / target, Path(target).stem, timeout_s)

    def submit(self, name: str, target: str, timeout_s: float = 60.0) -> Future[WorkDone]:
        return self.threads.submit(self.do, name, target, timeout_s)

    def pids(self) -> list[int]:
        return [worker.pid for worker in self.pool.crew.workers]

    def stop_at_work(self, target: str, timeout_s: float = 60.0) -> tuple[Future[WorkDone], int]:
        """Gives a slow image to a worker and stops that when it has it in hand."""
        future = self.submit("slow.png", target, timeout_s)
        assert eventually(lambda: self._at_work() and not future.done())
        pid = self._at_work()[0]
        os.kill(pid, signal.SIGSTOP)
        assert eventually(lambda: state(pid) == "T")
        assert self._at_work() == [pid]
        return future, pid

    def _at_work(self) -> list[int]:
        lanes = range(LANES_PER_WORKER)
        return [
            worker.pid
            for worker in self.pool.crew.workers
            if any(worker.has_in_hand(number) for number in lanes)
        ]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    save_image(folder / "small.png")
    save_slow_image(folder / "slow.png")
    return folder


@pytest.fixture
def bench(request: pytest.FixtureRequest, images: Path, tmp_path: Path) -> Iterator[Bench]:
    """A pool of one worker, or of as many as the parameter says."""
    for image in images.iterdir():
        (tmp_path / image.name).symlink_to(image)
    with (
        closing(WorkerPool(getattr(request, "param", 1), SETTINGS)) as pool,
        ThreadPoolExecutor(16) as threads,
    ):
        yield Bench(pool, tmp_path, threads)


def ends(pid: int) -> bool:
    return eventually(lambda: not is_running(pid))


def are_done(futures: list[Future[WorkDone]], share: int) -> bool:
    return sum(future.done() for future in futures) >= share


def failure_of(future: Future[WorkDone]) -> TaskFailed:
    error = future.exception(PATIENCE_S)
    assert isinstance(error, TaskFailed), error
    return error


def test_what_belongs_together_is_run_by_one_process(request: pytest.FixtureRequest) -> None:
    """pytest-xdist 3.8 silently ignores groups with pytest 9.2."""
    if request.config.getoption("loadgroup", default=False):
        assert request.node.nodeid.endswith("@worker pool")


def test_a_pool_processes_images(bench: Bench) -> None:
    work = bench.do("small.png", "done.png")
    assert (work.outcome.width_px, work.outcome.height_px) == (40, 24)
    assert work.outcome.bytes_written == (bench.folder / "done.png").stat().st_size
    assert work.worked_s > 0
    assert work.waited_s >= 0
    with Image.open(bench.folder / "done.png") as image:
        assert image.size == (40, 24)


def test_a_result_whose_place_is_taken_tells_its_size_and_leaves_nothing(bench: Bench) -> None:
    (bench.folder / "taken.png").mkdir()
    failure = failure_of(bench.submit("small.png", "taken.png"))
    assert isinstance(failure, NotPublished)
    assert failure.code is FailureCode.FORBIDDEN
    assert failure.size_bytes > 0
    assert not list(bench.folder.glob(".*.part"))


@pytest.mark.parametrize("bench", [2], indirect=True, ids=["two workers"])
def test_many_images_from_many_threads_are_all_done(bench: Bench) -> None:
    pids = bench.pids()
    futures = [bench.submit("small.png", f"done-{number}.png") for number in range(200)]
    assert all(future.result(PATIENCE_S).outcome.width_px == 40 for future in futures)
    assert len(list(bench.folder.glob("done-*.png"))) == 200
    assert bench.pids() == pids


def test_an_image_that_fails_names_its_reason_and_the_worker_lives(bench: Bench) -> None:
    (bench.folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    pids = bench.pids()
    for name, code in (
        ("missing.png", FailureCode.NOT_FOUND),
        ("broken.png", FailureCode.UNREADABLE),
    ):
        with pytest.raises(TaskFailed) as failed:
            bench.do(name, "x.png")
        assert failed.value.code is code
    assert bench.do("small.png", "done.png").outcome.width_px == 40
    assert bench.pids() == pids


def test_a_worker_has_two_images_and_a_third_waits(bench: Bench) -> None:
    first, pid = bench.stop_at_work("first.png")
    second, third = (bench.submit("small.png", f"{number}.png") for number in ("second", "third"))
    assert eventually(lambda: not bench.pool.crew.workers[0].free)
    assert not second.done()
    assert not third.done()
    os.kill(pid, signal.SIGCONT)
    for future in (first, second, third):
        assert future.result(PATIENCE_S).outcome.width_px
    assert bench.pids() == [pid]


def test_a_worker_killed_at_work_fails_its_image_and_another_does_the_waiting_one(bench: Bench) -> None:
    crashed, pid = bench.stop_at_work("crashed.png")
    waiting = bench.submit("small.png", "waiting.png")
    assert eventually(lambda: not bench.pool.crew.workers[0].free)
    os.kill(pid, signal.SIGKILL)
    failure = failure_of(crashed)
    assert failure.code is FailureCode.CRASHED
    assert "signal 9 (Killed) while it had this image" in failure.message
    assert waiting.result(PATIENCE_S).outcome.width_px == 40
    assert not (bench.folder / "crashed.png").exists()
    assert len(bench.pids()) == 1
    assert bench.pids() != [pid]
    assert not is_running(pid)
    assert bench.do("small.png", "later.png").outcome.width_px == 40


def test_an_idle_worker_that_died_is_replaced_and_no_image_fails(bench: Bench) -> None:
    for number in range(4):
        (pid,) = bench.pids()
        os.kill(pid, signal.SIGKILL)
        assert ends(pid)
        assert bench.do("small.png", f"done-{number}.png").outcome.width_px == 40


def test_an_image_over_its_time_fails_and_its_worker_is_replaced(bench: Bench) -> None:
    began = time.monotonic()
    late, pid = bench.stop_at_work("late.png", timeout_s=0.5)
    failure = failure_of(late)
    assert failure.code is FailureCode.TIMED_OUT
    assert failure.message == "took longer than 0.5 s; its worker was ended"
    assert 0.4 < time.monotonic() - began < 3
    assert not is_running(pid)
    assert bench.do("small.png", "later.png").outcome.width_px == 40


def test_the_time_that_an_image_waits_behind_another_does_not_count(bench: Bench) -> None:
    late, _ = bench.stop_at_work("late.png", timeout_s=1.0)
    waiting = bench.submit("small.png", "waiting.png", timeout_s=0.3)
    assert failure_of(late).code is FailureCode.TIMED_OUT
    assert waiting.result(PATIENCE_S).outcome.width_px == 40


@pytest.mark.parametrize("bench", [2], indirect=True, ids=["two workers"])
def test_many_deaths_under_load_lose_no_untouched_image(bench: Bench) -> None:
    futures = [bench.submit("small.png", f"done-{number}.png") for number in range(300)]
    killed: set[int] = set()
    for share in (30, 100, 170, 240):
        assert eventually(partial(are_done, futures, share))
        assert eventually(lambda: killed.isdisjoint(bench.pids()))
        pid = bench.pids()[0]
        os.kill(pid, signal.SIGKILL)
        killed.add(pid)
    errors = [error for future in futures if (error := future.exception(PATIENCE_S))]
    assert all(isinstance(error, TaskFailed) and error.code is FailureCode.CRASHED for error in errors)
    assert len(errors) <= len(killed)  # at most the image that each had in hand
    assert eventually(lambda: killed.isdisjoint(bench.pids()))
    assert len(bench.pids()) == 2
    assert not killed & set(bench.pids())
    assert not any(is_running(pid) for pid in killed)


def test_deaths_leave_no_descriptor_and_no_thread(bench: Bench) -> None:
    bench.do("small.png", "warm-up.png")
    with nothing_left_over():
        for number in range(5):
            (pid,) = bench.pids()
            os.kill(pid, signal.SIGKILL)
            assert ends(pid)
            bench.do("small.png", f"done-{number}.png")


def test_close_may_be_called_twice_and_leaves_no_process(images: Path, tmp_path: Path) -> None:
    WorkerPool(1, SETTINGS).close()  # the fork server and its helper stay from the first pool on
    with nothing_left_over():
        pool = WorkerPool(2, SETTINGS)
        pids = [worker.pid for worker in pool.crew.workers]
        pool.process(images / "small.png", tmp_path / "done.png", "a", 60.0)
        assert all(is_running(pid) for pid in pids)
        pool.close()
        pool.close()
        assert not any(is_running(pid) for pid in pids)
        assert not set(pids) & descendants(os.getpid())


def test_a_closed_pool_takes_no_image(images: Path, tmp_path: Path) -> None:
    pool = WorkerPool(1, SETTINGS)
    pool.close()
    with pytest.raises(TaskFailed, match="the node is shutting down"):
        pool.process(images / "small.png", tmp_path / "done.png", "a", 60.0)


def test_close_ends_a_pool_whose_workers_are_stopped_and_taken(bench: Bench) -> None:
    running, pid = bench.stop_at_work("running.png")
    second, third = (bench.submit("small.png", f"{name}.png") for name in ("second", "third"))
    assert eventually(lambda: not bench.pool.crew.workers[0].free)
    began = time.monotonic()
    bench.pool.close()
    assert {failure_of(future).code for future in (running, second, third)} == {FailureCode.NO_RESOURCES}
    assert time.monotonic() - began < 5
    assert not is_running(pid)


def test_a_worker_ignores_the_signals_that_stop_a_node(bench: Bench) -> None:
    (pid,) = bench.pids()
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    assert bench.do("small.png", "done.png").outcome.width_px == 40
    assert bench.pids() == [pid]


PARENT = """
import sys, threading, time
from pathlib import Path
from pixfarm.imaging import ImageSettings, NotPublished
from pixfarm.worker import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(2, ImageSettings(fsync=False))
    slow, folder = Path(sys.argv[1]), Path(sys.argv[2])
    for name in "abcdef":
        target = folder / f"{name}.png"
        threading.Thread(target=pool.process, args=(slow, target, name, 60.0), daemon=True).start()
    print("at work", flush=True)
    time.sleep(60)
"""


def test_a_killed_parent_leaves_no_worker_behind(images: Path, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    (tmp_path / "out").mkdir()
    command = [sys.executable, str(script), str(images / "slow.png"), str(tmp_path / "out")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HOME)},
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "at work\n"
        pids = descendants(parent.pid)
        assert len(pids) >= 3  # the fork server and two workers
        parent.kill()
    assert eventually(lambda: not any(is_running(pid) for pid in pids)), pids


def test_a_pool_that_replaces_a_worker_says_so(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    (pid,) = bench.pids()
    os.kill(pid, signal.SIGKILL)
    assert ends(pid)
    with caplog.at_level(logging.WARNING):
        bench.do("small.png", "done.png")
    assert len(caplog.messages) == 1
    assert "starting another" in caplog.text


def test_a_pool_goes_on_while_one_of_its_workers_is_replaced(bench: Bench) -> None:
    """Two threads see the same death; one worker more would be started by a race."""
    before = threading.active_count()
    crashed, pid = bench.stop_at_work("crashed.png")
    waiting = [bench.submit("small.png", f"waiting-{number}.png") for number in range(8)]
    os.kill(pid, signal.SIGKILL)
    assert failure_of(crashed).code is FailureCode.CRASHED
    assert all(future.result(PATIENCE_S).outcome.width_px == 40 for future in waiting)
    assert len(bench.pool.crew.workers) == 1
    assert threading.active_count() <= before + 16


def test_a_pool_outlives_its_fork_server(bench: Bench) -> None:
    bench.do("small.png", "before.png")
    os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)  # type: ignore[attr-defined]
    (pid,) = bench.pids()
    os.kill(pid, signal.SIGKILL)
    assert bench.submit("small.png", "after.png").result(PATIENCE_S).outcome.width_px == 40


def test_deaths_at_work_leave_no_descriptor_though_their_errors_are_kept(bench: Bench) -> None:
    errors, before = [], open_descriptors()
    for number in range(4):
        future, pid = bench.stop_at_work(f"slow-{number}.png")
        os.kill(pid, signal.SIGKILL)
        errors.append(future.exception(PATIENCE_S))
        assert eventually(partial(is_replaced, bench, pid))
    assert all(isinstance(error, TaskFailed) for error in errors)
    assert eventually(lambda: open_descriptors() <= before)


def is_replaced(bench: Bench, pid: int) -> bool:
    return pid not in bench.pids()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
