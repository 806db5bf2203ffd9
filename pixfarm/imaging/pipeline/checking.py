"""A written pipeline checked against the catalogue: names, parameters, values."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pixfarm.imaging.colours import Colour
from pixfarm.imaging.operations.declaration import Operation, Parameter
from pixfarm.imaging.pipeline.text import Argument, BadPipeline, WrittenStep, put_together, take_apart

MAX_STEPS = 50
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")


@dataclass(frozen=True, slots=True)
class Step:
    """One operation with its arguments; those left out have their defaults.

    Args:
        operation: of the catalogue; None for a function of one's own, which a node looks up by ``name``.
        name: as it is written.
        arguments: by name; of a function of one's own numbers and truth values where they look like these.
        written: the arguments as text.
    """

    operation: Operation | None
    name: str
    arguments: Mapping[str, object]
    written: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What is done to each image, in this order."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return put_together((step.name, list(step.written)) for step in self.steps)


def parse(text: str, catalogue: Mapping[str, Operation]) -> Pipeline:
    """A pipeline that can be carried out.

    Raises:
        BadPipeline: it cannot; the message says where, what is allowed, and what may have been meant.
    """
    written = take_apart(text)
    if len(written) > MAX_STEPS:
        raise BadPipeline(written[MAX_STEPS].at, f"a pipeline may have {MAX_STEPS} operations")
    return Pipeline(tuple(_step(step, catalogue) for step in written))


def _step(written: WrittenStep, catalogue: Mapping[str, Operation]) -> Step:
    _refuse_twice(written.arguments)
    texts = tuple((argument.name, argument.value) for argument in written.arguments)
    operation = catalogue.get(written.name)
    if operation is None:
        if ":" not in written.name or written.name.partition(":")[0] in catalogue:
            raise BadPipeline(written.at, _unknown_operation(written.name, catalogue))
        values: dict[str, object] = {name: _guessed(value) for name, value in texts}
        return Step(None, written.name, values, texts)
    parameters = {parameter.name: parameter for parameter in operation.parameters}
    values = {}
    for argument in written.arguments:
        if argument.name not in parameters:
            raise BadPipeline(argument.name_at, _unknown_parameter(argument.name, operation))
        values[argument.name] = _value(argument, parameters[argument.name])
    missing = [name for name, known in parameters.items() if not known.is_optional and name not in values]
    if missing:
        raise BadPipeline(
            written.at, f"{operation.name} needs {missing[0]}; write {operation.name}: {missing[0]}=..."
        )
    return Step(operation, operation.name, values, texts)


def _refuse_twice(arguments: Iterable[Argument]) -> None:
    seen: set[str] = set()
    for argument in arguments:
        if argument.name in seen:
            raise BadPipeline(argument.name_at, f"{argument.name} is given twice; leave one out")
        seen.add(argument.name)


def _unknown_operation(name: str, catalogue: Mapping[str, Operation]) -> str:
    builtin, _, parameter = name.partition(":")
    if parameter:
        return f"{builtin} is an operation and {parameter} has no value; write {builtin}: {parameter}=..."
    hint = _meant(name, catalogue)
    return f"there is no operation {name!r}{hint}; client.py --list-ops shows them, file:function is your own"


def _unknown_parameter(name: str, operation: Operation) -> str:
    names = [parameter.name for parameter in operation.parameters]
    if not names:
        return f"{operation.name} has no parameters; leave {name} out"
    return f"{operation.name} has no parameter {name!r}{_meant(name, names)}; it has {', '.join(names)}"


def _meant(word: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(word.lower(), list(known), 1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""


def _value(argument: Argument, parameter: Parameter) -> object:
    try:
        value = _converted(argument.value, parameter)
    except ValueError as error:
        raise BadPipeline(argument.value_at, f"{parameter.name}: {error}") from None
    return value


def _converted(text: str, parameter: Parameter) -> object:
    kind = parameter.kind
    if kind is bool:
        return _truth(text)
    if kind is int or kind is float:
        return _number(text, parameter)
    if kind is Colour:
        return Colour.parse(text)
    if issubclass(kind, StrEnum):
        choices = [str(choice) for choice in kind]
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}{_meant(text, choices)}")
        return kind(text)
    return text


def _truth(text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() in _TRUE


def _number(text: str, parameter: Parameter) -> int | float:
    declared = parameter.declared
    what = "a whole number" if parameter.kind is int else "a number"
    pattern, read = (_WHOLE, int) if parameter.kind is int else (_NUMBER, float)
    if not pattern.fullmatch(text):
        unit = f" (in {declared.unit}, written without it)" if declared.unit else ""
        raise ValueError(f"{text!r} is not {what}{unit}")
    value: int | float = read(text)
    least = -math.inf if declared.least is None else declared.least
    most = math.inf if declared.most is None else declared.most
    if not least <= value <= most or not math.isfinite(value):
        raise ValueError(f"{text} is not {what} from {least:g} to {most:g}")
    return value


def _guessed(text: str) -> object:
    """The value that a text stands for where no declaration says so."""
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text.lower() == "true" if text.lower() in {"true", "false"} else text
