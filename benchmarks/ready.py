"""Readiness: how long a person waits for a node, a server, and the shortest possible job."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.clients import run_client
from benchmarks.measurement import Outcome, at_most, median_of
from benchmarks.plan import HOME, Plan
from benchmarks.stub_farm import start_part, write_machines
from pixfarm.farm import LocalFarm, NodeSpec

_NOTES = ("From the start of the process to the line that says where it listens; workers: one per core.",)


def measure(plan: Plan) -> Outcome:
    """Starts of computenode.py and server.py, and client.py on an empty directory."""
    node_s, server_s, client_s = [], [], []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pixfarm-bench-")))
        machines_path = folder / "machine.txt"
        write_machines(machines_path, {"server": 1, "node_1": 2})
        empty = folder / "empty"
        (empty / "input_dir").mkdir(parents=True)
        farm = stack.enter_context(LocalFarm([NodeSpec()]))
        # Once without a look at the clock, for the page cache.
        for take in range(plan.runs + 1):
            arguments = ["--port", "0", "--machines", str(machines_path), "--stop-at-eof"]
            node = _seconds_until_ready(["computenode.py", "0", *arguments], folder)
            server = _seconds_until_ready(["server.py", *arguments], folder)
            client = run_client(farm.client_command(str(empty)), 0).wall_s
            if take:
                node_s.append(node)
                server_s.append(server)
                client_s.append(client)
    rows = (
        median_of("computenode.py is ready", "s", node_s, at_most(1.5)),
        median_of("server.py is ready", "s", server_s),
        median_of("client.py, an empty directory", "s", client_s),
    )
    return Outcome("from start to readiness", rows, _NOTES)


def _seconds_until_ready(command: list[str], folder: Path) -> float:
    script, *arguments = command
    with ExitStack() as stack:
        started_at = time.perf_counter()
        part = start_part(stack, script, [str(HOME / script), *arguments], folder)
        part.wait_until_ready()
        return time.perf_counter() - started_at
