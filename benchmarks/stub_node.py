"""A compute node that answers at once and touches no image: shows what the server and the wire cost.

Run it: stub_node.py NAME WORKERS; it takes a free port of 127.0.0.1 and prints it as computenode.py does.
"""

import sys
from contextlib import closing

from pixfarm import script, wire
from pixfarm.model import Machine, NodeStatus, Task, TaskResult


class StubNode:
    """Answers every call at once."""

    def __init__(self, machine: Machine, workers: int) -> None:
        self._status = NodeStatus(
            name=machine.name,
            host=machine.host,
            port=machine.port,
            load_probability=0.0,
            workers=workers,
        )

    def execute(self, task: Task) -> TaskResult:
        """Takes every image as done."""
        return TaskResult(task.attempt_id, 0.0, 0.0, 1, 1, 1)

    def delayed_execute(self, task: Task) -> TaskResult:
        """Takes every image as done."""
        return self.execute(task)

    def status(self) -> NodeStatus:
        """Tells of itself."""
        return self._status


def main(name: str, workers: int) -> None:
    """Runs a stub node until SIGTERM, Ctrl-C or the end of standard input."""
    stop = script.stop_event(at_eof=True)
    sock = wire.bind(Machine(name, "127.0.0.1", 0))
    machine = Machine(name, "127.0.0.1", sock.getsockname()[1])
    with closing(wire.node_listener(StubNode(machine, workers), sock)) as listener:
        listener.start()
        print(f"{name} listens on {listener.address}, a stub", flush=True)
        script.wait_for(stop)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
