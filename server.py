"""The image server: takes a directory from a client and has its images done by compute nodes.

Start one: python3 server.py
"""

import logging
import random
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pixfarm.prerequisites  # noqa: F401 - first: says in one line what is not installed
from pixfarm import script, wire
from pixfarm.allocator import keep_one_arena
from pixfarm.console.outcome import images_per_s, retried
from pixfarm.console.text import counted
from pixfarm.errors import InvalidRequest, UsageError
from pixfarm.fleet import Fleet
from pixfarm.jobs import Jobs
from pixfarm.journal import Journal
from pixfarm.machines import MachinesFile
from pixfarm.model import ImageRecord, JobReport, JobSpec, JobState, JobStatus, NodeStatus
from pixfarm.name_lists import NameLists
from pixfarm.recipe import Recipe
from pixfarm.scheduling import policy
from pixfarm.shared import Farm
from pixfarm.slots import Slots
from pixfarm.trace import Trace
from pixfarm.watch import Watch

_log = logging.getLogger(__name__)

_NODES_WAIT_S = 3.0
_LOOK_AGAIN_S = 1.0
_SHUTDOWN_S = 10.0


class ImageServer:
    """Answers the calls of clients."""

    def __init__(self, jobs: Jobs, fleet: Fleet, watch: Watch) -> None:
        self._jobs = jobs
        self._fleet = fleet
        self._watch = watch

    def submit_request(self, spec: JobSpec) -> JobReport:
        """Runs a job, or attaches to it, and waits for its end or for the client to leave."""
        self._ask_who_runs(spec.recipe)
        job = self._jobs.submit(spec)
        if job is None:
            return self._ended(spec.job_id)
        self._watch.ask_everyone()
        while not job.control.wait(_LOOK_AGAIN_S) and not wire.is_caller_gone():
            pass
        if job.control.is_suspended:
            wire.hang_up()  # the client asks again until the server is back, and the job with it
        return job.report()

    def _ended(self, job_id: str) -> JobReport:
        report = self._jobs.report(job_id)
        if report.state is JobState.PAUSED:
            raise InvalidRequest(
                f"job {job_id} is paused: {report.message}; go on with client.py --resume {job_id}"
            )
        if report.state is JobState.RUNNING:  # suspended a moment ago
            wire.hang_up()
        return report

    def job_status(self, job_id: str) -> JobStatus:
        """Tells a job's progress."""
        return self._jobs.status(job_id)

    def cancel_job(self, job_id: str) -> None:
        """Starts no further image of a job."""
        self._jobs.cancel(job_id)

    def pause_job(self, job_id: str) -> None:
        """Starts no further image of a job until it is resumed."""
        self._jobs.pause(job_id)

    def resume_job(self, job_id: str) -> None:
        """Goes on with a job."""
        self._ask_who_runs(self._jobs.status(job_id).recipe)
        self._jobs.resume(job_id)

    def job_images(self, job_id: str, after: str, limit: int) -> Sequence[ImageRecord]:
        """Tells what came of a job's images."""
        return self._jobs.images(job_id, after, limit)

    def _ask_who_runs(self, recipe: Recipe) -> None:
        """Notices nodes that were started again, with functions of people's own, a moment ago."""
        if recipe.has_own_functions:
            self._watch.ask_everyone(wait_s=_NODES_WAIT_S)

    def list_jobs(self) -> Sequence[JobStatus]:
        """Tells of running and ended jobs."""
        return self._jobs.all()

    def list_nodes(self) -> Sequence[NodeStatus]:
        """Tells of all nodes, asked now."""
        self._watch.ask_everyone(wait_s=_NODES_WAIT_S)
        return self._fleet.snapshot()


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C; returns the exit code."""
    options = _parse(argv)
    script.set_up_logging(verbose=options.verbose)
    keep_one_arena()
    stop = script.stop_event(at_eof=options.stop_at_eof)
    file = MachinesFile(options.machines)
    machines = file.read()
    rng = random.Random(options.seed)
    with ExitStack() as parts:
        trace = parts.enter_context(_trace(options.trace))
        sock = parts.enter_context(wire.bind(machines.server, options.port))
        journal = parts.enter_context(closing(Journal(_state_folder(options))))
        nodes = parts.enter_context(closing(wire.NodeCaller()))
        fleet = Fleet(machines.nodes, rng, options.give_up_s)
        watch = parts.enter_context(closing(Watch(fleet, nodes.ping, nodes.abandon)))
        lists = NameLists(_state_folder(options) / "lists")
        farm = Farm(fleet, Slots(fleet.bound), nodes.call, watch.lives, journal, lists, trace, rng)
        jobs = Jobs(farm, _print_end)
        listener = wire.server_listener(ImageServer(jobs, fleet, watch), sock)
        parts.callback(listener.close, _SHUTDOWN_S)
        watch.start()
        parts.callback(jobs.close, _SHUTDOWN_S)
        jobs.start(paused=not options.resume)
        listener.start()
        script.announce(f"server listens on {listener.address}, {counted(len(machines.nodes), 'node')}")
        script.wait_for(stop, _follow(file, fleet, nodes, watch))
        script.announce("server stops: running images finish (Ctrl-C again to leave at once)")
    script.announce("server stopped")
    return script.EXIT_OK


def _follow(file: MachinesFile, fleet: Fleet, nodes: wire.NodeCaller, watch: Watch) -> Callable[[], None]:
    """What is to be done once a second: nodes join and leave as machine.txt changes."""

    def look() -> None:
        machines = file.changed()
        if machines is not None and set(machines.nodes) != set(fleet.machines()):
            fleet.set_machines(machines.nodes)
            nodes.keep(machines.nodes)
            watch.ask_everyone()
            _log.info("machine.txt has changed: %s", counted(len(machines.nodes), "node"))

    return look


def _trace(path: Path | None) -> Trace:
    try:
        return Trace(path)
    except OSError as error:
        raise UsageError(
            f"the trace {path} cannot be written: {error.strerror}; name another file"
        ) from error


def _state_folder(options: Namespace) -> Path:
    folder: Path = options.state or options.machines.absolute().parent / ".pixfarm"
    return folder


def _print_end(report: JobReport) -> None:
    skipped = f"{report.skipped} already done, " if report.skipped else ""
    line = (
        f"{time.strftime('%H:%M:%S')} job {report.job_id} {report.state.value}: "
        f"{report.done} of {report.total} images done in {report.elapsed_s:.1f} s, "
        f"{images_per_s(report):.1f} images/s, {skipped}{report.failed} failed, {report.not_done} not done, "
        f"{counted(report.rejections, 'refusal')}, {retried(report.retries)}"
    )
    script.announce(f"{line}; {report.message}" if report.message else line)


def _parse(argv: Sequence[str] | None) -> Namespace:
    parser = script.Parser(
        "The image server: has the images of a directory done by compute nodes.",
        "exit codes: 0 stopped as asked, 1 did not finish in time, 2 wrong arguments, machine.txt or state,\n"
        "            3 cannot listen or start, 130 left by a second Ctrl-C",
    )
    parser.add_listening()
    parser.add_argument(
        "--give-up-s",
        type=script.seconds,
        default=policy.NO_NODE_TIMEOUT_S,
        metavar="S",
        help="seconds without any usable node after which a job gives up (default: %(default)g)",
    )
    parser.add_argument(
        "--state",
        type=script.directory,
        metavar="DIR",
        help="where the journal of all jobs is kept (default: .pixfarm beside machine.txt)",
    )
    parser.add_argument(
        "--no-resume",
        dest="resume",
        action="store_false",
        help="leave the unfinished jobs of an earlier server paused (default: go on with them)",
    )
    parser.add_argument(
        "--trace", type=Path, metavar="FILE", help="append every decision about every image, as JSON lines"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    script.run(main)
