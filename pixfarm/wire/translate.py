"""Between the values of pixfarm and the structs of the wire contract; strict about what comes in."""

import math
import re
from typing import Any

from pixfarm import errors, model
from pixfarm.errors import ForeignPeer, InvalidRequest
from pixfarm.wire import translate_request
from pixfarm.wire.idl import ttypes

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MAX_TIMEOUT_S = 3600.0
_MAX_WORKERS = 1024
_MAX_DELAY_S = 86_400.0
_MAX_MESSAGE_CHARACTERS = 2000  # of up to four bytes: within the limit on strings

_STRATEGIES = {
    ttypes.Strategy.RANDOM.value: model.Strategy.RANDOM,
    ttypes.Strategy.LOAD_BALANCING.value: model.Strategy.LOAD_BALANCING,
}
_JOB_STATES = {ttypes.JobState[state.name].value: state for state in model.JobState}
_HEALTHS = {ttypes.NodeHealth[health.name].value: health for health in model.NodeHealth}
_REASONS = {ttypes.RejectReason[reason.name].value: reason for reason in errors.RejectReason}
_NUMBERS = {value: number for table in (_STRATEGIES, _JOB_STATES, _HEALTHS, _REASONS)
            for number, value in table.items()}  # fmt: skip


def strategy_from_wire(number: object) -> model.Strategy:
    """The strategy of a request.

    Raises:
        InvalidRequest: there is no such strategy.
    """
    strategy = _STRATEGIES.get(number) if isinstance(number, int) else None
    if strategy is None:
        known = ", ".join(f"{number} ({name.name})" for number, name in _STRATEGIES.items())
        raise InvalidRequest(f"strategy {number!r} is unknown; there are {known}")
    return strategy


def identifier_from_wire(name: str, value: object) -> str | None:
    """An id chosen by the caller, or None when it chose none.

    Raises:
        InvalidRequest: it has characters that do not belong into an id.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidRequest(f"{name} must be 1 to 64 of A-Z a-z 0-9 _ -")
    return value


def text_from_wire(name: str, value: object) -> str:
    """A string that a request must have.

    Raises:
        InvalidRequest: it is missing or empty.
    """
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{name} is missing")
    return value


def timeout_from_wire(value: object, default_s: float) -> float:
    """A timeout in seconds.

    Raises:
        InvalidRequest: it is no useful number.
    """
    if value is None:
        return default_s
    if not isinstance(value, float) or not math.isfinite(value) or not 0 < value <= _MAX_TIMEOUT_S:
        raise InvalidRequest(f"timeout_s must be greater than 0 and at most {_MAX_TIMEOUT_S:g}")
    return value


def source_dir_from_wire(value: object) -> str | None:
    """Where a task's sources are below its base path, or None when the node is to find that out.

    Raises:
        InvalidRequest: it is neither of the two places where sources can be.
    """
    if value not in (None, "", model.INPUT_DIR):
        raise InvalidRequest(f"source_dir must be {model.INPUT_DIR!r} or empty")
    return value


def strategy_to_wire(strategy: model.Strategy) -> int:
    """The number of a strategy."""
    return int(_NUMBERS[strategy])


def options_to_wire(task: model.Task) -> Any:
    """What a node is told beside the two paths."""
    return ttypes.TaskOptions(
        attempt_id=task.attempt_id,
        timeout_s=task.timeout_s,
        source_dir=task.source_dir,
        recipe=translate_request.recipe_to_wire(task.recipe),
        output_dir=task.output_dir or None,
        result=task.result or None,
    )


def message_to_wire(message: str) -> str:
    """A message for a person; where the caller would not accept its length, without the middle of it.

    It may quote a path of any length, and say what is wrong with it before or behind.
    """
    half = _MAX_MESSAGE_CHARACTERS // 2
    return message if len(message) <= 2 * half else f"{message[:half]}…{message[1 - half :]}"


def result_to_wire(result: model.TaskResult) -> Any:
    """A node's answer."""
    return ttypes.TaskResult(
        attempt_id=result.attempt_id,
        waited_s=result.waited_s,
        worked_s=result.worked_s,
        width_px=result.width_px,
        height_px=result.height_px,
        bytes_written=result.bytes_written,
        source_bytes=result.source_bytes,
        source_mtime_ns=result.source_mtime_ns,
        result_mtime_ns=result.result_mtime_ns,
        pipeline=result.pipeline,
        phases=translate_request.phases_to_wire(result.phases),
        flags=list(result.flags) or None,
    )


def result_from_wire(result: Any, task: model.Task) -> model.TaskResult:
    """A node's answer to a task.

    Raises:
        ForeignPeer: it answers another question.
    """
    if result.attempt_id != task.attempt_id:
        raise ForeignPeer(f"answered attempt {result.attempt_id!r}, asked for {task.attempt_id!r}")
    return model.TaskResult(
        attempt_id=result.attempt_id,
        waited_s=result.waited_s or 0.0,
        worked_s=result.worked_s or 0.0,
        width_px=result.width_px or 0,
        height_px=result.height_px or 0,
        bytes_written=result.bytes_written or 0,
        source_bytes=result.source_bytes or 0,
        source_mtime_ns=result.source_mtime_ns or 0,
        result_mtime_ns=result.result_mtime_ns or 0,
        pipeline=result.pipeline or "",
        phases=translate_request.phases_from_wire(result.phases),
        flags=tuple(result.flags or ()),
    )


def rejection_to_wire(rejection: errors.TaskRejected) -> Any:
    """A refusal."""
    return ttypes.TaskRejected(
        reason=_NUMBERS[rejection.reason],
        load_probability=rejection.load_probability,
        retry_after_s=rejection.retry_after_s,
    )


def rejection_from_wire(rejection: Any) -> errors.TaskRejected:
    """A refusal; a reason this version does not know counts as load.

    Raises:
        ForeignPeer: its load probability is none.
    """
    p = rejection.load_probability or 0.0
    if not 0 <= p <= 1:  # not a number fails this, too
        raise ForeignPeer(f"refused with a load probability of {p}")
    reason = _REASONS.get(rejection.reason, errors.RejectReason.LOAD)
    return errors.TaskRejected(reason, p, rejection.retry_after_s or 0.0)


def failure_from_wire(failed: Any) -> errors.TaskFailed:
    """A node's failure; a code this version does not know counts as INTERNAL."""
    known = failed.code in errors.FailureCode.__members__
    code = errors.FailureCode[failed.code] if known else errors.FailureCode.INTERNAL
    message = failed.message or "no reason given"
    return errors.TaskFailed(code, message if known else f"{failed.code}: {message}")


def node_to_wire(status: model.NodeStatus) -> Any:
    """A node's state."""
    return ttypes.NodeStatus(
        name=status.name,
        host=status.host,
        port=status.port,
        load_probability=-1.0 if status.load_probability is None else status.load_probability,
        workers=status.workers,
        in_flight=status.in_flight,
        draining=status.draining,
        done=status.done,
        refused=status.refused,
        failed=status.failed,
        health=_NUMBERS[status.health],
        message=status.message,
        version=status.version,
        delay_s=status.delay_s,
        fault=message_to_wire(status.fault),
        started_at=status.started_at,
        unwritable=list(status.unwritable),
        runs_code=status.runs_code,
    )


def node_from_wire(status: Any) -> model.NodeStatus:
    """A node's state.

    Raises:
        ForeignPeer: the answer lacks what every node tells, or no node could be like that.
    """
    if not status.name or (not status.workers and status.health in {None, ttypes.NodeHealth.UP.value}):
        raise ForeignPeer("the status names no node or no workers")
    workers, delay_s = status.workers or 0, status.delay_s or 0.0
    if not (0 <= workers <= _MAX_WORKERS and 0 <= delay_s <= _MAX_DELAY_S):
        raise ForeignPeer(f"the status tells of {workers} workers and a delay of {delay_s:g} s")
    p = status.load_probability
    return model.NodeStatus(
        name=status.name,
        host=status.host or "",
        port=status.port or 0,
        load_probability=p if p is not None and 0 <= p <= 1 else None,
        workers=workers,
        in_flight=status.in_flight or 0,
        draining=bool(status.draining),
        done=status.done or 0,
        refused=status.refused or 0,
        failed=status.failed or 0,
        health=_HEALTHS.get(status.health, model.NodeHealth.UP),
        message=status.message or "",
        version=status.version or "",
        delay_s=delay_s,
        fault=status.fault or "",
        started_at=status.started_at or 0.0,
        unwritable=tuple(status.unwritable or ()),
        runs_code=bool(status.runs_code),
    )
