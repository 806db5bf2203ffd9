"""Dry runs and proofs, printed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from pixfarm.console.stream import write_line
from pixfarm.console.text import count, counted, duration, size
from pixfarm.model import NodeHealth, NodeStatus
from pixfarm.preview import DryRun, Prediction, Survey

_SIZES_SHOWN = 4
_PROBLEMS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a job before it is run.

    Args:
        base_path: its base path.
        pipeline: what would be done, in words.
        results: where results would go, in words.
        dry_run: what was found.
        nodes: as the server sees them; None when it could not be asked.
        no_nodes: why it could not.
        unlisted: folders that cannot be listed.
        skip_done: whether images that are done already would be passed over, which only the server knows.
    """

    base_path: str
    pipeline: str
    results: str
    dry_run: DryRun
    nodes: Sequence[NodeStatus] | None
    no_nodes: str = ""
    unlisted: tuple[str, ...] = ()
    skip_done: bool = False


def print_outlook(outlook: Outlook, stream: TextIO | None = None) -> None:
    """Print what a job is about and would take on ``stream``, stdout when left out."""
    stream = sys.stdout if stream is None else stream
    write_line(stream, f"dry run of {outlook.base_path}: nothing is written, no image is sent")
    write_line(stream, "")
    print_facts(outlook_facts(outlook), stream)
    for line in _problem_lines(outlook.dry_run):
        write_line(stream, line)


def print_facts(facts: Sequence[tuple[str, str]], stream: TextIO | None = None) -> None:
    """Print labels and values, a line each."""
    stream = sys.stdout if stream is None else stream
    width = max(len(label) for label, _ in facts)
    for label, value in facts:
        write_line(stream, f"  {label:<{width}}  {value}")


def outlook_facts(outlook: Outlook) -> list[tuple[str, str]]:
    """Labels and values, in the order of interest."""
    dry_run = outlook.dry_run
    facts = survey_facts(dry_run.survey)
    if outlook.unlisted:
        facts.append(("unlisted", f"folders that cannot be listed: {', '.join(outlook.unlisted)}"))
    if outlook.skip_done:
        facts.append(("done", "not known here; the server passes over those that are"))
    if dry_run.sizes:
        facts.append(("sizes", _sizes(dry_run)))
    facts += [("pipeline", outlook.pipeline), ("results", outlook.results)]
    workers = usable_workers(outlook.nodes or ())
    if dry_run.prediction is None:
        why = "not tried here; --proof 10 has some done by the nodes" if not dry_run.tried else ""
        facts += [("disk", f"{size(dry_run.free_bytes)} free where results go; {why}")]
    else:
        basis = f"by {counted(dry_run.tried, 'image')} tried here"
        facts += prediction_facts(dry_run.prediction, dry_run.free_bytes, workers, basis)
    return [*facts, ("nodes", _nodes(outlook))]


def survey_facts(survey: Survey) -> list[tuple[str, str]]:
    """Images, bytes and kinds."""
    folders = f" in {counted(survey.folders, 'folder')}" if survey.folders > 1 else ""
    facts = [("images", f"{count(survey.images)}{folders}, {size(survey.bytes)}")]
    if survey.missing:
        facts.append(("missing", f"{count(survey.missing)}, such as {', '.join(survey.missing_examples)}"))
    kinds = sorted(survey.kinds.items(), key=lambda item: -item[1].images)
    if kinds:
        words = [f"{name or '(none)'} {count(kind.images)} ({size(kind.bytes)})" for name, kind in kinds]
        facts.append(("kinds", ", ".join(words)))
    return facts


def prediction_facts(
    prediction: Prediction, free_bytes: int, workers: int, basis: str
) -> list[tuple[str, str]]:
    """What a whole job will take of disk and time; ``basis`` is from what that is known."""
    wanted = round(prediction.result_bytes)
    fits = "" if wanted < free_bytes else ": TOO LITTLE"
    disk = f"about {size(wanted)} of results ({basis}); {size(free_bytes)} free there{fits}"
    work = f"about {duration(prediction.work_s)} of one worker"
    if workers:
        work += f", {duration(prediction.work_s / workers)} of the {counted(workers, 'worker')} that are up"
    return [("disk", disk), ("time", work)]


def usable_workers(nodes: Sequence[NodeStatus]) -> int:
    """Workers of nodes that get images."""
    return sum(node.workers for node in nodes if node.health is NodeHealth.UP and not node.draining)


def outlook_document(outlook: Outlook) -> dict[str, object]:
    """The same for programs."""
    dry_run, prediction = outlook.dry_run, outlook.dry_run.prediction
    survey = dry_run.survey
    return {
        "base_path": outlook.base_path,
        "pipeline": outlook.pipeline,
        "results": outlook.results,
        "images": survey.images,
        "folders": survey.folders,
        "bytes": survey.bytes,
        "missing": survey.missing,
        "unlisted": list(outlook.unlisted),
        "kinds": {name: {"images": kind.images, "bytes": kind.bytes} for name, kind in survey.kinds.items()},
        "looked_at": dry_run.looked_at,
        "sizes": [{"width_px": w, "height_px": h, "images": number} for (w, h), number in dry_run.sizes],
        "problems": [{"filename": name, "message": message} for name, message in dry_run.problems],
        "tried": dry_run.tried,
        "predicted_bytes": None if prediction is None else round(prediction.result_bytes),
        "predicted_work_s": None if prediction is None else prediction.work_s,
        "free_bytes": dry_run.free_bytes,
        "nodes": None if outlook.nodes is None else [_node_document(node) for node in outlook.nodes],
    }


def _sizes(dry_run: DryRun) -> str:
    shown = [f"{w} x {h} ({number})" for (w, h), number in dry_run.sizes[:_SIZES_SHOWN]]
    others = len(dry_run.sizes) - len(shown)
    more = f" and {counted(others, 'other size')}" if others else ""
    return f"{', '.join(shown)}{more}, of {dry_run.looked_at} opened"


def _nodes(outlook: Outlook) -> str:
    if outlook.nodes is None:
        return f"not known: {outlook.no_nodes}"
    up = [node for node in outlook.nodes if node.health is NodeHealth.UP and not node.draining]
    names = ", ".join(f"{node.name} ({node.workers})" for node in up)
    others = "".join(f"; {node.name} is {node.health.value}" for node in outlook.nodes if node not in up)
    return f"{len(up)} of {len(outlook.nodes)} up{f': {names}' if names else ''}{others}"


def _problem_lines(dry_run: DryRun) -> list[str]:
    if not dry_run.problems:
        return []
    number = len(dry_run.problems)
    lines = ["", f"{number} of {dry_run.looked_at} images that were opened cannot be done:"]
    lines += [f"  {name}: {message}" for name, message in dry_run.problems[:_PROBLEMS_SHOWN]]
    return lines + ([f"  and {number - _PROBLEMS_SHOWN} more"] if number > _PROBLEMS_SHOWN else [])


def _node_document(node: NodeStatus) -> dict[str, object]:
    return {"name": node.name, "health": node.health.value, "workers": node.workers}
