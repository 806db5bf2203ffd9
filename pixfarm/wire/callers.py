"""The calling side of both services, in the words of pixfarm."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pixfarm.errors import InvalidRequest, UnknownJob
from pixfarm.model import (
    ImageRecord,
    JobReport,
    JobSpec,
    JobStatus,
    Machine,
    NodeStatus,
    Strategy,
    Task,
    TaskResult,
)
from pixfarm.wire import translate, translate_jobs
from pixfarm.wire.connections import ConnectionPool
from pixfarm.wire.framing import Secure
from pixfarm.wire.idl import ComputeNode, ImageServer, ttypes
from pixfarm.wire.limits import MAX_PAGE, MAX_STRING_BYTES, PING_TIMEOUT_S, REPORT_LIMITS, REQUEST_LIMITS

T = TypeVar("T")

_NODE_ANSWERS = (ttypes.TaskRejected, ttypes.TaskFailed, ttypes.InvalidRequest)
_SERVER_ANSWERS = (ttypes.InvalidRequest, ttypes.UnknownJob)
_QUERY_TIMEOUT_S = 10.0
_FOREVER_S = 366 * 24 * 3600.0  # a job may take long; the client watches over it by job_status


class NodeCaller:
    """Calls compute nodes over kept connections, from any thread.

    Args:
        secure: wraps each connected socket; None for plain TCP.
    """

    def __init__(self, secure: Secure | None = None) -> None:
        self._secure = secure
        self._lock = threading.Lock()
        self._pools: dict[Machine, ConnectionPool] = {}
        self._wanted: set[Machine] | None = None  # everyone

    def call(self, machine: Machine, task: Task, strategy: Strategy) -> TaskResult:
        """Has one image done, by the method that belongs to the strategy.

        Raises:
            TaskRejected: the node does not take it now.
            TaskFailed: the node took it and could not do it.
            InvalidRequest: the node does not see what the server sees.
            PeerError: see its kinds.
        """
        method = "execute" if strategy is Strategy.LOAD_BALANCING else "delayed_execute"
        options = translate.options_to_wire(task)
        try:
            return self._pool(machine).call(
                lambda client: translate.result_from_wire(
                    getattr(client, method)(task.base_path, task.filename, options), task
                ),
                task.patience_s,
                _NODE_ANSWERS,
            )
        except ttypes.TaskRejected as rejected:
            raise translate.rejection_from_wire(rejected) from None
        except ttypes.TaskFailed as failed:
            raise translate.failure_from_wire(failed) from None
        except ttypes.InvalidRequest as invalid:
            raise InvalidRequest(invalid.message) from None

    def ping(self, machine: Machine) -> NodeStatus:
        """What a node tells of itself; only an answer proves it alive.

        Raises:
            PeerError: see its kinds.
        """
        return self._pool(machine).call(
            lambda client: translate.node_from_wire(client.status()), PING_TIMEOUT_S, ()
        )

    def abandon(self, machine: Machine) -> None:
        """Ends the running calls to a node that was found dead, with AnswerLost."""
        self._pool(machine).abandon()

    def keep(self, machines: Iterable[Machine]) -> None:
        """Closes the connections to all other nodes, as soon as they are idle."""
        with self._lock:
            self._wanted = set(machines)
            others = [self._pools.pop(machine) for machine in set(self._pools) - self._wanted]
        for pool in others:
            pool.close()

    def close(self) -> None:
        """Closes the connections; may be called twice."""
        self.keep(())

    def _pool(self, machine: Machine) -> ConnectionPool:
        with self._lock:
            if machine in self._pools:
                return self._pools[machine]
            pool = ConnectionPool(machine, ComputeNode.Client, REQUEST_LIMITS, self._secure)
            if self._wanted is None or machine in self._wanted:
                self._pools[machine] = pool
            else:
                pool.close()  # keeps no connection
            return pool


class ServerCaller:
    """Calls the image server.

    Args:
        machine: the server.
        secure: wraps each connected socket; None for plain TCP.
    """

    def __init__(self, machine: Machine, secure: Secure | None = None) -> None:
        self._pool = ConnectionPool(machine, ImageServer.Client, REPORT_LIMITS, secure)

    def submit_request(self, spec: JobSpec) -> JobReport:
        """Has every image of a base path done; returns when the job has ended.

        Raises:
            InvalidRequest: the server refuses the job.
            PeerError: see its kinds.
        """
        _refuse_unsendable("base path", spec.base_path)
        _refuse_unsendable("job id", spec.retry_of)
        _refuse_unsendable("output directory", spec.output.directory)
        _refuse_unsendable("name", spec.output.name)
        _refuse_unsendable("path of the list", spec.selection.files_from)
        for pattern in (*spec.selection.include, *spec.selection.exclude):
            _refuse_unsendable("pattern", pattern)
        number = translate.strategy_to_wire(spec.strategy)
        options = translate_jobs.options_to_wire(spec)
        report = self._call(lambda client: client.submit_request(spec.base_path, number, options), _FOREVER_S)
        return translate_jobs.report_from_wire(report)

    def job_status(self, job_id: str) -> JobStatus:
        """Progress of a job.

        Raises:
            UnknownJob: the server knows no such job.
            PeerError: see its kinds.
        """
        _refuse_unsendable("job id", job_id)
        return translate_jobs.status_from_wire(self._call(lambda client: client.job_status(job_id)))

    def cancel_job(self, job_id: str) -> None:
        """Starts no further image of a job.

        Raises:
            UnknownJob: the server knows no such job.
            PeerError: see its kinds.
        """
        _refuse_unsendable("job id", job_id)
        self._call(lambda client: client.cancel_job(job_id))

    def pause_job(self, job_id: str) -> None:
        """Starts no further image of a job until it is resumed.

        Raises:
            UnknownJob: the server knows no such job.
            InvalidRequest: it has ended.
            PeerError: see its kinds.
        """
        _refuse_unsendable("job id", job_id)
        self._call(lambda client: client.pause_job(job_id))

    def resume_job(self, job_id: str) -> None:
        """Goes on with a job that was paused, was cancelled or gave up.

        Raises:
            UnknownJob: the server knows no such job.
            InvalidRequest: there is nothing to go on with, or the base path is not usable now.
            PeerError: see its kinds.
        """
        _refuse_unsendable("job id", job_id)
        self._call(lambda client: client.resume_job(job_id))

    def job_images(self, job_id: str, after: str = "") -> list[ImageRecord]:
        """What came of a job's images: one page, by file name, empty after the last.

        Args:
            job_id: of a running or ended job.
            after: the last file name of the previous page.

        Raises:
            UnknownJob: the server knows no such job.
            PeerError: see its kinds.
        """
        _refuse_unsendable("job id", job_id)
        page = self._call(lambda client: client.job_images(job_id, after, MAX_PAGE))
        return [translate_jobs.record_from_wire(record) for record in page]

    def list_jobs(self) -> list[JobStatus]:
        """Running and ended jobs, oldest first; at most the last 200.

        Raises:
            PeerError: see its kinds.
        """
        return [translate_jobs.status_from_wire(job) for job in self._call(lambda client: client.list_jobs())]

    def list_nodes(self) -> list[NodeStatus]:
        """Every node, as the server sees it now.

        Raises:
            PeerError: see its kinds.
        """
        return [translate.node_from_wire(node) for node in self._call(lambda client: client.list_nodes())]

    def close(self) -> None:
        """Closes the connections; may be called twice."""
        self._pool.close()

    def _call(self, question: Callable[[Any], T], timeout_s: float = _QUERY_TIMEOUT_S) -> T:
        try:
            return self._pool.call(question, timeout_s, _SERVER_ANSWERS)
        except ttypes.InvalidRequest as invalid:
            raise InvalidRequest(invalid.message) from None
        except ttypes.UnknownJob as unknown:
            raise UnknownJob(unknown.job_id) from None


def _refuse_unsendable(what: str, text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # Python keeps foreign bytes of arguments and file names as lone surrogates
        raise InvalidRequest(f"the {what} {text!r} is not UTF-8 and cannot be sent; rename it") from None
    if size > MAX_STRING_BYTES:
        raise InvalidRequest(f"the {what} has {size} bytes; at most {MAX_STRING_BYTES} can be sent")
