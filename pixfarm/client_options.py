"""The arguments of client.py."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pixfarm import job_options, preview_options, recipe_options, request_options, script
from pixfarm.follow import PATIENCE
from pixfarm.model import Strategy
from pixfarm.recipe import Recipe
from pixfarm.request import Selection

STDOUT = "-"


class Mode(Enum):
    """What the client is asked for; named as the flag that says so."""

    SUBMIT = ""
    RETRY = "--retry-failed"
    ATTACH = "--attach"
    RESUME = "--resume"
    CANCEL = "--cancel"
    PAUSE = "--pause"
    REPORT = "--report"
    JOBS = "--jobs"
    NODES = "--list-nodes"
    OPERATIONS = "--list-ops"
    OPERATION = "--describe-op"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """What is asked for.

    Args:
        mode: what to do.
        job_id: the job that it is about; empty where it is about none that exists.
        operation: name of the operation that it is about; empty where it is about none.
        machines: path of machine.txt.
        base_path: what to submit; None for the default.
        strategy: None for the default: that of the job to retry, or load-balancing.
        recipe: None for the default: that of the job to retry, or edges.
        selection: which images; ``files_from`` is as it was written, ``-`` for standard input.
        output: where results go; None for the default: where those of the job to retry went, or output_dir.
        name: what results are called; None for the default: as those of the job to retry, or as the sources.
        dry_run: whether the job is only looked at.
        proof: how many of its images are done to be looked at; None for all, and not for that.
        priority: -100 to 100.
        skip_done: whether images with a good result are passed over.
        task_timeout_s: seconds a worker may spend on an image; None lets the server decide.
        wait_s: seconds for which a lost server is waited for.
        csv: the file that gets what came of each image; ``-`` for stdout, None for no CSV.
        json: print one JSON document.
        quiet: print nothing but what is wrong.
    """

    mode: Mode
    job_id: str
    operation: str
    machines: Path
    base_path: Path | None
    strategy: Strategy | None
    recipe: Recipe | None
    selection: Selection
    output: Path | None
    name: str | None
    dry_run: bool
    proof: int | None
    priority: int
    skip_done: bool
    task_timeout_s: float | None
    wait_s: float
    csv: str | None
    json: bool
    quiet: bool


_RETRYING = (*recipe_options.FLAGS, *request_options.OUTPUT_FLAGS, *job_options.FLAGS)
_SUBMITTING = (*_RETRYING, *request_options.SELECTION_FLAGS, *preview_options.FLAGS)
_FOLLOWING = ("--wait-s",)
_TAKES = {
    Mode.SUBMIT: ("base_path", *_SUBMITTING, *_FOLLOWING),
    Mode.RETRY: (*_RETRYING, *_FOLLOWING),
    Mode.ATTACH: _FOLLOWING,
    Mode.RESUME: _FOLLOWING,
    Mode.CANCEL: _FOLLOWING,
    Mode.REPORT: ("--csv",),
}
_SHOWING = (Mode.REPORT, Mode.JOBS, Mode.NODES, Mode.OPERATIONS, Mode.OPERATION)
_DOES = {
    Mode.RETRY: "takes base path and images of JOB",
    Mode.REPORT: "shows the images and leaves",
    Mode.JOBS: "shows the jobs and leaves",
    Mode.NODES: "shows the nodes and leaves",
    Mode.OPERATIONS: "shows the operations and leaves",
    Mode.OPERATION: "shows an operation and leaves",
}


def parse(argv: Sequence[str] | None) -> ClientOptions:
    """What the arguments ask for; ends the script with one line when they are wrong."""
    parser = _parser()
    given = parser.parse_args(argv)
    chosen = [mode for mode in Mode if mode.value and _value(given, mode.value) is not None]
    if len(chosen) > 1:
        parser.error(f"{' and '.join(mode.value for mode in chosen)} do not go together; choose one")
    mode = chosen[0] if chosen else Mode.SUBMIT
    _refuse_what_would_be_ignored(parser, mode, given)
    preview_options.refuse_together(parser, given)
    if mode is Mode.RETRY:
        recipe_options.refuse_half(parser, given)
    value = _value(given, mode.value) if mode.value else None
    name = value if isinstance(value, str) else ""
    return ClientOptions(
        mode=mode,
        job_id=name if mode is not Mode.OPERATION else "",
        operation=name if mode is Mode.OPERATION else "",
        machines=given.machines,
        base_path=given.base_path,
        strategy=given.strategy,
        recipe=recipe_options.recipe(given),
        selection=request_options.selection(given),
        output=given.output,
        name=given.name,
        dry_run=bool(given.dry_run),
        proof=given.proof,
        priority=given.priority or 0,
        skip_done=bool(given.skip_done),
        task_timeout_s=given.task_timeout,
        wait_s=PATIENCE.wait_s if given.wait_s is None else given.wait_s,
        csv=given.csv,
        json=given.json,
        quiet=given.quiet,
    )


def _value(given: Namespace, name: str) -> object:
    value: object = getattr(given, name.removeprefix("--").replace("-", "_"))
    return value


def _refuse_what_would_be_ignored(parser: script.Parser, mode: Mode, given: Namespace) -> None:
    takes = _TAKES.get(mode, ())
    everything = ("base_path", *_SUBMITTING, *_FOLLOWING, "--csv")
    unused = [name for name in everything if name not in takes and _value(given, name) is not None]
    if unused and mode is Mode.SUBMIT:
        parser.error("--csv needs --report JOB")
    if unused:
        does = _DOES.get(mode, "submits nothing")
        them = "them" if len(unused) > 1 else "it"
        parser.error(f"{mode.value} {does}, so {' and '.join(unused)} would be ignored; leave {them} out")
    if given.csv is not None and given.json:
        parser.error("--csv and --json do not go together; choose one")
    if given.quiet and mode in _SHOWING and given.csv is None:
        parser.error(f"{mode.value} {_DOES[mode]}; leave out --quiet")


def _parser() -> script.Parser:
    parser = script.Parser(
        "Has every image of a directory done by the farm, and reports.",
        "exit codes: 0 all images done, 1 some not done, 2 wrong arguments, refused request or unknown job,\n"
        "            3 server or nodes unreachable, 130 left by a second Ctrl-C",
    )
    parser.add_argument(
        "base_path",
        nargs="?",
        type=script.directory,
        help="directory with input_dir/, or with the images themselves (default: data beside this script)",
    )
    recipe_options.add_to(parser)
    request_options.add_to(parser)
    job_options.add_to(parser)
    preview_options.add_to(parser)
    _add_modes(parser)
    parser.add_argument(
        "--wait-s",
        type=script.seconds,
        metavar="S",
        help=f"how long a server that is lost may take to come back (default: {PATIENCE.wait_s:g})",
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    output.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser


def _add_modes(parser: script.Parser) -> None:
    modes = parser.add_argument_group("instead of submitting a directory (JOB: the id that the client shows)")
    for mode, words in {
        Mode.RETRY: "submit a new job of those images of JOB that failed or were not done",
        Mode.ATTACH: "follow a job that was submitted before; a paused one until it has been resumed and "
        "ends; Ctrl-C only leaves",
        Mode.PAUSE: "start no further image of a job until it is resumed, and leave",
        Mode.RESUME: "go on with a job that was paused, was cancelled or gave up; Ctrl-C only leaves",
        Mode.CANCEL: "cancel a job, and follow it to its end",
        Mode.REPORT: "show what came of each image of a job, and leave",
    }.items():
        modes.add_argument(mode.value, metavar="JOB", help=words)
    modes.add_argument(
        "--csv", metavar="FILE", help="with --report: write it to FILE as CSV; - for standard output"
    )
    modes.add_argument(Mode.OPERATION.value, metavar="NAME", help="show the parameters of an operation")
    for mode, words in {
        Mode.OPERATIONS: "show the operations that images can be done with",
        Mode.JOBS: "show the jobs and leave",
        Mode.NODES: "show the nodes and leave",
    }.items():
        modes.add_argument(mode.value, action="store_const", const=True, help=words)
