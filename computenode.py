"""A compute node: processes one image per call, and plays busy with its load probability.

Start one on each compute machine: python3 computenode.py <load_probability>
"""

import os
import random
import socket
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import closing

import pixfarm.prerequisites  # noqa: F401 - first: says in one line what is not installed
from pixfarm import __version__, script, wire
from pixfarm.activity import Activity
from pixfarm.console.text import counted
from pixfarm.imaging import ImageSettings
from pixfarm.listing import source_and_target
from pixfarm.load import LoadRule
from pixfarm.machines import read_machines
from pixfarm.model import Machine, NodeStatus, Task, TaskResult
from pixfarm.worker import WorkerPool

_DRAIN_TIMEOUT_S = 300.0
_CROWD_PER_LANE = 4


class ComputeNode:
    """Answers the calls of servers."""

    def __init__(self, machine: Machine, rule: LoadRule, pool: WorkerPool, workers: int) -> None:
        self._machine = machine
        self._rule = rule
        self._pool = pool
        self._workers = workers
        self._activity = Activity(rule.probability, _CROWD_PER_LANE * pool.lanes)

    def execute(self, task: Task) -> TaskResult:
        """Refuses with the load probability; otherwise as delayed_execute, with another draw."""
        with self._activity.image(may_refuse=True):
            self._rule.refuse_if_busy()
            return self._process(task)

    def delayed_execute(self, task: Task) -> TaskResult:
        """Sleeps first with the load probability; never refuses for load."""
        with self._activity.image(may_refuse=False):
            return self._process(task)

    def status(self) -> NodeStatus:
        """Tells what the node is and does."""
        counts = self._activity.counts()
        return NodeStatus(
            name=self._machine.name,
            host=self._machine.host,
            port=self._machine.port,
            load_probability=self._rule.probability,
            workers=self._workers,
            in_flight=counts.in_flight,
            draining=counts.draining,
            done=counts.done,
            refused=counts.refused,
            failed=counts.failed,
            version=__version__,
            delay_s=self._rule.delay_s,
        )

    def drain(self, timeout_s: float) -> bool:
        """Refuses new images and waits for running ones; whether they ended in time."""
        return self._activity.drain(timeout_s)

    def _process(self, task: Task) -> TaskResult:
        source, target = source_and_target(task.base_path, task.filename)
        asked_at = time.monotonic()
        self._rule.delay_if_busy()
        delayed_s = time.monotonic() - asked_at
        work = self._pool.process(source, target, task.attempt_id, task.timeout_s)
        return TaskResult(
            attempt_id=task.attempt_id,
            waited_s=delayed_s + work.waited_s,
            worked_s=work.worked_s,
            width_px=work.outcome.width_px,
            height_px=work.outcome.height_px,
            bytes_written=work.outcome.bytes_written,
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a node until SIGTERM or Ctrl-C; returns the exit code."""
    options = _parse(argv)
    script.set_up_logging(verbose=options.verbose)
    stop = script.stop_event(at_eof=options.stop_at_eof)
    machine, sock = _claim(options)
    rule = LoadRule(options.load_probability, options.delay_s, random.Random(options.seed), time.sleep)
    with closing(sock), closing(WorkerPool(options.workers, ImageSettings(fsync=options.fsync))) as pool:
        node = ComputeNode(machine, rule, pool, options.workers)
        with closing(wire.node_listener(node, sock)) as listener:
            listener.start()
            script.announce(
                f"{machine.name} listens on {listener.address}, p = {options.load_probability:g}, "
                f"{counted(options.workers, 'worker')}"
            )
            script.wait_for(stop)
            script.announce(f"{machine.name} drains: finishing what runs (Ctrl-C again to leave at once)")
            drained = node.drain(_DRAIN_TIMEOUT_S)
    script.announce(f"{machine.name} stopped")
    return script.EXIT_OK if drained else script.EXIT_SOME_FAILED


def _claim(options: Namespace) -> tuple[Machine, socket.socket]:
    machines = read_machines(options.machines)
    if options.name is None and options.port is None:
        return wire.claim(machines.nodes)
    machine = machines.nodes[0] if options.name is None else machines.node(options.name)
    sock = wire.bind(machine, options.port)
    return Machine(machine.name, machine.host, sock.getsockname()[1]), sock


def _parse(argv: Sequence[str] | None) -> Namespace:
    parser = script.Parser(
        "A compute node: processes images that the server sends.",
        "exit codes: 0 stopped as asked, 1 did not finish in time, 2 wrong arguments or machine.txt,\n"
        "            3 cannot listen or start, 130 left by a second Ctrl-C",
    )
    parser.add_argument(
        "load_probability",
        type=script.probability,
        metavar="P",
        help="chance, 0 to 1, that the node is busy when asked: it refuses, or sleeps before it works",
    )
    parser.add_argument(
        "--name", metavar="NODE", help="which line of machine.txt to be (default: the first free one here)"
    )
    parser.add_argument(
        "--workers",
        type=script.whole_number(1, 1024),
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="image worker processes (default: the cores this process may use, %(default)s here)",
    )
    parser.add_argument(
        "--delay-s",
        type=script.seconds,
        default=3.0,
        metavar="S",
        help="seconds that a busy node sleeps before it works (default: %(default)g)",
    )
    parser.add_listening()
    parser.add_argument(
        "--no-fsync",
        dest="fsync",
        action="store_false",
        help="faster, but a power cut can lose results that were reported done",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    script.run(main)
