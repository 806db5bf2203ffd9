"""A node with too few descriptors, and clocks that jump."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixfarm.farm import NodeSpec
from tests.acceptance.processes import wait_until
from tests.chaos.chaos_farm import Lodging
from tests.chaos.checker import files
from tests.chaos.outcome import Outcome
from tests.chaos.sources import Base
from tests.chaos.stage import Stage

DESCRIPTORS = "64 descriptors on a node"
DESCRIPTORS_LINE = "no image lost, and the node works again afterwards"
CLOCK = "stepped clocks"
CLOCK_LINE = "no image lost, every job ends"
_NODES = [NodeSpec(0.5, ("--workers", "1", "--delay-s", "0.05"))] * 3
_CONNECTIONS = 80
_STEPS_S = (3600.0, -3600.0, 86_400.0, -10 * 365 * 86_400.0)
_CLOCK_FOLDER = Path(__file__).with_name("stepped_clock")


def run_descriptors(folder: Path, images: int) -> Outcome:
    """Strangers take all descriptors of a node that may have 64."""
    outcome = Outcome(DESCRIPTORS, DESCRIPTORS_LINE)
    with Stage(folder, _NODES, outcome, {"node_1": Lodging(("prlimit", "--nofile=64"))}) as stage:
        node = stage.farm.nodes["node_1"]
        with _strangers(node.port):
            stage.finish(stage.submit(stage.new_base(images)))
        outcome.faults["connection of a stranger"] += _CONNECTIONS
        if node.process.poll() is not None:
            outcome.broken.append(f"node_1 died with {node.process.returncode}")
        evidence = stage.finish(stage.submit(stage.new_base(images)))
        done = {counts["name"]: counts["done"] for counts in evidence.report["nodes"]}
        outcome.notes.append(f"afterwards node_1 did {done.get('node_1', 0)} of {images}")
        stage.check_strays()
    return outcome


def run_clock(folder: Path, images: int) -> Outcome:
    """The wall clocks of the server and of a node step: what time.time() tells in these processes."""
    outcome = Outcome(CLOCK, CLOCK_LINE)
    offset = folder / "offset"
    offset.parent.mkdir(parents=True, exist_ok=True)
    offset.write_text("0")
    clock = Lodging(("env", f"PYTHONPATH={_CLOCK_FOLDER}", f"PIXFARM_TEST_CLOCK={offset}"))
    with Stage(folder, _NODES, outcome, {"server": clock, "node_1": clock}) as stage:
        for number, step_s in enumerate(_STEPS_S):
            base = stage.new_base(images)
            job = stage.submit(base)
            _wait_for_results(base, images // 4)
            offset.write_text(f"{step_s}")
            outcome.faults[f"clock {step_s:+.0f} s"] += 1
            stage.farm.kill_node(f"node_{1 + number % 2}", 0.0)
            outcome.faults["kill -9 node"] += 1
            elapsed_s = stage.finish(job).report["elapsed_s"]
            if not 0 <= elapsed_s < 60:
                outcome.broken.append(f"the job says that it took {elapsed_s:.0f} s")
        stage.check_strays()
    return outcome


def _wait_for_results(base: Base, number: int) -> None:
    wait_until(lambda: len(files(base.output_dir)) >= number, f"{number} results")


@contextmanager
def _strangers(port: int) -> Iterator[None]:
    sockets = [socket.socket() for _ in range(_CONNECTIONS)]
    try:
        for sock in sockets:
            sock.settimeout(0.2)
            with contextlib.suppress(OSError):
                sock.connect(("127.0.0.1", port))
        yield
    finally:
        for sock in sockets:
            sock.close()
