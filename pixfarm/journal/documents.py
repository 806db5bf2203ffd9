"""Specifications and summaries of jobs as JSON texts."""

import dataclasses
import json
from enum import Enum
from typing import Any

from pixfarm.errors import FailureCode, StateUnusable
from pixfarm.model import (
    Failure,
    JobReport,
    JobSpec,
    JobState,
    JobStatus,
    JobSummary,
    NodeCounts,
    Strategy,
)
from pixfarm.recipe import Recipe

_KIND = "kind"
_SUMMARIES: dict[str, type[JobSummary]] = {
    "summary": JobSummary,
    "status": JobStatus,
    "report": JobReport,
}
_KINDS = {kind: name for name, kind in _SUMMARIES.items()}


def spec_to_text(spec: JobSpec) -> str:
    """A specification as text."""
    return _dump(dataclasses.asdict(spec))


def summary_to_text(summary: JobSummary) -> str:
    """A summary, progress or report as text."""
    return _dump({_KIND: _KINDS[type(summary)], **dataclasses.asdict(summary)})


def spec_from_text(text: str) -> JobSpec:
    """The specification again.

    Raises:
        StateUnusable: the text is of another version of pixfarm.
    """
    try:
        values = json.loads(text)
        recipe = Recipe(**values.pop("recipe", {}))  # older journals have none
        return JobSpec(**{**values, "strategy": Strategy(values["strategy"]), "recipe": recipe})
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable("specification", error) from error


def summary_from_text(text: str) -> JobSummary:
    """The summary, progress or report again.

    Raises:
        StateUnusable: the text is of another version of pixfarm.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        kind = _SUMMARIES[values.pop(_KIND)]
        values["strategy"] = Strategy(values["strategy"])
        values["state"] = JobState(values["state"])
        values["recipe"] = Recipe(**values.get("recipe", {}))  # older journals have none
        values["nodes"] = tuple(NodeCounts(**node) for node in values["nodes"])
        if "failures" in values:
            values["failures"] = tuple(_failure(**failure) for failure in values["failures"])
        return kind(**values)
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable("summary", error) from error


def _failure(filename: str, code: str, message: str, node: str) -> Failure:
    known = code in FailureCode.__members__.values()
    return Failure(filename, FailureCode(code) if known else code, message, node)


def _dump(values: dict[str, Any]) -> str:
    return json.dumps(values, default=_enum_value, separators=(",", ":"))


def _enum_value(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{value!r} has no place in the journal")


def _unreadable(what: str, error: Exception) -> StateUnusable:
    return StateUnusable(
        f"the journal holds the {what} of a job that this version of pixfarm cannot read ({error}); "
        "run the version that wrote it, or give the server another state directory"
    )
