"""Workers that crash, hang and eat; with real processes."""

import json
import logging
import os
import resource
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.fork_server import prepare_fork_server
from pixfarm.imaging import ImageSettings, NotPublished
from pixfarm.recipe import EDGES
from pixfarm.recycling import Recycling
from pixfarm.worker import WorkDone, WorkerPool
from pixfarm.worker_handle import Worker
from pixfarm.worker_process import LANES_PER_WORKER
from tests.integration import faulty_work
from tests.integration.own_resources import nothing_left_over
from tests.integration.processes import descendants, is_running, state
from tests.integration.small_images import save_image
from tests.integration.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.xdist_group("worker pool")
SETTINGS = ImageSettings(fsync=False, memory_mib=128)
NEVER = Recycling(after_images=0)


@dataclass
class Yard:
    """A pool, a folder for what it does, and threads to wait in."""

    pool: WorkerPool
    folder: Path
    threads: ThreadPoolExecutor

    def submit(self, source: str, number: int = 0, timeout_s: float = 60.0) -> Future[WorkDone]:
        path, target = self.folder / f"{source}.png", self.folder / "out" / f"{source}-{number}.png"
        return self.threads.submit(self.pool.process, path, target, f"{source}-{number}", timeout_s)

    def do(self, source: str, number: int = 0, timeout_s: float = 60.0) -> WorkDone:
        return self.submit(source, number, timeout_s).result(PATIENCE_S)

    def pids(self) -> set[int]:
        return {worker.pid for worker in self.pool.crew.workers}

    def leftovers(self) -> list[str]:
        return [path.name for path in (self.folder / "out").iterdir() if path.name.endswith(".part")]


@contextmanager
def yard(folder: Path, pool: WorkerPool) -> Iterator[Yard]:
    (folder / "out").mkdir()
    save_image(folder / "small.png")
    with closing(pool), ThreadPoolExecutor(16) as threads:
        yield Yard(pool, folder, threads)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Yard]:
    """Two workers."""
    with yard(tmp_path, WorkerPool(2, SETTINGS, NEVER, faulty_work.work)) as made:
        yield made


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Yard]:
    """One worker."""
    with yard(tmp_path, WorkerPool(1, SETTINGS, NEVER, faulty_work.work)) as made:
        yield made


@contextmanager
def no_free_descriptors() -> Iterator[None]:
    """This process can open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208 - a Path's would hold one
    held = [os.open(os.devnull, os.O_RDONLY)]
    while held[-1] < taken:
        held.append(os.open(os.devnull, os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (held[-1] + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in held:
            os.close(descriptor)


def failure_of(future: Future[WorkDone]) -> TaskFailed:
    error = future.exception(PATIENCE_S)
    assert isinstance(error, TaskFailed), error
    return error


DEATHS = {
    "segfault": "signal 11 (Segmentation fault)",
    "abort": "signal 6 (Aborted)",
    "sigkill": "signal 9 (Killed)",
    "no-malloc": "signal 11 (Segmentation fault)",
    "exit-0": "ended with exit code 0",
    "exit-3": "ended with exit code 3",
}


@pytest.mark.parametrize("deed", DEATHS)
def test_an_image_that_ends_its_worker_costs_itself_only(pair: Yard, deed: str) -> None:
    before = pair.pids()
    others = [pair.submit("small", number) for number in range(20)]
    crashed = pair.submit(deed)
    others += [pair.submit("small", number) for number in range(20, 40)]
    failure = failure_of(crashed)
    assert failure.code is FailureCode.CRASHED
    assert DEATHS[deed] in failure.message
    assert all(other.result(PATIENCE_S).outcome.width_px == 40 for other in others)
    assert pair.leftovers() == []
    assert eventually(lambda: len(pair.pids() - before) == 1)


@pytest.mark.parametrize("deed", ["hang", "chatter", "exit-beside-threads"])
def test_an_image_that_does_not_end_costs_itself_only(pair: Yard, deed: str) -> None:
    before = pair.pids()
    late = pair.submit(deed, timeout_s=0.5)
    others = [pair.submit("small", number) for number in range(40)]
    assert failure_of(late).code is FailureCode.TIMED_OUT
    assert all(other.result(PATIENCE_S).outcome.width_px == 40 for other in others)
    assert pair.leftovers() == []
    assert eventually(lambda: len(pair.pids() - before) == 1)


def test_a_worker_killed_again_and_again_costs_only_what_it_had_in_hand(pair: Yard) -> None:
    futures = [pair.submit("small", number) for number in range(200)]
    (keeps, *_) = pair.pids()
    killed: set[int] = set()
    while not all(future.done() for future in futures):
        victims = pair.pids() - killed - {keeps}
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        killed |= victims
    errors = [error for future in futures if (error := future.exception())]
    assert all(isinstance(error, TaskFailed) and error.code is FailureCode.CRASHED for error in errors)
    assert len(errors) <= len(killed)
    assert len(killed) >= 2
    assert keeps in pair.pids()


def test_a_part_of_another_attempt_stays_when_a_worker_dies(single: Yard) -> None:
    other = single.folder / "out" / ".segfault-0.png.another-1.part"
    other.write_bytes(b"of a living one")
    failure_of(single.submit("segfault"))
    assert single.leftovers() == [other.name]


# Where the libraries notice it differs: libjpeg and libwebp then claim that the image is damaged.
LARGE: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {}),
    "jpeg": ("JPEG", {}),
    "progressive jpeg": ("JPEG", {"progressive": True}),
    "tiff": ("TIFF", {}),
    "bmp": ("BMP", {}),
    "lossless webp": ("WEBP", {"lossless": True, "method": 0}),
}


@pytest.mark.parametrize("kind", LARGE)
def test_an_image_over_the_memory_limit_is_too_large_and_its_worker_lives(single: Yard, kind: str) -> None:
    pids = single.pids()
    large = single.folder / "large"
    image_format, options = LARGE[kind]
    Image.new("RGB", (6000, 5000), (10, 20, 30)).save(large, image_format, **options)
    for target in ("one", "two"):
        with pytest.raises(TaskFailed) as failed:
            single.pool.process(large, single.folder / "out" / target, target, 60.0)
        assert failed.value.code is FailureCode.NO_MEMORY
        assert failed.value.message == "needs more memory than an image may take (128 MiB)"
    assert single.do("small").outcome.width_px == 40
    assert single.pids() == pids
    assert sorted(path.name for path in (single.folder / "out").iterdir()) == ["small-0.png"]


def test_a_result_that_cannot_be_written_tells_its_size(single: Yard) -> None:
    failure = failure_of(single.submit("disk-full"))
    assert isinstance(failure, NotPublished)
    assert (failure.code, failure.size_bytes) == (FailureCode.NO_SPACE, 12_345)


def publishes_slowly(yard: Yard, timeout_s: float = 60.0) -> Future[WorkDone]:
    """An image whose result is written and waits for its disk."""
    future = yard.submit("slow-disk", timeout_s=timeout_s)
    assert eventually(lambda: yard.leftovers() == [".slow-disk-0.png.slow-disk-0.part"])
    return future


def go_on(yard: Yard) -> None:
    (yard.folder / "out" / faulty_work.GO_ON_FILE).touch()


def test_a_worker_goes_on_while_the_disk_is_waited_for(single: Yard) -> None:
    waiting = publishes_slowly(single)
    assert all(single.do("small", number).outcome.width_px == 40 for number in range(10))
    assert not waiting.done()
    assert not (single.folder / "out" / "slow-disk-0.png").exists()
    go_on(single)
    assert waiting.result(PATIENCE_S).outcome.width_px == 40
    assert (single.folder / "out" / "slow-disk-0.png").exists()
    assert single.leftovers() == []


def test_a_disk_that_takes_too_long_costs_its_own_image_only(single: Yard) -> None:
    (pid,) = single.pids()
    late = publishes_slowly(single, timeout_s=0.8)
    drafting = single.submit("slow")
    assert failure_of(late).code is FailureCode.TIMED_OUT
    assert drafting.result(PATIENCE_S).outcome.width_px == 40
    assert single.pids() != {pid}
    assert not (single.folder / "out" / "slow-disk-0.png").exists()
    assert single.leftovers() == []


def test_a_worker_that_is_killed_does_not_cost_the_image_that_it_only_publishes(single: Yard) -> None:
    (pid,) = single.pids()
    publishing = publishes_slowly(single)
    drafting = single.submit("slow")
    worker = single.pool.crew.workers[0]
    assert eventually(lambda: all(map(worker.has_in_hand, range(LANES_PER_WORKER))))
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not is_running(pid))
    go_on(single)
    assert publishing.result(PATIENCE_S).outcome.width_px == 40
    assert failure_of(drafting).code is FailureCode.CRASHED
    assert single.leftovers() == []


def test_what_is_being_published_is_published_when_the_node_is_gone(tmp_path: Path) -> None:
    with lone_worker(tmp_path, "slow-disk") as worker:
        assert eventually(lambda: len(list(tmp_path.glob(".[01].png.*"))) == LANES_PER_WORKER)
        for lane in worker.lanes:
            lane.close()
        (tmp_path / faulty_work.GO_ON_FILE).touch()
    assert len(list(tmp_path.glob("[01].png"))) == LANES_PER_WORKER
    assert not list(tmp_path.glob(".*.part"))


def test_a_worker_whose_node_is_gone_begins_nothing_more(tmp_path: Path) -> None:
    with lone_worker(tmp_path, "slow") as worker:
        assert eventually(lambda: worker.is_at_work)
        for lane in worker.lanes:
            lane.close()
    assert len(list(tmp_path.glob("[01].png"))) == 1
    assert not list(tmp_path.glob(".*.part"))


@contextmanager
def lone_worker(folder: Path, deed: str) -> Iterator[Worker]:
    """A worker with an image in each lane and no pool, whose end is waited for."""
    save_image(folder / "small.png")
    prepare_fork_server()
    worker = Worker(SETTINGS, faulty_work.work)
    worker.wait_until_ready(PATIENCE_S)
    for number, lane in enumerate(worker.lanes):
        words = [str(folder / f"{deed}.png"), str(folder / f"{number}.png"), f"a-{number}", asdict(EDGES)]
        lane.send(json.dumps(words).encode())
    yield worker
    worker.process.join(PATIENCE_S)
    worker.process.close()


def test_an_image_waits_its_turn_behind_one_with_more_time(
    single: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its own time, and the one in hand is not ended for the other's sake."""
    monkeypatch.setattr("pixfarm.worker._TURN_COMES_S", 0.2)
    (pid,) = single.pids()
    hanging = single.submit("hang", timeout_s=2.5)
    assert eventually(lambda: single.pool.crew.workers[0].is_at_work)
    waiting = single.submit("small", timeout_s=0.1)
    assert failure_of(hanging).code is FailureCode.TIMED_OUT
    assert waiting.result(PATIENCE_S).outcome.width_px == 40
    assert single.pids() != {pid}


def test_a_worker_that_takes_nothing_up_is_replaced(single: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixfarm.worker._TURN_COMES_S", 0.3)
    (pid,) = single.pids()
    os.kill(pid, signal.SIGSTOP)
    assert eventually(lambda: state(pid) == "T")
    assert single.do("small", timeout_s=0.2).outcome.width_px == 40
    assert single.pids() != {pid}
    assert eventually(lambda: not is_running(pid))


def test_a_worker_whose_end_cannot_be_seen_is_given_up(single: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a file system hangs: the process is killed and stays; here a child of it holds its lanes."""
    monkeypatch.setattr("pixfarm.worker._END_COMES_S", 0.3)
    late = single.submit("hang-beside-a-child", timeout_s=0.5)
    failure = failure_of(late)
    os.kill(int((single.folder / "out" / faulty_work.CHILD_FILE).read_text()), signal.SIGKILL)
    assert failure.code is FailureCode.TIMED_OUT
    assert len(single.leftovers()) == 1  # it may still be written to
    assert single.do("small").outcome.width_px == 40


def test_a_pool_that_can_start_no_worker_says_so_until_it_can(single: Yard) -> None:
    (pid,) = single.pids()
    with no_free_descriptors():
        os.kill(pid, signal.SIGKILL)
        failure = failure_of(single.submit("small"))
        fault = single.pool.fault
    assert failure.code is FailureCode.NO_RESOURCES
    assert failure.message == fault
    assert "no image worker can be started" in fault
    assert "Too many open files" in fault
    assert eventually(lambda: not single.pool.fault)
    assert single.do("small").outcome.width_px == 40


def test_a_fork_server_that_is_just_dying_costs_no_image(single: Yard) -> None:
    start, refused = single.pool.crew._start, threading.Event()

    def refuse_once() -> Worker:
        if refused.is_set():
            return start()
        refused.set()
        raise ConnectionRefusedError("the fork server is just dying")

    single.pool.crew._start = refuse_once
    (pid,) = single.pids()
    os.kill(pid, signal.SIGKILL)
    assert eventually(refused.is_set)
    assert single.do("small").outcome.width_px == 40
    assert single.pool.fault == ""


def test_one_worker_is_enough_where_no_second_can_be_started(pair: Yard) -> None:
    (pid, *_) = pair.pids()
    with no_free_descriptors():
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: pair.pool.crew.workers[0].is_lost or pair.pool.crew.workers[1].is_lost)
        assert all(pair.do("small", number).outcome.width_px == 40 for number in range(10))
        assert pair.pool.fault == ""
    assert eventually(lambda: pid not in pair.pids())


def test_workers_are_replaced_after_their_images_and_none_fails(tmp_path: Path) -> None:
    pool = WorkerPool(2, SETTINGS, Recycling(after_images=20), faulty_work.work)
    with nothing_left_over(), yard(tmp_path, pool) as busy:
        seen = busy.pids()
        number = 0
        while len(seen) < 8:
            futures = [busy.submit("small", number + further) for further in range(20)]
            assert all(future.result(PATIENCE_S).outcome.width_px == 40 for future in futures)
            number += len(futures)
            seen |= busy.pids()
        pool.close()
        assert not any(is_running(pid) for pid in seen)
    assert number >= 3 * 2 * 18  # six were replaced, each after 18 to 22 images
    assert not descendants(os.getpid()) & seen


def test_a_worn_worker_keeps_the_image_in_hand_while_the_next_one_works(tmp_path: Path) -> None:
    pool = WorkerPool(1, SETTINGS, Recycling(after_images=1), faulty_work.work)
    may_start, start = threading.Event(), pool.crew._start

    def start_when_told() -> Worker:
        assert may_start.wait(PATIENCE_S)
        return start()

    pool.crew._start = start_when_told
    with yard(tmp_path, pool) as worn:
        (pid,) = worn.pids()
        assert worn.do("small").outcome.width_px == 40  # from now on it is due, and its successor held up
        hanging = worn.submit("hang", timeout_s=6)
        assert eventually(lambda: worn.pool.crew.workers[0].is_at_work)
        may_start.set()
        assert eventually(lambda: worn.pids() != {pid})
        assert worn.do("small", 1).outcome.width_px == 40
        assert not hanging.done()
        assert is_running(pid)
        assert failure_of(hanging).code is FailureCode.TIMED_OUT
        assert eventually(lambda: not is_running(pid))
        assert worn.leftovers() == []


def test_a_worker_that_grows_is_replaced(tmp_path: Path) -> None:
    leak_bytes = faulty_work.LEAK_MIB * 1024 * 1024
    recycling = Recycling(after_images=0, growth_bytes=8 * leak_bytes)
    pool = WorkerPool(1, ImageSettings(fsync=False), recycling, faulty_work.leak)
    with yard(tmp_path, pool) as leaky:
        (pid,) = leaky.pids()
        for number in range(3):
            leaky.do("small", number)
        assert not eventually(lambda: leaky.pids() != {pid}, within_s=0.5)
        assert leaky.pool.crew.workers[0].grown_bytes > 2 * leak_bytes
        for number in range(3, 9):
            leaky.do("small", number)
        assert eventually(lambda: leaky.pids() != {pid})
        assert leaky.pool.crew.workers[0].grown_bytes < leak_bytes


def test_a_worker_that_cannot_be_replaced_works_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pool = WorkerPool(1, SETTINGS, Recycling(after_images=5), faulty_work.work)
    with yard(tmp_path, pool) as worn:
        pids = worn.pids()
        with no_free_descriptors(), caplog.at_level(logging.ERROR):
            for number in range(20):
                assert worn.do("small", number).outcome.width_px == 40
            assert eventually(lambda: "no image worker can be started" in caplog.text)
            assert worn.do("small", 20).outcome.width_px == 40
            assert worn.pids() == pids
            assert worn.pool.fault == ""
        assert eventually(lambda: worn.pids() != pids)


def fork_server() -> int:
    return int(forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]


def test_living_workers_outlive_the_fork_server(pair: Yard) -> None:
    pids = pair.pids()
    server = fork_server()
    os.kill(server, signal.SIGKILL)
    assert eventually(lambda: not is_running(server))
    for number in range(10):
        assert pair.do("small", number).outcome.width_px == 40
    assert pair.pids() == pids


def test_the_fork_server_withstands_what_stops_a_service(single: Yard) -> None:
    server = fork_server()
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(server, number)
    (pid,) = single.pids()
    os.kill(pid, signal.SIGKILL)
    assert single.do("small").outcome.width_px == 40
    assert fork_server() == server
    (replacement,) = single.pids()
    blocked = next(
        line for line in Path(f"/proc/{replacement}/status").read_text().splitlines() if "SigBlk" in line
    )
    assert int(blocked.split()[1], 16) == 0  # what a worker starts itself must be free to be stopped
