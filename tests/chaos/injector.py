"""Carries out a plan of faults against a farm, each fault in a thread of its own."""

import collections
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from tests.chaos.chaos_farm import ChaosFarm
from tests.chaos.fault_plan import TRAITS, Fault, Kind, Target
from tests.chaos.job_run import JobRun

_THREADS = 24


class Injector:
    """Starts with the context and ends with the last fault.

    Args:
        farm: what is harmed.
        plan: the faults, in order of time.
        job: the job that runs, for faults against its client or its sources.
    """

    def __init__(self, farm: ChaosFarm, plan: Sequence[Fault], job: Callable[[], JobRun | None]) -> None:
        self._farm = farm
        self._plan = plan
        self._job = job
        self._counts: collections.Counter[Kind] = collections.Counter()
        self._pool = ThreadPoolExecutor(_THREADS, "fault")
        self._running: list[Future[None]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="injector", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._pool.shutdown()

    @property
    def is_over(self) -> bool:
        """Whether every fault has been carried out, and what it harmed is as before."""
        return not self._thread.is_alive() and all(fault.done() for fault in self._running)

    def counts(self) -> collections.Counter[Kind]:
        """How many faults of each kind took effect; a fault that could not be carried out raises here."""
        for fault in self._running:
            if fault.done():
                fault.result()
        return sum((link.done for link in self._farm.links.values()), self._counts)

    def _run(self) -> None:
        started_at = time.monotonic()
        for fault in self._plan:
            if self._stopping.wait(max(0.0, started_at + fault.at_s - time.monotonic())):
                return
            self._running.append(self._pool.submit(self._inject, fault))

    def _inject(self, fault: Fault) -> None:
        if TRAITS[fault.kind].target is Target.LINK:
            self._farm.harm_link(fault.target, fault.kind, fault.seconds, fault.number)  # the link counts it
        elif self._took_effect(fault):
            self._counts[fault.kind] += 1

    def _took_effect(self, fault: Fault) -> bool:
        farm = self._farm
        match fault.kind:
            case Kind.NODE_KILL:
                farm.kill_node(fault.target, fault.seconds)
            case Kind.NODE_RESTART:
                farm.restart_node(fault.target)
            case Kind.NODE_FREEZE | Kind.NODE_FREEZE_LONG:
                farm.freeze_node(fault.target, fault.seconds)
            case Kind.WORKER_KILL:
                return farm.kill_worker(fault.target, fault.number)
            case Kind.WORKER_FREEZE:
                return farm.freeze_worker(fault.target, fault.number, fault.seconds)
            case Kind.SERVER_KILL:
                farm.kill_server()
            case Kind.SERVER_FREEZE | Kind.SERVER_FREEZE_LONG:
                farm.freeze_server(fault.seconds)
            case _:
                return self._hit_job(fault)
        return True

    def _hit_job(self, fault: Fault) -> bool:
        job = self._job()
        if job is None:
            return False
        match fault.kind:
            case Kind.CLIENT_KILL:
                return job.kill_client()
            case Kind.SOURCE_REPLACED:
                return job.base.replace(fault.number)
            case Kind.SOURCE_DELETED:
                return job.base.delete(fault.number)
            case Kind.SOURCE_DAMAGED:
                return job.base.damage(fault.number)
            case _:
                raise AssertionError(fault)
