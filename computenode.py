"""A compute node: processes one image per call, and plays busy with its load probability.

Start one on each compute machine: python3 computenode.py <load_probability>
On a machine that people work on: python3 computenode.py auto
"""

import os
import random
import socket
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import fields
from pathlib import Path
from typing import Literal

import pixfarm.one_thread  # before NumPy
import pixfarm.prerequisites  # noqa: F401 - says in one line what is not installed
from pixfarm import __version__, node_options, script, wire
from pixfarm.activity import Activity
from pixfarm.allocator import keep_one_arena
from pixfarm.console.text import counted
from pixfarm.errors import TaskFailed, UsageError
from pixfarm.imaging import ImageSettings
from pixfarm.listing import source_tree
from pixfarm.load import AUTO, LoadRule, fixed
from pixfarm.machine_load import MachineLoad, MachineReader
from pixfarm.machines import read_machines
from pixfarm.memory_limit import default_limit_mib
from pixfarm.model import Machine, NodeStatus, Task, TaskResult
from pixfarm.recycling import Recycling
from pixfarm.self_check import SelfCheck
from pixfarm.worker import WorkerPool

_DRAIN_TIMEOUT_S = 300.0
_CROWD_PER_LANE = 4


class ComputeNode:
    """Answers the calls of servers."""

    def __init__(
        self, machine: Machine, rule: LoadRule, pool: WorkerPool, self_check: SelfCheck, workers: int
    ) -> None:
        self._machine = machine
        self._rule = rule
        self._pool = pool
        self._self_check = self_check
        self._workers = workers
        self._started_at = time.time()
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
            load_probability=self._rule.probability(),
            workers=self._workers,
            in_flight=counts.in_flight,
            draining=counts.draining,
            done=counts.done,
            refused=counts.refused,
            failed=counts.failed,
            version=__version__,
            delay_s=self._rule.delay_s,
            fault=self._self_check.fault,
            unwritable=self._self_check.unwritable,
            started_at=self._started_at,
            runs_code=self._pool.runs_code,
        )

    def drain(self, timeout_s: float) -> bool:
        """Refuses new images and waits for running ones; whether they ended in time."""
        return self._activity.drain(timeout_s)

    def _process(self, task: Task) -> TaskResult:
        tree = source_tree(task.base_path, task.source_dir, task.output_dir)
        source, target = tree.source_of(task.filename), tree.target_of(task.result or task.filename)
        asked_at = time.monotonic()
        self._rule.delay_if_busy()
        delayed_s = time.monotonic() - asked_at
        try:
            work = self._pool.process(source, target, task.attempt_id, task.timeout_s, task.recipe)
        except TaskFailed as failure:
            self._self_check.note(failure, target, Path(task.base_path), Path(task.place))
            raise
        return TaskResult(
            attempt_id=task.attempt_id,
            waited_s=delayed_s + work.waited_s,
            worked_s=work.worked_s,
            **{field.name: getattr(work.outcome, field.name) for field in fields(work.outcome)},
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a node until SIGTERM or Ctrl-C; returns the exit code."""
    options = node_options.parse(argv)
    script.set_up_logging(verbose=options.verbose)
    keep_one_arena()
    stop = script.stop_event(at_eof=options.stop_at_eof)
    machine, sock = _claim(options)
    # Else the workers' fork server would import from the working directory first, whatever lies there.
    os.environ["PYTHONSAFEPATH"] = "1"
    with (
        closing(sock),
        ExitStack() as parts,
        closing(_worker_pool(options)) as pool,
        closing(SelfCheck(lambda: pool.fault, fsync=options.fsync)) as self_check,
    ):
        probability = _probability(options.load_probability, parts)
        rule = LoadRule(probability, node_options.delay_s(options), random.Random(options.seed), time.sleep)
        node = ComputeNode(machine, rule, pool, self_check, options.workers)
        with closing(wire.node_listener(node, sock)) as listener:
            listener.start()
            p = f"auto ({probability():g} now)" if options.load_probability == AUTO else f"{probability():g}"
            script.announce(
                f"{machine.name} listens on {listener.address}, p = {p}, {counted(options.workers, 'worker')}"
            )
            script.wait_for(stop)
            script.announce(f"{machine.name} drains: finishing what runs (Ctrl-C again to leave at once)")
            drained = node.drain(_DRAIN_TIMEOUT_S)
    script.announce(f"{machine.name} stopped")
    return script.EXIT_OK if drained else script.EXIT_SOME_FAILED


def _probability(load: float | Literal["auto"], parts: ExitStack) -> Callable[[], float]:
    if load != AUTO:
        return fixed(load)
    machine_load = parts.enter_context(closing(MachineLoad(MachineReader(os.getpid()))))
    machine_load.start()
    return machine_load.probability


def _worker_pool(options: Namespace) -> WorkerPool:
    memory_mib = options.memory_mib
    if memory_mib is None:
        memory_mib = default_limit_mib(options.workers)
    settings = ImageSettings(fsync=options.fsync, memory_mib=memory_mib, code=options.code)
    return WorkerPool(options.workers, settings, Recycling(options.recycle_after))


def _claim(options: Namespace) -> tuple[Machine, socket.socket]:
    machines = read_machines(options.machines)
    if options.name is None and options.port is None:
        return wire.claim(machines.nodes, options.machines.name)
    if options.name is None and len(machines.nodes) > 1:
        raise UsageError(f"--port needs --name: which of the {len(machines.nodes)} nodes is to listen there")
    machine = machines.nodes[0] if options.name is None else machines.node(options.name)
    sock = wire.bind(machine, options.port)
    return Machine(machine.name, machine.host, sock.getsockname()[1]), sock


if __name__ == "__main__":
    script.run(main)
