"""The client: submits a directory of images and shows what comes of it.

Run it anywhere: python3 client.py [base_path]
"""

import os
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pixfarm.prerequisites  # noqa: F401 - first: says in one line what is not installed
from pixfarm import client_options, console, script, wire
from pixfarm.client_options import ClientOptions, Mode
from pixfarm.errors import InvalidRequest, Unreachable
from pixfarm.follow import Patience, follow
from pixfarm.interrupts import Interrupts
from pixfarm.machines import read_machines
from pixfarm.model import ImageRecord, JobSpec, JobState, Strategy
from pixfarm.recipe import EDGES

_DEFAULT_BASE_PATH = script.HOME / "data"


def main(argv: Sequence[str] | None = None) -> int:
    """Does what the arguments ask for; returns the exit code."""
    options = client_options.parse(argv)
    if options.mode in (Mode.OPERATIONS, Mode.OPERATION):
        return _show_operations(options)
    act = {
        Mode.PAUSE: _pause,
        Mode.REPORT: _report_images,
        Mode.JOBS: _list_jobs,
        Mode.NODES: _list_nodes,
    }.get(options.mode, _follow)
    with closing(wire.ServerCaller(read_machines(options.machines).server)) as server:
        try:
            return act(server, options)
        except Unreachable as error:
            raise Unreachable(
                f"{error}; start python3 server.py there, or mend {options.machines}"
            ) from error


def _follow(server: wire.ServerCaller, options: ClientOptions) -> int:
    spec = _spec(server, options)
    interrupts = Interrupts(cancels=options.mode not in (Mode.ATTACH, Mode.RESUME))
    with (
        interrupts.caught(),
        console.progress_for(quiet=options.quiet, json=options.json) as progress,
    ):
        report = follow(server, spec, progress, interrupts, Patience(options.wait_s))
    if spec.retry_of and not report.total:
        report = replace(report, message=f"all images of job {spec.retry_of} were done")
    if options.json:
        console.print_document(console.report_document(report))
    elif not options.quiet:
        console.print_report(report)
    elif console.exit_code(report):
        console.print_report(report, sys.stderr)
    return console.exit_code(report)


def _spec(server: wire.ServerCaller, options: ClientOptions) -> JobSpec:
    if options.mode is Mode.CANCEL:
        _cancel(server, options.job_id)
    elif options.mode is Mode.RESUME:
        server.resume_job(options.job_id)
    known = None if options.mode is Mode.SUBMIT else server.job_status(options.job_id)
    if known is not None and options.mode is not Mode.RETRY:
        return JobSpec(known.job_id, known.base_path, known.strategy, known.priority, recipe=known.recipe)
    base_path = known.base_path if known else str(_whole(options.base_path or _DEFAULT_BASE_PATH))
    return JobSpec(
        job_id=uuid.uuid4().hex[:12],
        base_path=base_path,
        strategy=options.strategy or (known.strategy if known else Strategy.LOAD_BALANCING),
        priority=options.priority,
        skip_done=options.skip_done,
        retry_of=options.job_id,
        task_timeout_s=options.task_timeout_s,
        recipe=options.recipe or (known.recipe if known else EDGES),
    )


def _cancel(server: wire.ServerCaller, job_id: str) -> None:
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
    except OSError:  # not to be seen from here; perhaps from the server
        return whole


def _pause(server: wire.ServerCaller, options: ClientOptions) -> int:
    server.pause_job(options.job_id)
    job = server.job_status(options.job_id)
    if options.json:
        console.print_document(console.job_document(job))
    elif not options.quiet:
        console.print_line(console.paused_line(job))
    return script.EXIT_OK


def _report_images(server: wire.ServerCaller, options: ClientOptions) -> int:
    job = server.job_status(options.job_id)
    images = _images(server, job.job_id)
    with Interrupts(cancels=False).caught():  # a half-written file goes when we are told to leave
        if options.csv == client_options.STDOUT:
            console.print_csv(images)
        elif options.csv is not None:
            number = console.save_csv(images, Path(options.csv))
            if not options.quiet:
                console.print_line(f"{number} images of job {job.job_id} written to {options.csv}")
        elif options.json:
            console.print_images_document(job, images)
        else:
            console.print_images(job, images)
    return script.EXIT_OK


def _images(server: wire.ServerCaller, job_id: str) -> Iterator[ImageRecord]:
    page = server.job_images(job_id)
    while page:
        yield from page
        page = server.job_images(job_id, after=page[-1].filename)


def _list_jobs(server: wire.ServerCaller, options: ClientOptions) -> int:
    jobs = server.list_jobs()
    if options.json:
        console.print_document(console.jobs_document(jobs))
    else:
        console.print_jobs(jobs)
    return script.EXIT_OK


def _list_nodes(server: wire.ServerCaller, options: ClientOptions) -> int:
    nodes = server.list_nodes()
    if options.json:
        console.print_document(console.nodes_document(nodes))
    else:
        console.print_nodes(nodes)
    return script.EXIT_OK


def _show_operations(options: ClientOptions) -> int:
    # Here and not above: it comes with OpenCV, which takes a while.
    from pixfarm.console import catalogue  # noqa: PLC0415
    from pixfarm.imaging import CATALOGUE, find_operation  # noqa: PLC0415

    if options.mode is Mode.OPERATION:
        operation = find_operation(options.operation, CATALOGUE)
        if options.json:
            console.print_document(catalogue.operations_document([operation]))
        else:
            catalogue.print_operation(operation)
    elif options.json:
        console.print_document(catalogue.operations_document(list(CATALOGUE.values())))
    else:
        catalogue.print_operations(CATALOGUE)
    return script.EXIT_OK


if __name__ == "__main__":
    script.run(main)
