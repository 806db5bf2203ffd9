"""The answering side of both services: from generated processors to handlers in the words of pixfarm."""

import logging
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from pixfarm.errors import FailureCode, InvalidRequest, StateUnusable, TaskFailed, TaskRejected, UnknownJob
from pixfarm.model import (
    DEFAULT_TIMEOUT_S,
    ImageRecord,
    JobReport,
    JobSpec,
    JobStatus,
    NodeStatus,
    Task,
    TaskResult,
)
from pixfarm.wire import translate, translate_jobs, translate_request
from pixfarm.wire.framing import Secure
from pixfarm.wire.idl import ComputeNode, ImageServer, ttypes
from pixfarm.wire.listener import Listener, hang_up
from pixfarm.wire.protocol import answer_frame

_log = logging.getLogger(__name__)


class NodeHandler(Protocol):
    """What a compute node does."""

    def execute(self, task: Task) -> TaskResult:
        """Does an image or refuses it."""

    def delayed_execute(self, task: Task) -> TaskResult:
        """Does an image, late when busy."""

    def status(self) -> NodeStatus:
        """Tells of itself."""


class ServerHandler(Protocol):
    """What the image server does."""

    def submit_request(self, spec: JobSpec) -> JobReport:
        """Runs a job to its end; without a job id it gets one."""

    def job_status(self, job_id: str) -> JobStatus:
        """Tells a job's progress."""

    def cancel_job(self, job_id: str) -> None:
        """Starts no further image."""

    def list_jobs(self) -> Sequence[JobStatus]:
        """Tells of all jobs."""

    def list_nodes(self) -> Sequence[NodeStatus]:
        """Tells of all nodes."""

    def pause_job(self, job_id: str) -> None:
        """Starts no further image until the job is resumed."""

    def resume_job(self, job_id: str) -> None:
        """Goes on with a job."""

    def job_images(self, job_id: str, after: str, limit: int) -> Sequence[ImageRecord]:
        """Tells what came of a job's images."""


def node_listener(handler: NodeHandler, sock: socket.socket, secure: Secure | None = None) -> Listener:
    """A listener, not yet started, that answers as a compute node."""
    processor = ComputeNode.Processor(_NodeService(handler))
    return Listener(sock, partial(answer_frame, processor), secure=secure)


def server_listener(handler: ServerHandler, sock: socket.socket, secure: Secure | None = None) -> Listener:
    """A listener, not yet started, that answers as the image server."""
    processor = ImageServer.Processor(_ServerService(handler))
    return Listener(sock, partial(answer_frame, processor), secure=secure)


class _NodeService:
    def __init__(self, handler: NodeHandler) -> None:
        self._handler = handler

    def execute(self, base_path: object, filename: object, options: Any) -> Any:
        return self._do(self._handler.execute, base_path, filename, options)

    def delayed_execute(self, base_path: object, filename: object, options: Any) -> Any:
        return self._do(self._handler.delayed_execute, base_path, filename, options)

    def status(self) -> Any:
        return translate.node_to_wire(self._handler.status())

    def _do(self, method: Any, base_path: object, filename: object, options: Any) -> Any:
        attempt_id = ""
        try:
            task = _task(base_path, filename, options or ttypes.TaskOptions())
            attempt_id = task.attempt_id
            return translate.result_to_wire(method(task))
        except TaskRejected as rejected:
            raise translate.rejection_to_wire(rejected) from None
        except TaskFailed as failed:
            raise ttypes.TaskFailed(
                str(failed.code), translate.message_to_wire(failed.message), attempt_id
            ) from None
        except InvalidRequest as invalid:
            raise ttypes.InvalidRequest(translate.message_to_wire(str(invalid))) from None
        except Exception as error:  # noqa: BLE001 - translated at the border
            # The caller learns that it was us, not what: tracebacks stay in this node's log.
            _log.exception("a bug: attempt %s failed", attempt_id)
            message = f"the node has a bug ({type(error).__name__}); see its log"
            raise ttypes.TaskFailed(str(FailureCode.INTERNAL), message, attempt_id) from None


def _task(base_path: object, filename: object, options: Any) -> Task:
    return Task(
        base_path=translate.text_from_wire("base_path", base_path),
        filename=translate.text_from_wire("filename", filename),
        attempt_id=translate.identifier_from_wire("attempt_id", options.attempt_id) or uuid.uuid4().hex,
        timeout_s=translate.timeout_from_wire(options.timeout_s, DEFAULT_TIMEOUT_S),
        source_dir=translate.source_dir_from_wire(options.source_dir),
        recipe=translate_request.recipe_from_wire(options.recipe),
        output_dir=options.output_dir or "",
        result=options.result or "",
    )


class _ServerService:
    def __init__(self, handler: ServerHandler) -> None:
        self._handler = handler

    def submit_request(self, base_path: object, strategy: object, options: Any) -> Any:
        with _declared():
            spec = translate_jobs.spec_from_wire(base_path, strategy, options or ttypes.JobOptions())
            return translate_jobs.report_to_wire(self._handler.submit_request(spec))

    def job_status(self, job_id: str | None) -> Any:
        with _declared(), _or_hung_up():
            return translate_jobs.status_to_wire(self._handler.job_status(job_id or ""))

    def cancel_job(self, job_id: str | None) -> None:
        with _declared(), _or_hung_up():
            self._handler.cancel_job(job_id or "")

    def pause_job(self, job_id: str | None) -> None:
        with _declared():
            self._handler.pause_job(job_id or "")

    def resume_job(self, job_id: str | None) -> None:
        with _declared():
            self._handler.resume_job(job_id or "")

    def job_images(self, job_id: str | None, after: str | None, limit: object) -> list[Any]:
        with _declared():
            page = translate_jobs.page_size_from_wire(limit)
            records = self._handler.job_images(job_id or "", after or "", page)
            return [translate_jobs.record_to_wire(record) for record in records]

    def list_jobs(self) -> Any:
        with _or_hung_up():
            return [translate_jobs.status_to_wire(job) for job in self._handler.list_jobs()]

    def list_nodes(self) -> list[Any]:
        return [translate.node_to_wire(node) for node in self._handler.list_nodes()]


@contextmanager
def _declared() -> Iterator[None]:
    """Turns our exceptions into those that the contract declares."""
    try:
        yield
    except InvalidRequest as invalid:
        raise ttypes.InvalidRequest(translate.message_to_wire(str(invalid))) from None
    except UnknownJob as unknown:
        raise ttypes.UnknownJob(unknown.job_id) from None
    except StateUnusable as unusable:
        _log.error("a request is refused: %s", unusable)
        raise ttypes.InvalidRequest(translate.message_to_wire(str(unusable))) from None


@contextmanager
def _or_hung_up() -> Iterator[None]:
    """For methods that declare no InvalidRequest: without a journal, the caller gets no answer."""
    try:
        yield
    except StateUnusable as unusable:
        _log.error("a request is not answered: %s", unusable)
        hang_up()
