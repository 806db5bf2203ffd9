"""The client: submits a directory of images and shows what comes of it.

Run it anywhere: python3 client.py [base_path]
"""

import sys
import uuid
from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from contextlib import closing

import pixfarm.prerequisites  # noqa: F401 - first: says in one line what is not installed
from pixfarm import console, script, wire
from pixfarm.errors import AnswerLost, Unreachable
from pixfarm.follow import Interrupts, follow
from pixfarm.machines import read_machines
from pixfarm.model import JobReport, JobSpec, Strategy

_DEFAULT_BASE_PATH = script.HOME / "data"


def main(argv: Sequence[str] | None = None) -> int:
    """Submits a job and prints its report; returns the exit code."""
    options = _parse(argv)
    machine = read_machines(options.machines).server
    with closing(wire.ServerCaller(machine)) as server:
        try:
            if options.list_nodes:
                return _list_nodes(server, options)
            report = _run(server, options)
        except Unreachable as error:
            raise Unreachable(
                f"{error}; start python3 server.py there, or mend {options.machines}"
            ) from error
    if options.json:
        console.print_document(console.report_document(report))
    elif not options.quiet:
        console.print_report(report)
    elif console.exit_code(report):
        console.print_report(report, sys.stderr)
    return console.exit_code(report)


def _run(server: wire.ServerCaller, options: Namespace) -> JobReport:
    spec = _spec(server, options)
    interrupts = Interrupts(cancels=options.attach is None)
    with (
        interrupts.caught(),
        console.progress_for(quiet=options.quiet, json=options.json) as progress,
    ):
        try:
            return follow(server, spec, progress, interrupts)
        except AnswerLost as error:
            raise AnswerLost(
                f"{error}; job {spec.job_id} may still run: ask with client.py --attach {spec.job_id}"
            ) from error
        except KeyboardInterrupt:
            if options.attach is not None:
                progress.say(f"left; job {spec.job_id} goes on")
            raise


def _spec(server: wire.ServerCaller, options: Namespace) -> JobSpec:
    if options.cancel is not None:
        server.cancel_job(options.cancel)
    known = options.cancel or options.attach
    if known is not None:
        status = server.job_status(known)
        return JobSpec(status.job_id, status.base_path, status.strategy)
    # The server does not know our working directory, so it gets the whole path.
    base_path = (options.base_path or _DEFAULT_BASE_PATH).absolute()
    return JobSpec(uuid.uuid4().hex[:12], str(base_path), options.strategy or Strategy.LOAD_BALANCING)


def _list_nodes(server: wire.ServerCaller, options: Namespace) -> int:
    nodes = server.list_nodes()
    if options.json:
        console.print_document(console.nodes_document(nodes))
    else:
        console.print_nodes(nodes)
    return script.EXIT_OK


def _strategy(text: str) -> Strategy:
    try:
        return Strategy(text)
    except ValueError:
        known = " or ".join(strategy.value for strategy in Strategy)
        raise ArgumentTypeError(f"{text!r} is not {known}") from None


def _parse(argv: Sequence[str] | None) -> Namespace:
    parser = script.Parser(
        "Has every image of a directory done by the farm, and reports.",
        "exit codes: 0 all images done, 1 some not done, 2 wrong arguments or refused request,\n"
        "            3 server or nodes unreachable, 130 left by a second Ctrl-C",
    )
    parser.add_argument(
        "base_path",
        nargs="?",
        type=script.directory,
        help="directory with input_dir/, or with the images themselves (default: data beside this script)",
    )
    parser.add_argument(
        "--strategy",
        type=_strategy,
        metavar="S",
        help="how the server chooses nodes: load-balancing (default) or random",
    )
    parser.add_argument(
        "--attach", metavar="JOB", help="follow a job that was submitted before; Ctrl-C only leaves"
    )
    parser.add_argument("--cancel", metavar="JOB", help="cancel a job, and follow it to its end")
    parser.add_argument("--list-nodes", action="store_true", help="show the nodes and leave")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    output.add_argument("--quiet", action="store_true", help="print nothing but errors")
    options = parser.parse_args(argv)
    _refuse_what_would_be_ignored(parser, options)
    return options


def _refuse_what_would_be_ignored(parser: script.Parser, options: Namespace) -> None:
    submitting = {"base_path": options.base_path, "--strategy": options.strategy}
    modes = {
        "--attach": options.attach,
        "--cancel": options.cancel,
        "--list-nodes": options.list_nodes or None,
    }
    chosen = [mode for mode, value in modes.items() if value is not None]
    if len(chosen) > 1:
        parser.error(f"{' and '.join(chosen)} do not go together; choose one")
    for mode in chosen:
        unused = [name for name, value in submitting.items() if value is not None]
        if unused:
            parser.error(f"{mode} submits nothing, so {' and '.join(unused)} would be ignored; leave it out")
    if options.list_nodes and options.quiet:
        parser.error("--list-nodes shows the nodes and leaves; leave out --quiet")


if __name__ == "__main__":
    script.run(main)
