"""Between job reports and progress and their structs of the wire contract."""

from typing import Any

from pixfarm import model
from pixfarm.errors import ForeignPeer
from pixfarm.wire.idl import ttypes

_SHARED = ("job_id", "base_path", "total", "done", "failed", "not_done", "rejections", "retries", "elapsed_s",
           "code", "message")  # fmt: skip


def report_to_wire(report: model.JobReport) -> Any:
    """The end of a job."""
    failures = [
        ttypes.Failure(filename=f.filename, code=str(f.code), message=f.message, node=f.node)
        for f in report.failures
    ]
    return ttypes.JobReport(**_summary_to_wire(report), failures=failures)


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
    return model.JobReport(**_summary_from_wire(report), failures=failures)


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
    values: dict[str, Any] = {name: getattr(summary, name) for name in _SHARED}
    values["strategy"] = ttypes.Strategy[summary.strategy.name].value
    values["state"] = ttypes.JobState[summary.state.name].value
    values["nodes"] = [
        ttypes.NodeCounts(name=n.name, done=n.done, refused=n.refused, failed=n.failed, mean_s=n.mean_s)
        for n in summary.nodes
    ]
    return values


def _summary_from_wire(summary: Any) -> dict[str, Any]:
    values = {name: getattr(summary, name) for name in _SHARED}
    if None in values.values():
        raise ForeignPeer(f"the answer lacks {', '.join(k for k, v in values.items() if v is None)}")
    try:
        values["strategy"] = model.Strategy[ttypes.Strategy(summary.strategy).name]
        values["state"] = model.JobState[ttypes.JobState(summary.state).name]
    except ValueError as error:
        raise ForeignPeer(f"the server is of another version: {error}") from error
    values["nodes"] = tuple(
        model.NodeCounts(n.name or "", n.done or 0, n.refused or 0, n.failed or 0, n.mean_s or 0.0)
        for n in summary.nodes or ()
    )
    return values
