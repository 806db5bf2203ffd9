"""computenode.py as a subprocess of its own, without a server."""

import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pixfarm.farm import HOME, Part
from pixfarm.model import Machine, NodeStatus, Strategy, Task, TaskResult
from pixfarm.wire import NodeCaller
from tests.integration.raw_peers import HOST

EXECUTE, DELAYED_EXECUTE = Strategy.LOAD_BALANCING, Strategy.RANDOM


@dataclass
class RealNode:
    """A running node and somebody who calls it."""

    part: Part
    machine: Machine
    caller: NodeCaller
    base_path: Path

    @property
    def pid(self) -> int:
        return self.part.process.pid

    def call(
        self, strategy: Strategy, filename: str, attempt_id: str = "", timeout_s: float = 60.0
    ) -> TaskResult:
        """By execute or delayed_execute; an attempt of its own if none is named."""
        attempt_id = attempt_id or uuid.uuid4().hex
        task = Task(str(self.base_path), filename, attempt_id, timeout_s, patience_s=30.0)
        return self.caller.call(self.machine, task, strategy)

    def status(self) -> NodeStatus:
        return self.caller.ping(self.machine)


@contextmanager
def real_node(folder: Path, base_path: Path, *arguments: str) -> Iterator[RealNode]:
    """A node with one worker on a free port; stopped at the end."""
    machines = folder / "machine.txt"
    machines.write_text(f"server {HOST} 1\nnode_1 {HOST} 2\n")
    command = [sys.executable, str(HOME / "computenode.py"), *arguments]
    command += ["--workers", "1", "--port", "0", "--machines", str(machines), "--no-fsync"]
    with (folder / "node.log").open("w") as log:
        part = Part("node_1", command, log)
        try:
            part.wait_until_ready()
            machine = Machine("node_1", HOST, part.port)
            with closing(NodeCaller()) as caller:
                yield RealNode(part, machine, caller, base_path)
        finally:
            part.stop()
