"""A compute node that touches no image: shows what the server and the wire cost, and how it meets bad nodes.

Run it: stub_node.py NAME WORKERS [SECONDS] [CODE]; it takes a free port of 127.0.0.1 and prints it as
computenode.py does. Each image keeps one of the workers for SECONDS (default 0); with a failure CODE it
fails every image at once.
"""

import sys
import threading
import time
from contextlib import closing

from pixfarm import script, wire
from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.model import Machine, NodeStatus, Task, TaskResult


class StubNode:
    """Answers every call after a fixed time.

    Args:
        machine: where it listens.
        workers: how many images it has in work at once.
        seconds: how long each takes.
        code: how every image fails; None does them.
    """

    def __init__(self, machine: Machine, workers: int, seconds: float, code: FailureCode | None) -> None:
        self._status = NodeStatus(
            name=machine.name,
            host=machine.host,
            port=machine.port,
            load_probability=0.0,
            workers=workers,
            started_at=time.time(),
        )
        self._free = threading.Semaphore(workers)
        self._seconds = seconds
        self._code = code

    def execute(self, task: Task) -> TaskResult:
        """Takes an image as done, or as failed."""
        if self._code is not None:
            raise TaskFailed(self._code, "a stub that fails every image")
        if self._seconds:
            with self._free:
                time.sleep(self._seconds)
        return TaskResult(task.attempt_id, 0.0, self._seconds, 1, 1, 1)

    def delayed_execute(self, task: Task) -> TaskResult:
        """As execute()."""
        return self.execute(task)

    def status(self) -> NodeStatus:
        """Tells of itself."""
        return self._status


def main(name: str, workers: str, seconds: str = "0", code: str = "") -> None:
    """Runs a stub node until SIGTERM, Ctrl-C or the end of standard input."""
    stop = script.stop_event(at_eof=True)
    sock = wire.bind(Machine(name, "127.0.0.1", 0))
    machine = Machine(name, "127.0.0.1", sock.getsockname()[1])
    node = StubNode(machine, int(workers), float(seconds), FailureCode(code) if code else None)
    with closing(wire.node_listener(node, sock)) as listener:
        listener.start()
        print(f"{name} listens on {listener.address}, a stub", flush=True)
        script.wait_for(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
