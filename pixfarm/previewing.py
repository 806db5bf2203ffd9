"""What the client does before a job is run: it shows a dry run, or has a proof made and shows that."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from pixfarm import console, request_options
from pixfarm.console.previews import Outlook, outlook_document, print_facts, print_outlook
from pixfarm.errors import PeerError
from pixfarm.model import ImageRecord, JobReport, JobSpec, NodeStatus
from pixfarm.preview import write_sheet
from pixfarm.proof import Proof, as_list
from pixfarm.rehearsal import Rehearsal
from pixfarm.spooled_list import SpooledList
from pixfarm.submission import results_seen_here


class Server(Protocol):
    """The calls of wire.ServerCaller that are needed here."""

    def list_nodes(self) -> Sequence[NodeStatus]:
        """Tells of all nodes."""

    def job_images(self, job_id: str, after: str = "") -> Sequence[ImageRecord]:
        """Tells what came of a job's images."""


# Has a job done and returns its report; what it is given beside the job is to be called when it has begun.
CarryOut = Callable[[JobSpec, Callable[[], None]], JobReport]


def show_dry_run(server: Server, spec: JobSpec, *, json: bool) -> bool:
    """Prints what a job is about and would take; whether the server could be asked for its nodes.

    Raises:
        InvalidRequest: it would be refused, or its images cannot be seen from here.
    """
    with _list_read_here(spec) as readable:
        rehearsal = Rehearsal(readable)
        dry_run = rehearsal.dry_run()
    nodes, no_nodes = _nodes(server)
    outlook = Outlook(
        base_path=spec.base_path,
        pipeline=str(rehearsal.spec.recipe),
        results=f"{rehearsal.tree.target}, called {spec.output.name}",
        dry_run=dry_run,
        nodes=nodes,
        no_nodes=no_nodes,
        unlisted=tuple(rehearsal.unlisted),
        skip_done=spec.skip_done,
    )
    if json:
        console.print_document(outlook_document(outlook))
    else:
        print_outlook(outlook)
    return nodes is not None


def make_proof(server: Server, spec: JobSpec, number: int, carry_out: CarryOut) -> Proof:
    """Has some images of a job done, and writes the contact sheet, if any was.

    Raises:
        InvalidRequest: it would be refused, it has no images, or they cannot be seen from here.
    """
    with _list_read_here(spec) as readable:
        rehearsal = Rehearsal(readable)
        survey, files = rehearsal.choose(number)
    with SpooledList(results_seen_here(spec), spec.job_id, as_list(files)) as listed:
        proof_spec = rehearsal.proof_spec(listed.path)
        report = carry_out(proof_spec, listed.remove)
    records = {record.filename: record for record in server.job_images(spec.job_id)}
    proof = Proof(rehearsal, proof_spec, survey, files, records, report)
    if report.done:
        nodes, _ = _nodes(server)
        write_sheet(proof.sheet(nodes or ()), proof.sheet_path)
    return proof


def show_proof(server: Server, proof: Proof, *, json: bool, quiet: bool) -> None:
    """Prints what a proof tells of the whole job."""
    nodes = _nodes(server)[0] or ()
    if json:
        console.print_document(proof.document(nodes))
    elif not proof.report.done or (quiet and console.exit_code(proof.report)):
        console.print_report(proof.report, sys.stderr if quiet else None)
    elif not quiet:
        console.print_report(proof.report)
        console.print_line("")
        console.print_line("what that tells of all:")
        console.print_line("")
        print_facts([*proof.facts(nodes), ("look at", str(proof.sheet_path))])
        console.print_line("")
        console.print_line("the same command without --proof does all")


@contextmanager
def _list_read_here(spec: JobSpec) -> Iterator[JobSpec]:
    """The job with a list of its own to read, when its list comes by standard input."""
    if spec.selection.files_from != request_options.STDIN:
        yield spec
        return
    with (
        tempfile.TemporaryDirectory(prefix="pixfarm-") as folder,
        SpooledList(Path(folder), spec.job_id) as listed,
    ):
        yield replace(spec, selection=replace(spec.selection, files_from=str(listed.path)))


def _nodes(server: Server) -> tuple[Sequence[NodeStatus] | None, str]:
    try:
        return server.list_nodes(), ""
    except PeerError as error:
        return None, str(error)
