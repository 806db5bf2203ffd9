"""Between jobs, their images and reports, and the structs of the wire contract."""

from enum import Enum
from typing import Any, TypeVar

from pixfarm import model
from pixfarm.errors import ForeignPeer, InvalidRequest
from pixfarm.wire import translate, translate_request
from pixfarm.wire.idl import ttypes
from pixfarm.wire.limits import MAX_PAGE

E = TypeVar("E", bound=Enum)

_SHARED = ("job_id", "base_path", "total", "done", "failed", "not_done", "rejections", "retries", "elapsed_s",
           "code", "message")  # fmt: skip
_OPTIONAL = {"skipped": 0, "priority": 0, "submitted_at": 0.0, "copies": 0, "flagged": 0}
_MAX_PRIORITY = 100


def spec_from_wire(base_path: object, strategy: object, options: Any) -> model.JobSpec:
    """What is asked for; an empty job id leaves the choice to the server.

    Raises:
        InvalidRequest: something is missing or out of range.
    """
    priority = options.priority or 0
    if not -_MAX_PRIORITY <= priority <= _MAX_PRIORITY:
        raise InvalidRequest(f"priority must be from {-_MAX_PRIORITY} to {_MAX_PRIORITY}, not {priority}")
    timeout_s = options.task_timeout_s
    return model.JobSpec(
        job_id=translate.identifier_from_wire("job_id", options.job_id) or "",
        base_path=translate.text_from_wire("base_path", base_path),
        strategy=translate.strategy_from_wire(strategy),
        priority=priority,
        skip_done=bool(options.skip_done),
        retry_of=translate.identifier_from_wire("retry_of", options.retry_of or None) or "",
        task_timeout_s=None if timeout_s is None else translate.timeout_from_wire(timeout_s, timeout_s),
        recipe=translate_request.recipe_from_wire(options.recipe),
        selection=translate_request.selection_from_wire(options.selection),
        output=translate_request.output_from_wire(options.output),
    )


def options_to_wire(spec: model.JobSpec) -> Any:
    """What the server is told beside base path and strategy."""
    return ttypes.JobOptions(
        job_id=spec.job_id or None,
        priority=spec.priority,
        skip_done=spec.skip_done,
        retry_of=spec.retry_of or None,
        task_timeout_s=spec.task_timeout_s,
        recipe=translate_request.recipe_to_wire(spec.recipe),
        selection=translate_request.selection_to_wire(spec.selection),
        output=translate_request.output_to_wire(spec.output),
    )


def page_size_from_wire(limit: object) -> int:
    """How many images are asked for at once.

    Raises:
        InvalidRequest: none, or more than an answer may hold.
    """
    if not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE:
        raise InvalidRequest(f"limit must be from 1 to {MAX_PAGE}, not {limit}")
    return limit


def record_to_wire(record: model.ImageRecord) -> Any:
    """What came of an image."""
    return ttypes.ImageRecord(
        filename=record.filename,
        state=ttypes.ImageState[record.state.name].value,
        node=record.node,
        attempts=record.attempts,
        refusals=record.refusals,
        seconds=record.seconds,
        bytes_written=record.bytes_written,
        code=record.code,
        message=translate.message_to_wire(record.message),
        flags=list(record.flags) or None,
        width_px=record.width_px or None,
        height_px=record.height_px or None,
    )


def record_from_wire(record: Any) -> model.ImageRecord:
    """What came of an image.

    Raises:
        ForeignPeer: the answer lacks what every image has.
    """
    if not record.filename or record.state is None:
        raise ForeignPeer("an image of the answer has no name or no state")
    return model.ImageRecord(
        filename=record.filename,
        state=_member(model.ImageState, ttypes.ImageState, record.state),
        node=record.node or "",
        attempts=record.attempts or 0,
        refusals=record.refusals or 0,
        seconds=record.seconds or 0.0,
        bytes_written=record.bytes_written or 0,
        code=record.code or "",
        message=record.message or "",
        flags=tuple(record.flags or ()),
        width_px=record.width_px or 0,
        height_px=record.height_px or 0,
    )


def report_to_wire(report: model.JobReport) -> Any:
    """The end of a job."""
    failures = [
        ttypes.Failure(filename=f.filename, code=str(f.code), message=f.message, node=f.node)
        for f in report.failures
    ]
    return ttypes.JobReport(
        **_summary_to_wire(report), failures=failures, flags=[record_to_wire(image) for image in report.flags]
    )


def status_to_wire(status: model.JobStatus) -> Any:
    """Progress of a job."""
    return ttypes.JobStatus(
        **_summary_to_wire(status), running=status.running, listing_complete=status.listing_complete
    )


def report_from_wire(report: Any) -> model.JobReport:
    """The end of a job.

    Raises:
        ForeignPeer: the answer lacks what every report has.
    """
    failures = tuple(
        model.Failure(f.filename or "", f.code or "", f.message or "", f.node or "")
        for f in report.failures or ()
    )
    flags = tuple(record_from_wire(image) for image in report.flags or ())
    return model.JobReport(**_summary_from_wire(report), failures=failures, flags=flags)


def status_from_wire(status: Any) -> model.JobStatus:
    """Progress of a job.

    Raises:
        ForeignPeer: the answer lacks what every status has.
    """
    return model.JobStatus(
        **_summary_from_wire(status),
        running=status.running or 0,
        listing_complete=bool(status.listing_complete),
    )


def _summary_to_wire(summary: model.JobSummary) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(summary, name) for name in (*_SHARED, *_OPTIONAL)}
    values["strategy"] = ttypes.Strategy[summary.strategy.name].value
    values["state"] = ttypes.JobState[summary.state.name].value
    values["recipe"] = translate_request.recipe_to_wire(summary.recipe)
    values["output"] = translate_request.output_to_wire(summary.output)
    values["nodes"] = [_node_counts_to_wire(node) for node in summary.nodes]
    return values


def _summary_from_wire(summary: Any) -> dict[str, Any]:
    values = {name: getattr(summary, name) for name in _SHARED}
    if None in values.values():
        raise ForeignPeer(f"the answer lacks {', '.join(k for k, v in values.items() if v is None)}")
    values["strategy"] = _member(model.Strategy, ttypes.Strategy, summary.strategy)
    values["state"] = _member(model.JobState, ttypes.JobState, summary.state)
    for name, default in _OPTIONAL.items():
        values[name] = getattr(summary, name) or default
    values["recipe"] = translate_request.recipe_from_wire(summary.recipe)
    values["output"] = translate_request.output_from_wire(summary.output)
    values["nodes"] = tuple(_node_counts_from_wire(node) for node in summary.nodes or ())
    return values


def _node_counts_to_wire(node: model.NodeCounts) -> Any:
    return ttypes.NodeCounts(
        name=node.name,
        done=node.done,
        refused=node.refused,
        failed=node.failed,
        mean_s=node.mean_s,
        phases=translate_request.phases_to_wire(node.phases),
    )


def _node_counts_from_wire(node: Any) -> model.NodeCounts:
    return model.NodeCounts(
        name=node.name or "",
        done=node.done or 0,
        refused=node.refused or 0,
        failed=node.failed or 0,
        mean_s=node.mean_s or 0.0,
        phases=translate_request.phases_from_wire(node.phases),
    )


def _member(enum: type[E], wire_enum: Any, number: int) -> E:
    try:
        return enum[wire_enum(number).name]
    except (ValueError, KeyError) as error:
        raise ForeignPeer(f"the server is of another version: {error}") from error
