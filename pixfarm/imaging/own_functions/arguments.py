"""The arguments of a function of people's own: from the text of a pipeline to what the function takes."""

import inspect
import math
from collections.abc import Callable, Iterable

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.pipeline.hints import meant
from pixfarm.imaging.pipeline.literals import NUMBER, WHOLE, truth
from pixfarm.imaging.pipeline.own_steps import OwnStep

_TAKES_IMAGE = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_ANY_NUMBER = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def arguments(step: OwnStep, function: Callable[..., object]) -> dict[str, object]:
    """The values of a step's arguments, by name.

    They are what the parameter's annotation says, if that is int, float, bool or str. Else what looks like a
    whole number, a number, true or false is that, and the rest is text.

    Raises:
        TaskFailed: NO_CODE, the function cannot be called with them; the message says why.
    """
    parameters = _parameters(step, function)
    known = {parameter.name: parameter for parameter in parameters if parameter.kind in _BY_NAME}
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
    values = {}
    for name, text in step.written:
        if name not in known and not takes_any:
            raise _no_code(_unknown(step, name, known))
        try:
            values[name] = _value(text, known[name].annotation if name in known else None)
        except ValueError as error:
            raise _no_code(f"{step.name}: {name}: {error}") from None
    for parameter in parameters:
        is_needed = parameter.default is inspect.Parameter.empty and parameter.kind not in _ANY_NUMBER
        if is_needed and parameter.name not in values:
            raise _no_code(f"{step.name} needs {parameter.name}; write {step.name}: {parameter.name}=...")
    return values


def _parameters(step: OwnStep, function: Callable[..., object]) -> list[inspect.Parameter]:
    """All of them, but for the image."""
    try:
        image, *rest = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # it has none, or is written in C and does not tell
        raise _no_code(_takes_no_image(step)) from None
    if image.kind not in _TAKES_IMAGE:
        raise _no_code(_takes_no_image(step))
    return rest


def _takes_no_image(step: OwnStep) -> str:
    return f"{step.name} does not take an image; write def {step.function}(image, *, k=3)"


def _unknown(step: OwnStep, name: str, known: Iterable[str]) -> str:
    names = list(known)
    if not names:
        return f"{step.name} has no parameters; leave {name} out"
    return f"{step.name} has no parameter {name!r}{meant(name, names)}; it has {', '.join(names)}"


def _value(text: str, annotation: object) -> object:
    # Under `from __future__ import annotations` it is the name of the type.
    match getattr(annotation, "__name__", annotation):
        case "int":
            return _whole(text)
        case "float":
            return _number(text)
        case "bool":
            return truth(text)
        case "str":
            return text
    for read in (_whole, _number, {"true": True, "false": False}.__getitem__):
        try:
            return read(text)
        except (ValueError, KeyError):
            continue
    return text


def _whole(text: str) -> int:
    if not WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _number(text: str) -> float:
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a number")
    return value


def _no_code(message: str) -> TaskFailed:
    return TaskFailed(FailureCode.NO_CODE, message)
