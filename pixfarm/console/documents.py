"""Reports, progress and nodes as JSON documents, for programs."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TextIO

from pixfarm.console.outcome import images_per_s, is_all_done
from pixfarm.console.stream import write_text
from pixfarm.model import ImageRecord, JobReport, JobStatus, NodeStatus
from pixfarm.timings import timings_of
from pixfarm.verdict import verdict


def report_document(report: JobReport) -> dict[str, object]:
    """Every field of ``report``, whether all images are done (``ok``), ``images_per_s`` and ``verdict``."""
    timings = timings_of(report)
    return {
        "ok": is_all_done(report),
        **_fields(report),
        "images_per_s": _plain(images_per_s(report)),
        "verdict": verdict(timings) if timings else "",
    }


def job_document(job: JobStatus) -> dict[str, object]:
    """Every field of ``job``, and ``images_per_s``."""
    return {**_fields(job), "images_per_s": _plain(images_per_s(job))}


def jobs_document(jobs: Sequence[JobStatus]) -> dict[str, object]:
    """Every field of every job, under ``jobs``."""
    return {"jobs": [job_document(job) for job in jobs]}


def nodes_document(nodes: Sequence[NodeStatus]) -> dict[str, object]:
    """Every field of every node, under ``nodes``."""
    return {"nodes": _plain(tuple(nodes))}


def print_document(document: Mapping[str, object], stream: TextIO | None = None) -> None:
    """Print ``document`` on ``stream``, stdout when left out; in ASCII: any name survives any stream."""
    stream = sys.stdout if stream is None else stream
    write_text(stream, json.dumps(document, indent=2, allow_nan=False) + "\n")


def print_images_document(
    job: JobStatus, records: Iterable[ImageRecord], stream: TextIO | None = None
) -> None:
    """Print one document of ``job`` and, under ``images``, a line for each of ``records`` as they come."""
    stream = sys.stdout if stream is None else stream
    write_text(stream, f'{{"job": {json.dumps(job_document(job), indent=2, allow_nan=False)},\n"images": [')
    separator = "\n"
    for record in records:
        write_text(stream, separator + json.dumps(_fields(record), allow_nan=False))
        separator = ",\n"
    write_text(stream, "\n]}\n")


def _fields(value: JobReport | JobStatus | ImageRecord) -> dict[str, object]:
    return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no such numbers
    return value
