"""Handlers of both services that do no image work, behind real listeners."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from pixfarm.errors import InvalidRequest, UnknownJob
from pixfarm.model import (
    ImageRecord,
    ImageState,
    JobReport,
    JobSpec,
    JobState,
    JobStatus,
    Machine,
    NodeStatus,
    Strategy,
    Task,
    TaskResult,
)
from pixfarm.wire import Listener, bind, node_listener, server_listener
from tests.integration.raw_peers import HOST

ANY_PORT = Machine("node_1", HOST, 0)


def done(task: Task) -> TaskResult:
    return TaskResult(task.attempt_id, 0.25, 0.5, 40, 24, 1234)


class QuietNode:
    """A node whose images are done by a function; it keeps the tasks it got."""

    def __init__(self, do: Callable[[Task], TaskResult] = done) -> None:
        self._do = do
        self.tasks: list[Task] = []

    def execute(self, task: Task) -> TaskResult:
        self.tasks.append(task)
        return self._do(task)

    def delayed_execute(self, task: Task) -> TaskResult:
        return self.execute(task)

    def status(self) -> NodeStatus:
        return NodeStatus(name="node_1", host=HOST, port=1, load_probability=0.5, workers=2, version="0")


class QuietServer:
    """A server whose every job is done at once; it keeps the requests it got."""

    def __init__(self) -> None:
        self.requests: list[JobSpec] = []

    def submit_request(self, spec: JobSpec) -> JobReport:
        self.requests.append(spec)
        if "missing" in spec.base_path:
            raise InvalidRequest(f"base path {spec.base_path!r} does not exist")
        return JobReport(**_summary(spec.job_id or "j"), failures=())

    def job_status(self, job_id: str) -> JobStatus:
        if job_id != "j":
            raise UnknownJob(job_id)
        return JobStatus(**_summary(job_id), running=0, listing_complete=True)

    def cancel_job(self, job_id: str) -> None:
        self.job_status(job_id)

    def pause_job(self, job_id: str) -> None:
        self.job_status(job_id)

    def resume_job(self, job_id: str) -> None:
        self.job_status(job_id)

    def job_images(self, job_id: str, after: str, limit: int) -> list[ImageRecord]:
        self.job_status(job_id)
        names = [name for name in ("a.png", "b.png", "c.png") if name > after]
        return [ImageRecord(filename=name, state=ImageState.DONE, node="node_1") for name in names[:limit]]

    def list_jobs(self) -> list[JobStatus]:
        return [self.job_status("j")]

    def list_nodes(self) -> list[NodeStatus]:
        return [QuietNode().status()]


@contextmanager
def listening(listener: Listener) -> Iterator[Listener]:
    """The listener, started, and closed at the end."""
    with closing(listener):
        listener.start()
        yield listener


def quiet_node(node: QuietNode) -> Listener:
    return node_listener(node, bind(ANY_PORT))


def quiet_server(server: QuietServer) -> Listener:
    return server_listener(server, bind(ANY_PORT))


def _summary(job_id: str) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "base_path": "/pics",
        "strategy": Strategy.RANDOM,
        "state": JobState.FINISHED,
        "total": 1,
        "done": 1,
        "failed": 0,
        "not_done": 0,
        "rejections": 2,
        "retries": 0,
        "elapsed_s": 0.5,
        "nodes": (),
    }
