"""Nodes that do images, refuse, fail and break off as a test tells them, in place of sockets."""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping

from pixfarm.errors import FailureCode, RejectReason, TaskFailed, TaskRejected
from pixfarm.model import Machine, Strategy, Task, TaskResult
from pixfarm.phases import NO_TIME
from pixfarm.recipe import Recipe

Answer = Callable[[Task], object]


def doing(_task: Task) -> None:
    """The answer of a node that does every image."""


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other, then all images are done."""
    left = iter(answers)

    def answer(task: Task) -> None:
        next(left, doing)(task)

    return answer


def raising(error: type[Exception], *arguments: object) -> Answer:
    """The answer of a node that fails every image in the same way."""

    def answer(_task: Task) -> None:
        raise error(*arguments)

    return answer


def failing(code: FailureCode) -> Answer:
    """The answer of a node that takes every image and fails."""
    return raising(TaskFailed, code, "no luck")


def refusing(p: float = 0.5) -> Answer:
    """The answer of a node that refuses every image."""
    return raising(TaskRejected, RejectReason.LOAD, p)


class FakeNodes:
    """Does images as wire.NodeCaller.call does, by the answer of each node.

    Args:
        answers: those of single nodes, by name.
        otherwise: that of all others.

    ``worked_s`` is what each says that it spent on an image, ``phases`` in detail, ``mtimes_ns`` when the
    results were written, ``heights_px`` how high they are where not 3 pixels, ``flags`` how they look.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None, otherwise: Answer | None = None) -> None:
        self._answers = dict(answers or {})
        self._otherwise = otherwise or doing
        self._lock = threading.Lock()
        self.worked_s = 0.01
        self.phases = NO_TIME
        self.heights_px: dict[str, int] = {}
        self.flags: dict[str, tuple[str, ...]] = {}
        self.mtimes_ns: Iterator[int] = itertools.repeat(9)
        self.asked: list[tuple[str, str]] = []
        self.tasks: list[Task] = []
        self.strategies: set[Strategy] = set()

    def __call__(self, machine: Machine, task: Task, strategy: Strategy) -> TaskResult:
        with self._lock:
            self.asked.append((machine.name, task.filename))
            self.tasks.append(task)
            self.strategies.add(strategy)
        self._answers.get(machine.name, self._otherwise)(task)
        return TaskResult(
            task.attempt_id,
            waited_s=0.0,
            worked_s=self.worked_s,
            width_px=4,
            height_px=self.heights_px.get(task.filename, 3),
            bytes_written=100,
            source_bytes=70,
            source_mtime_ns=7,
            result_mtime_ns=next(self.mtimes_ns),
            pipeline=Recipe().fingerprint,
            phases=self.phases,
            flags=self.flags.get(task.filename, ()),
        )

    def nodes_asked(self, filename: str) -> list[str]:
        return [node for node, asked in self.asked if asked == filename]
