"""Specifications and summaries of jobs as JSON texts."""

import dataclasses
import json
from enum import Enum
from typing import Any

from pixfarm.errors import FailureCode, StateUnusable
from pixfarm.model import (
    Failure,
    ImageRecord,
    ImageState,
    JobReport,
    JobSpec,
    JobState,
    JobStatus,
    JobSummary,
    NodeCounts,
    Strategy,
)
from pixfarm.phases import Phases
from pixfarm.recipe import Recipe
from pixfarm.request import Output, Selection

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
        values: dict[str, Any] = json.loads(text)
        values["strategy"] = Strategy(values["strategy"])
        values["recipe"] = Recipe.of(values.get("recipe", {}))  # older journals have none
        values["selection"] = _selection(values.get("selection", {}))
        values["output"] = Output(**values.get("output", {}))
        return JobSpec(**values)
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
        values["recipe"] = Recipe.of(values.get("recipe", {}))  # older journals have none
        values["output"] = Output(**values.get("output", {}))
        values["nodes"] = tuple(_node_counts(node) for node in values["nodes"])
        if "failures" in values:
            values["failures"] = tuple(_failure(**failure) for failure in values["failures"])
        if "flags" in values:
            values["flags"] = tuple(_record(**record) for record in values["flags"])
        return kind(**values)
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable("summary", error) from error


def _selection(values: dict[str, Any]) -> Selection:
    patterns: dict[str, Any] = {name: tuple(values.get(name, ())) for name in ("include", "exclude")}
    return Selection(**{**values, **patterns})


def _node_counts(values: dict[str, Any]) -> NodeCounts:
    phases = values.get("phases", {})  # older journals have none
    operations = tuple(phases.get("operations", ()))
    return NodeCounts(**{**values, "phases": Phases(**{**phases, "operations": operations})})


def _failure(filename: str, code: str, message: str, node: str) -> Failure:
    known = code in FailureCode.__members__.values()
    return Failure(filename, FailureCode(code) if known else code, message, node)


def _record(*, state: str, flags: list[str], **values: Any) -> ImageRecord:  # noqa: ANN401 - of JSON
    return ImageRecord(state=ImageState(state), flags=tuple(flags), **values)


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
