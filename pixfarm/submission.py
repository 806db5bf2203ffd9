"""What the client submits, or attaches to, as its arguments say."""

import os
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from pixfarm import request_options, script
from pixfarm.client_options import ClientOptions, Mode
from pixfarm.errors import InvalidRequest
from pixfarm.model import OUTPUT_DIR, JobSpec, JobState, JobStatus, Strategy
from pixfarm.recipe import EDGES
from pixfarm.request import BESIDE_SOURCES, Output, Selection

_DEFAULT_BASE_PATH = script.HOME / "data"


class Server(Protocol):
    """The calls of wire.ServerCaller that are needed here."""

    def job_status(self, job_id: str) -> JobStatus:
        """Tells a job's progress."""

    def cancel_job(self, job_id: str) -> None:
        """Starts no further image."""

    def resume_job(self, job_id: str) -> None:
        """Goes on with a job."""


def spec_of(server: Server, options: ClientOptions) -> JobSpec:
    """The job to submit or to attach to; one that is to be cancelled or resumed is so from here on.

    Raises:
        InvalidRequest: it cannot be cancelled or resumed.
        UnknownJob: the server knows no such job.
    """
    if options.mode is Mode.CANCEL:
        _cancel(server, options.job_id)
    elif options.mode is Mode.RESUME:
        server.resume_job(options.job_id)
    known = None if options.mode is Mode.SUBMIT else server.job_status(options.job_id)
    if known is not None and options.mode is not Mode.RETRY:
        return JobSpec(
            known.job_id,
            known.base_path,
            known.strategy,
            known.priority,
            recipe=known.recipe,
            output=known.output,
        )
    base_path = known.base_path if known else str(_whole(options.base_path or _DEFAULT_BASE_PATH))
    return JobSpec(
        job_id=new_job_id(),
        base_path=base_path,
        strategy=options.strategy or (known.strategy if known else Strategy.LOAD_BALANCING),
        priority=options.priority,
        skip_done=options.skip_done,
        retry_of=options.job_id,
        task_timeout_s=options.task_timeout_s,
        recipe=options.recipe or (known.recipe if known else EDGES),
        selection=_selection(options.selection),
        output=_output(options, known.output if known else BESIDE_SOURCES),
    )


def new_job_id() -> str:
    """An id that no job has."""
    return uuid.uuid4().hex[:12]


def results_seen_here(spec: JobSpec) -> Path:
    """The directory of the results, or the one that is usual as long as that is still to be made."""
    chosen = Path(spec.output.directory or "/")
    return chosen if spec.output.directory and chosen.parent.is_dir() else Path(spec.base_path) / OUTPUT_DIR


def _selection(chosen: Selection) -> Selection:
    if chosen.files_from in ("", request_options.STDIN):
        return chosen
    return replace(chosen, files_from=str(_whole(Path(chosen.files_from))))


def _output(options: ClientOptions, before: Output) -> Output:
    return Output(
        directory=before.directory if options.output is None else str(_whole(options.output)),
        name=before.name if options.name is None else options.name,
    )


def _cancel(server: Server, job_id: str) -> None:
    state = server.job_status(job_id).state
    if state not in (JobState.RUNNING, JobState.PAUSED):
        raise InvalidRequest(f"job {job_id} had already ended: {state.value}")
    server.cancel_job(job_id)


def _whole(path: Path) -> Path:
    """The path as a server can take it, which does not know our working directory.

    One directory has one such path however it is written, as --skip-done needs; but for ``..`` behind a link.
    """
    whole = path.absolute()
    plain = Path(os.path.normpath(whole))
    try:
        return plain if plain.samefile(whole) else whole
    except OSError:  # not there yet, or only to be seen from the server
        parent = _whole(whole.parent)
        return parent.parent if whole.name == ".." else parent / whole.name
