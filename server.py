"""The image server: takes a directory from a client and has its images done by compute nodes.

Start one: python3 server.py
"""

import random
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack, closing

import pixfarm.prerequisites  # noqa: F401 - first: says in one line what is not installed
from pixfarm import script, wire
from pixfarm.console.outcome import images_per_s, retried
from pixfarm.console.text import counted
from pixfarm.dispatch import Farm
from pixfarm.fleet import Fleet
from pixfarm.jobs import Jobs
from pixfarm.machines import read_machines
from pixfarm.model import JobReport, JobStatus, NodeStatus, Strategy
from pixfarm.scheduling import policy
from pixfarm.slots import Slots
from pixfarm.watch import Watch

_NODES_WAIT_S = 3.0
_LOOK_AGAIN_S = 1.0
_SHUTDOWN_S = 10.0


class ImageServer:
    """Answers the calls of clients."""

    def __init__(self, jobs: Jobs, fleet: Fleet, watch: Watch) -> None:
        self._jobs = jobs
        self._fleet = fleet
        self._watch = watch

    def submit_request(self, base_path: str, strategy: Strategy, job_id: str | None) -> JobReport:
        """Runs a job, or attaches to it, and waits for its end or for the client to leave."""
        job = self._jobs.submit(base_path, strategy, job_id)
        self._watch.ask_everyone()
        while not job.wait(_LOOK_AGAIN_S) and not wire.is_caller_gone():
            pass
        return job.report()

    def job_status(self, job_id: str) -> JobStatus:
        """Tells a job's progress."""
        return self._jobs.get(job_id).status()

    def cancel_job(self, job_id: str) -> None:
        """Starts no further image of a job."""
        self._jobs.get(job_id).cancel("cancelled by a client")

    def list_jobs(self) -> Sequence[JobStatus]:
        """Tells of running and recently ended jobs."""
        return [job.status() for job in self._jobs.all()]

    def list_nodes(self) -> Sequence[NodeStatus]:
        """Tells of all nodes, asked now."""
        self._watch.ask_everyone(wait_s=_NODES_WAIT_S)
        return self._fleet.snapshot()


def main(argv: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C; returns the exit code."""
    options = _parse(argv)
    script.set_up_logging(verbose=options.verbose)
    stop = script.stop_event(at_eof=options.stop_at_eof)
    machines = read_machines(options.machines)
    rng = random.Random(options.seed)
    with ExitStack() as parts:
        sock = parts.enter_context(wire.bind(machines.server, options.port))
        nodes = parts.enter_context(closing(wire.NodeCaller(machines.nodes)))
        fleet = Fleet(machines.nodes, rng, options.give_up_s)
        watch = parts.enter_context(closing(Watch(fleet, nodes.ping, nodes.abandon)))
        jobs = Jobs(Farm(fleet, Slots(fleet.bound), nodes.call, rng), _print_end)
        listener = wire.server_listener(ImageServer(jobs, fleet, watch), sock)
        parts.callback(listener.close, _SHUTDOWN_S)
        watch.start()
        listener.start()
        parts.callback(jobs.close, _SHUTDOWN_S)
        script.announce(f"server listens on {listener.address}, {counted(len(machines.nodes), 'node')}")
        script.wait_for(stop)
        script.announce("server stops: running images finish (Ctrl-C again to leave at once)")
    script.announce("server stopped")
    return script.EXIT_OK


def _print_end(report: JobReport) -> None:
    line = (
        f"{time.strftime('%H:%M:%S')} job {report.job_id} {report.state.value}: "
        f"{report.done} of {report.total} images done in {report.elapsed_s:.1f} s, "
        f"{images_per_s(report):.1f} images/s, {report.failed} failed, {report.not_done} not done, "
        f"{counted(report.rejections, 'refusal')}, {retried(report.retries)}"
    )
    script.announce(f"{line}; {report.message}" if report.message else line)


def _parse(argv: Sequence[str] | None) -> Namespace:
    parser = script.Parser(
        "The image server: has the images of a directory done by compute nodes.",
        "exit codes: 0 stopped as asked, 1 did not finish in time, 2 wrong arguments or machine.txt,\n"
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
    return parser.parse_args(argv)


if __name__ == "__main__":
    script.run(main)
