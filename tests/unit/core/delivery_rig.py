"""One job's Delivery with its real parts around it, and nodes, pings, time and journal that obey a test."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pixfarm.asking import Asking
from pixfarm.calls import Calls
from pixfarm.control import Brakes
from pixfarm.delivery import Delivery, Surroundings
from pixfarm.fleet import Fleet
from pixfarm.flight import Flight
from pixfarm.ledger import Ledger
from pixfarm.model import Failure, ImageRecord, NodeHealth, NodeStatus, Strategy
from pixfarm.recipe import EDGES, Recipe
from pixfarm.tally import Tally
from pixfarm.trace import Trace
from tests.unit.core.fake_journal import FakeJournal
from tests.unit.core.fake_nodes import Answer, FakeNodes, in_turn
from tests.unit.core.farm_parts import (
    BASE,
    Clock,
    Ping,
    as_journal,
    brakes,
    fleet_of,
    never,
    silent,
    spec,
    summary,
    watch_of,
)

TOKEN = "0123456789abcdef" * 2
_TICK_S = 1e-6


class Rig:
    """Delivers images, one after the other, to nodes with p = 0 that give a script of answers.

    Pauses take no time: they only move the clock.

    Args:
        answers: of whichever node is asked; then all images are done.
        nodes: how many there are.
        by_node: answers of certain nodes, in place of the script.
        fleet: in place of nodes with p = 0; shares ``clock``.
        ping: answers when a call has broken off.
        task_timeout_s: what a person chose.
        journal: in place of one that commits at once.
    """

    def __init__(
        self,
        *answers: Answer,
        nodes: int = 2,
        by_node: dict[str, Answer] | None = None,
        fleet: Fleet | None = None,
        clock: Clock | None = None,
        ping: Ping = silent,
        strategy: Strategy = Strategy.LOAD_BALANCING,
        task_timeout_s: float | None = None,
        journal: FakeJournal | None = None,
        job_id: str = "job-1",
        trace: Trace | None = None,
        recipe: Recipe = EDGES,
    ) -> None:
        self.clock = clock or Clock()
        self.fleet = fleet or fleet_of(*[0.0] * nodes, clock=self.clock)
        self.nodes = FakeNodes(by_node, otherwise=in_turn(*answers))
        self.journal = journal or FakeJournal()
        self.tally = Tally()
        self.pauses: list[float] = []
        self.missing_sources: set[str] = set()
        self.ended: list[Flight] = []
        job = replace(spec(Path("/base"), strategy, job_id), task_timeout_s=task_timeout_s, recipe=recipe)
        self.journal.add_job(job, TOKEN, summary(job_id=job_id))
        trace = trace or Trace(None)
        ledger = Ledger(job_id, as_journal(self.journal), self.tally, trace)
        calls = Calls(job, self.fleet, self.nodes, self.tally, trace)
        around = Surroundings(self.fleet, watch_of(self.fleet, ping).lives, self._is_there, random.Random(1))
        self.delivery = Delivery(job, around, Asking(job, "", TOKEN, calls), ledger, self.tally)

    def _is_there(self, filename: str) -> bool:
        return filename not in self.missing_sources

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(max(_TICK_S, seconds))  # time passes, however short a pause is

    def brakes(self, check: Callable[[], None] = never) -> Brakes:
        return brakes(check, self._pause)

    def flight(self, filename: str = "a.jpg") -> Flight:
        return Flight(BASE, filename, self.ended.append)

    def deliver(self, filename: str = "a.jpg", check: Callable[[], None] = never) -> Flight:
        flight = self.flight(filename)
        self.delivery.deliver(flight, self.brakes(check))
        return flight

    @property
    def asked(self) -> list[str]:
        """The nodes that were asked, one after the other."""
        return [name for name, _ in self.nodes.asked]

    @property
    def counts(self) -> dict[str, int]:
        """What was counted, without zeros."""
        return {name: count for name, count in self.tally.counts().items() if count}

    @property
    def record(self) -> ImageRecord:
        """What was noted of the only image that has ended."""
        (row,) = self.journal.recorded
        return row.record

    @property
    def failure(self) -> Failure:
        (failure,) = self.tally.failures()
        return failure

    @property
    def healths(self) -> list[NodeHealth]:
        return [node.health for node in self.fleet.snapshot()]

    @property
    def places_taken(self) -> int:
        return sum(node.in_flight for node in self.fleet.snapshot())

    def node(self, name: str) -> NodeStatus:
        (found,) = [node for node in self.fleet.snapshot() if node.name == name]
        return found
