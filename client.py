"""The client: submits a directory of images and shows what comes of it.

Run it anywhere: python3 client.py [base_path]
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pixfarm.prerequisites  # noqa: F401 - first: says in one line what is not installed
from pixfarm import client_options, console, request_options, script, wire
from pixfarm.client_options import ClientOptions, Mode
from pixfarm.errors import Unreachable
from pixfarm.follow import Patience, follow
from pixfarm.interrupts import Interrupts
from pixfarm.machines import read_machines
from pixfarm.model import ImageRecord, JobReport, JobSpec
from pixfarm.request import ALL
from pixfarm.spooled_list import FirstNews, SpooledList
from pixfarm.submission import results_seen_here, spec_of


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
    if options.dry_run:
        act = _dry_run
    elif options.proof:
        act = _prove
    with closing(wire.ServerCaller(read_machines(options.machines).server)) as server:
        try:
            return act(server, options)
        except Unreachable as error:
            raise Unreachable(
                f"{error}; start python3 server.py there, or mend {options.machines}"
            ) from error


def _follow(server: wire.ServerCaller, options: ClientOptions) -> int:
    spec = spec_of(server, options)
    if options.selection.files_from != request_options.STDIN:
        return _show_end(_carried_out(server, spec, options), options)
    with SpooledList(results_seen_here(spec), spec.job_id) as listed:
        selection = replace(spec.selection, files_from=str(listed.path))
        return _show_end(
            _carried_out(server, replace(spec, selection=selection), options, listed.remove), options
        )


def _dry_run(server: wire.ServerCaller, options: ClientOptions) -> int:
    from pixfarm import previewing  # noqa: PLC0415 - here and not above: it comes with OpenCV

    has_nodes = previewing.show_dry_run(server, spec_of(server, options), json=options.json)
    return script.EXIT_OK if has_nodes else script.EXIT_UNREACHABLE


def _prove(server: wire.ServerCaller, options: ClientOptions) -> int:
    from pixfarm import previewing  # noqa: PLC0415 - here and not above: it comes with OpenCV

    def carry_out(spec: JobSpec, on_first_news: Callable[[], None]) -> JobReport:
        return _carried_out(server, spec, options, on_first_news)

    proof = previewing.make_proof(server, spec_of(server, options), options.proof or 0, carry_out)
    previewing.show_proof(server, proof, json=options.json, quiet=options.quiet)
    return console.exit_code(proof.report)


def _carried_out(
    server: wire.ServerCaller,
    spec: JobSpec,
    options: ClientOptions,
    on_first_news: Callable[[], None] = lambda: None,
) -> JobReport:
    interrupts = Interrupts(cancels=options.mode not in (Mode.ATTACH, Mode.RESUME))
    with (
        interrupts.caught(),
        console.progress_for(quiet=options.quiet, json=options.json) as progress,
    ):
        display = FirstNews(progress, on_first_news)
        report = follow(server, spec, display, interrupts, Patience(options.wait_s))
    if spec.retry_of and not report.total:
        report = replace(report, message=f"all images of job {spec.retry_of} were done")
    elif spec.selection != ALL and not report.total:
        report = replace(report, message=f"none was chosen by {request_options.told(spec.selection)}")
    return report


def _show_end(report: JobReport, options: ClientOptions) -> int:
    if options.json:
        console.print_document(console.report_document(report))
    elif not options.quiet:
        console.print_report(report)
    elif console.exit_code(report):
        console.print_report(report, sys.stderr)
    return console.exit_code(report)


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
    # Here and not above, like the others: it comes with OpenCV, which takes a while.
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
