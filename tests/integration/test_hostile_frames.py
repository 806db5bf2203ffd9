import gc
import itertools
import os
import random
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pixfarm.errors import FailureCode, InvalidRequest, TaskFailed
from pixfarm.farm import LocalFarm, NodeSpec
from pixfarm.model import JobSpec, Machine, Strategy, Task
from pixfarm.wire import Listener, NodeCaller, ServerCaller
from tests.integration.hostile_frames import hostile_frames, send_all
from tests.integration.own_resources import nothing_left_over
from tests.integration.processes import is_running, rss_mb, thread_count
from tests.integration.quiet_tiers import QuietNode, QuietServer, listening, quiet_node, quiet_server
from tests.integration.raw_peers import HOST
from tests.integration.small_images import save_image
from tests.integration.thrift_bytes import block, execute, i32, message, string, sub
from tests.integration.waiting import eventually

NOWHERE = "/pixfarm-tests/nowhere"
MAX_GROWTH_MB = 64


def node_seeds(base_path: str) -> list[bytes]:
    arguments = execute(base_path, "sub/a.png", "attempt-1")
    return [
        message("execute", arguments),
        message("delayed_execute", arguments),
        message("status", block()),
        message("execute", block(string(1, base_path), string(2, "a.png"))),
    ]


def server_seeds() -> list[bytes]:
    # No directory of this path exists, and none of a path that begins like it.
    submission = block(string(1, NOWHERE), i32(2, 1), sub(3, string(1, "job-1")))
    return [
        message("submit_request", submission),
        message("job_status", block(string(1, "job-1"))),
        message("cancel_job", block(string(1, "job-1"))),
        message("list_jobs", block()),
    ]


def has_threads(pid: int, at_most: int) -> bool:
    return thread_count(pid) <= at_most


def attack(listener: Listener, seeds: list[bytes], count: int, seed: int) -> None:
    """Sends hostile frames to a listener of this process, which must come out of it as it went in."""
    send_all(listener.port, hostile_frames(seeds, 50, random.Random(0)))
    gc.collect()
    rss, threads = rss_mb(os.getpid()), threading.active_count()
    answers = send_all(listener.port, hostile_frames(seeds, count, random.Random(seed)))
    assert count * 0.05 < answers < count * 0.95  # both ways out were taken
    assert eventually(lambda: threading.active_count() <= threads, 2.0)
    gc.collect()
    assert rss_mb(os.getpid()) - rss < MAX_GROWTH_MB


# Coverage would slow each frame down to half; what seed 1 reaches is enough for it.
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.no_cover) for seed in (2, 3, 4))], ids="seed {}".format
)
def test_a_node_outlives_hostile_frames(seed: int) -> None:
    with nothing_left_over(), listening(quiet_node(QuietNode())) as listener:
        attack(listener, node_seeds(NOWHERE), 3000, seed)
        machine = Machine("node_1", HOST, listener.port)
        began = time.monotonic()
        with closing(NodeCaller()) as caller:
            assert caller.call(machine, Task("/pics", "a", "honest"), Strategy.RANDOM).attempt_id == "honest"
        assert time.monotonic() - began < 1


def test_a_server_outlives_hostile_frames() -> None:
    with nothing_left_over(), listening(quiet_server(QuietServer())) as listener:
        attack(listener, server_seeds(), 3000, 7)
        began = time.monotonic()
        with closing(ServerCaller(Machine("server", HOST, listener.port))) as caller:
            assert caller.submit_request(JobSpec("honest", "/pics", Strategy.RANDOM)).job_id == "honest"
        assert time.monotonic() - began < 1


def test_hostile_frames_are_the_same_for_the_same_seed() -> None:
    first, again = (list(hostile_frames([b"seed"], 50, random.Random(5))) for _ in range(2))
    assert first == again


def test_real_tiers_outlive_hostile_frames_to_both(tmp_path: Path) -> None:
    save_image(tmp_path / "input_dir" / "a.png")
    with LocalFarm([NodeSpec()]) as farm:
        node, server = farm.nodes["node_1"], farm.server
        assert server is not None
        machines = Machine("node_1", HOST, node.port), Machine("server", HOST, server.port)
        with closing(NodeCaller()) as to_node, closing(ServerCaller(machines[1])) as to_server:
            to_node.call(machines[0], Task(str(tmp_path), "a.png", "warm-up"), Strategy.RANDOM)
            to_server.list_jobs()
            pids = [node.process.pid, server.process.pid]
            before = [(rss_mb(pid), thread_count(pid)) for pid in pids]

            send_all(node.port, hostile_frames(node_seeds(str(tmp_path)), 1000, random.Random(11)))
            send_all(server.port, hostile_frames(server_seeds(), 1000, random.Random(12)))

            began = time.monotonic()
            honest = to_node.call(machines[0], Task(str(tmp_path), "a.png", "honest"), Strategy.RANDOM)
            assert honest.attempt_id == "honest"
            with pytest.raises(TaskFailed) as missing:
                to_node.call(machines[0], Task(str(tmp_path), "b.png", "b"), Strategy.RANDOM)
            assert missing.value.code is FailureCode.NOT_FOUND
            with pytest.raises(InvalidRequest, match="does not exist"):
                to_server.submit_request(JobSpec("nowhere", NOWHERE, Strategy.RANDOM))
            assert time.monotonic() - began < 1
            report = to_server.submit_request(JobSpec("honest", str(tmp_path), Strategy.LOAD_BALANCING))
            assert (report.total, report.done) == (1, 1)

            for pid, (rss, threads) in zip(pids, before, strict=True):
                assert is_running(pid)
                assert rss_mb(pid) - rss < MAX_GROWTH_MB
                assert eventually(partial(has_threads, pid, at_most=threads + 2))
        assert [part.process.poll() for part in (node, server)] == [None, None]
        logs = itertools.chain(node.log().splitlines(), server.log().splitlines())
        assert not [line for line in logs if "Traceback" in line]
