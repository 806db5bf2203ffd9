import io
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from pixfarm import __version__
from pixfarm.errors import (
    AnswerLost,
    FailureCode,
    InvalidRequest,
    RejectReason,
    TaskFailed,
    TaskRejected,
    Unreachable,
)
from pixfarm.farm import HOME
from pixfarm.model import NodeHealth, NodeStatus, Strategy, Task
from tests.integration.processes import descendants, is_running, state
from tests.integration.raw_peers import HOST
from tests.integration.real_nodes import DELAYED_EXECUTE, EXECUTE, RealNode, real_node
from tests.integration.small_images import save_image, save_slow_image
from tests.integration.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.xdist_group("computenode")


@pytest.fixture(scope="module")
def base_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    save_image(folder / "input_dir" / "sub" / "small.png")
    save_slow_image(folder / "input_dir" / "slow.png")
    return folder


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory, base_path: Path) -> Iterator[RealNode]:
    """A node with p = 0."""
    with real_node(tmp_path_factory.mktemp("free"), base_path, "0") as node:
        yield node


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, base_path: Path) -> Iterator[RealNode]:
    """A node with p = 1 and a short delay."""
    with real_node(tmp_path_factory.mktemp("busy"), base_path, "1", "--delay-s", "0.3") as node:
        yield node


def test_with_p_1_execute_always_refuses_at_once_and_says_p(busy: RealNode) -> None:
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(TaskRejected) as refused:
            busy.call(EXECUTE, "sub/small.png")
        assert refused.value.args == (RejectReason.LOAD, 1.0, 0.0)
    assert time.monotonic() - began < 10  # one delay each would be 30 s


def test_with_p_1_delayed_execute_sleeps_and_then_does_the_image(busy: RealNode) -> None:
    began = time.monotonic()
    result = busy.call(DELAYED_EXECUTE, "sub/small.png", "late")
    assert 0.3 <= time.monotonic() - began < 3
    assert result.attempt_id == "late"
    assert 0.3 <= result.waited_s < 3
    assert result.worked_s < 1
    assert (busy.base_path / "output_dir" / "sub" / "small.png").stat().st_size == result.bytes_written


def test_a_delay_does_not_count_as_time_of_the_worker(busy: RealNode) -> None:
    assert busy.call(DELAYED_EXECUTE, "sub/small.png", timeout_s=0.25).width_px == 40


@pytest.mark.parametrize("method", [EXECUTE, DELAYED_EXECUTE], ids=["execute", "delayed_execute"])
def test_with_p_0_neither_method_refuses_or_sleeps(free: RealNode, method: Strategy) -> None:
    began = time.monotonic()
    for number in range(50):
        assert free.call(method, "sub/small.png", f"attempt-{number}").attempt_id == f"attempt-{number}"
    assert time.monotonic() - began < 10  # one delay alone would be 3 s


def test_a_result_tells_what_was_published(free: RealNode) -> None:
    result = free.call(EXECUTE, "sub/small.png")
    target = free.base_path / "output_dir" / "sub" / "small.png"
    assert (result.width_px, result.height_px) == (40, 24)
    assert result.bytes_written == target.stat().st_size
    with Image.open(target) as image:
        assert image.size == (40, 24)


def refusal_of(node: RealNode) -> TaskRejected | None:
    try:
        node.call(EXECUTE, "sub/small.png")
    except TaskRejected as rejected:
        return rejected
    return None


def test_p_one_half_refuses_every_other_call_in_the_mean(tmp_path: Path, base_path: Path) -> None:
    """400 draws: the number of refusals has mean 200 and standard deviation 10; 5 sigma are 50.

    A call that is not refused draws again for its delay, so the delay is 0 here.
    """
    calls, p = 400, 0.5
    with real_node(tmp_path, base_path, f"{p}", "--delay-s", "0", "--seed", "20240607") as node:
        refusals = [refusal_of(node) for _ in range(calls)]
        status = node.status()
    refused = calls - refusals.count(None)
    assert {refusal.args for refusal in refusals if refusal} == {(RejectReason.LOAD, p, 0.0)}
    assert abs(refused - calls * p) <= 5 * math.sqrt(calls * p * (1 - p))
    assert (status.refused, status.done, status.failed) == (refused, calls - refused, 0)


def test_status_tells_what_the_node_is(busy: RealNode) -> None:
    before = busy.status()
    with pytest.raises(TaskRejected):
        busy.call(EXECUTE, "sub/small.png")
    busy.call(DELAYED_EXECUTE, "sub/small.png")
    with pytest.raises(TaskFailed):
        busy.call(DELAYED_EXECUTE, "missing.png")
    assert busy.status() == NodeStatus(
        name="node_1",
        host=HOST,
        port=busy.part.port,
        load_probability=1.0,
        workers=1,
        in_flight=0,
        draining=False,
        done=before.done + 1,
        refused=before.refused + 1,
        failed=before.failed + 1,
        health=NodeHealth.UP,
        message="",
        version=__version__,
        delay_s=0.3,
        started_at=before.started_at,
    )


def test_status_is_answered_at_once_while_images_wait(busy: RealNode) -> None:
    with ThreadPoolExecutor(6) as threads:
        futures = [threads.submit(busy.call, DELAYED_EXECUTE, "sub/small.png") for _ in range(6)]
        assert eventually(lambda: busy.status().in_flight == 6)
        began = time.monotonic()
        assert not busy.status().draining
        assert time.monotonic() - began < 0.3
        assert all(future.result(PATIENCE_S).width_px == 40 for future in futures)
    assert busy.status().in_flight == 0


REFUSED_NAMES = {
    "up": "../slow.png",
    "up within": "sub/../slow.png",
    "absolute": "/etc/hostname",
    "dot": "./slow.png",
    "empty part": "sub//small.png",
    "folder": "sub/",
    "zero": "slow.png\0.png",
}


@pytest.mark.parametrize("filename", REFUSED_NAMES.values(), ids=REFUSED_NAMES)
def test_a_name_that_could_leave_the_source_directory_is_forbidden(free: RealNode, filename: str) -> None:
    with pytest.raises(TaskFailed) as failed:
        free.call(EXECUTE, filename)
    assert failed.value.code is FailureCode.FORBIDDEN


@pytest.mark.parametrize("base", ["/pixfarm-tests/nowhere", "relative", "/etc/hostname", "/tmp\0"], ids=repr)
def test_a_base_path_that_is_no_directory_is_an_invalid_request(free: RealNode, base: str) -> None:
    task = Task(base, "a.png", "a", patience_s=PATIENCE_S)
    with pytest.raises(InvalidRequest, match="base path"):
        free.caller.call(free.machine, task, EXECUTE)


def test_a_crowded_node_refuses_execute_as_busy_and_delayed_execute_not(
    tmp_path: Path, base_path: Path
) -> None:
    with real_node(tmp_path, base_path, "0") as node, ThreadPoolExecutor(16) as threads:
        pid = stop_worker(node)
        waiting = [threads.submit(node.call, DELAYED_EXECUTE, "sub/small.png") for _ in range(8)]
        assert eventually(lambda: node.status().in_flight == 8)
        with pytest.raises(TaskRejected) as refused:
            node.call(EXECUTE, "sub/small.png")
        assert refused.value.reason is RejectReason.BUSY
        assert refused.value.retry_after_s > 0
        late = threads.submit(node.call, DELAYED_EXECUTE, "sub/small.png")
        assert eventually(lambda: node.status().in_flight == 9)
        os.kill(pid, signal.SIGCONT)
        assert all(future.result(PATIENCE_S).width_px == 40 for future in (*waiting, late))


def stop_worker(node: RealNode) -> int:
    """Stops the only worker process; its pid."""
    node.call(DELAYED_EXECUTE, "sub/small.png")
    # The fork server's only child; the other child of the node is multiprocessing's resource tracker.
    (pid,) = {worker for child in descendants(node.pid) for worker in descendants(child)}
    os.kill(pid, signal.SIGSTOP)
    assert eventually(lambda: state(pid) == "T")
    return pid


def test_sigterm_lets_running_images_finish_and_refuses_new_ones(tmp_path: Path, base_path: Path) -> None:
    with real_node(tmp_path, base_path, "0") as node, ThreadPoolExecutor(2) as threads:
        pid = stop_worker(node)
        running = [
            threads.submit(node.call, method, "sub/small.png") for method in (EXECUTE, DELAYED_EXECUTE)
        ]
        assert eventually(lambda: node.status().in_flight == 2)
        node.part.ask_to_stop()
        assert eventually(lambda: node.status().draining)
        for method in (EXECUTE, DELAYED_EXECUTE):
            with pytest.raises(TaskRejected) as refused:
                node.call(method, "sub/small.png")
            assert refused.value.args == (RejectReason.DRAINING, 0.0, 1.0)
        assert node.part.process.poll() is None
        family = descendants(node.pid)
        os.kill(pid, signal.SIGCONT)
        assert all(future.result(PATIENCE_S).width_px == 40 for future in running)
        assert node.part.process.wait(PATIENCE_S) == 0
        with pytest.raises((Unreachable, AnswerLost)):
            node.status()
        assert eventually(lambda: not any(map(is_running, family)))
    assert node.part.lines[-1] == "node_1 stopped"
    assert "Traceback" not in node.part.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_to_all_its_processes_stops_a_node_in_order(
    tmp_path: Path, base_path: Path, number: signal.Signals
) -> None:
    with real_node(tmp_path, base_path, "0") as node, ThreadPoolExecutor(2) as threads:
        pid = stop_worker(node)
        running = [threads.submit(node.call, EXECUTE, "sub/small.png") for _ in range(2)]
        assert eventually(lambda: node.status().in_flight == 2)
        family = descendants(node.pid)
        os.killpg(node.pid, number)  # as a service manager, or Ctrl-C at a terminal
        assert eventually(lambda: node.status().draining)
        assert all(map(is_running, family))
        os.kill(pid, signal.SIGCONT)
        assert all(future.result(PATIENCE_S).width_px == 40 for future in running)
        assert node.part.process.wait(PATIENCE_S) == 0
        assert eventually(lambda: not any(map(is_running, family)))
    assert node.part.log() == ""


def test_a_node_tells_of_source_and_result_what_a_later_job_needs(free: RealNode) -> None:
    result = free.call(EXECUTE, "sub/small.png")
    source = (free.base_path / "input_dir" / "sub" / "small.png").stat()
    target = (free.base_path / "output_dir" / "sub" / "small.png").stat()
    assert (result.source_bytes, result.source_mtime_ns) == (source.st_size, source.st_mtime_ns)
    assert (result.bytes_written, result.result_mtime_ns) == (target.st_size, target.st_mtime_ns)
    assert result.pipeline == "edges/2"


def test_the_flags_of_the_workers_reach_them(tmp_path: Path, base_path: Path) -> None:
    flags = ("--memory-mib", "70", "--recycle-after", "3")
    with real_node(tmp_path, base_path, "0", *flags) as node:
        before = descendants(node.pid)
        for number in range(6):
            assert node.call(EXECUTE, "sub/small.png", f"a-{number}").width_px == 40
        assert eventually(lambda: descendants(node.pid) - before)
        (base_path / "input_dir" / "large.png").write_bytes(large_png())
        with pytest.raises(TaskFailed, match=r"\(70 MiB\)") as failed:
            node.call(EXECUTE, "large.png")
        assert failed.value.code is FailureCode.NO_MEMORY
        assert node.status().fault == ""


def large_png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (6000, 5000)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_node_imports_nothing_from_where_it_is_started(tmp_path: Path) -> None:
    for name in ("cv2", "json", "pixfarm"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working directory')")
    (tmp_path / "machine.txt").write_text(f"server {HOST} 1\nnode_1 {HOST} 2\n")
    command = [sys.executable, str(HOME / "computenode.py"), "0", "--workers", "1", "--port", "0"]
    command += ["--machines", "machine.txt", "--stop-at-eof"]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.endswith("node_1 stopped\n")


def test_a_second_sigint_ends_the_node_at_once(tmp_path: Path, base_path: Path) -> None:
    with real_node(tmp_path, base_path, "0") as node, ThreadPoolExecutor(1) as threads:
        pid = stop_worker(node)
        running = threads.submit(node.call, DELAYED_EXECUTE, "sub/small.png")
        assert eventually(lambda: node.status().in_flight == 1)
        node.part.process.send_signal(signal.SIGINT)
        assert eventually(lambda: node.status().draining)
        family = descendants(node.pid)
        node.part.process.send_signal(signal.SIGINT)
        assert node.part.process.wait(PATIENCE_S) == 130
        assert isinstance(running.exception(PATIENCE_S), AnswerLost)
        os.kill(pid, signal.SIGCONT)
        assert eventually(lambda: not any(map(is_running, family)))


def test_a_killed_node_leaves_no_process_behind(tmp_path: Path, base_path: Path) -> None:
    with real_node(tmp_path, base_path, "0") as node, ThreadPoolExecutor(2) as threads:
        running = [threads.submit(node.call, EXECUTE, "slow.png") for _ in range(2)]
        assert eventually(lambda: node.status().in_flight == 2)
        family = descendants(node.pid)
        assert family
        node.part.kill()
        assert all(isinstance(future.exception(PATIENCE_S), AnswerLost) for future in running)
        assert eventually(lambda: not any(map(is_running, family)))


def test_a_stopped_node_loses_a_ping_in_its_time(tmp_path: Path, base_path: Path) -> None:
    with real_node(tmp_path, base_path, "0") as node:
        os.kill(node.pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(AnswerLost):
            node.status()
        assert time.monotonic() - began < 4
        os.kill(node.pid, signal.SIGCONT)
        assert node.status().name == "node_1"
