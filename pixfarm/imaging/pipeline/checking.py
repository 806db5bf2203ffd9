"""A written pipeline checked against the catalogue: names, parameters, values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pixfarm.errors import UsageError
from pixfarm.imaging.colours import Colour
from pixfarm.imaging.operations.declaration import Operation, Parameter
from pixfarm.imaging.pipeline.hints import meant
from pixfarm.imaging.pipeline.literals import NUMBER, WHOLE, truth
from pixfarm.imaging.pipeline.own_steps import OwnStep, own_step
from pixfarm.pipeline_text import WrittenStep, put_together, take_apart

MAX_STEPS = 50


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of the catalogue with its arguments; those left out have their defaults.

    Args:
        operation: of the catalogue.
        arguments: by name.
        written: the arguments as text.
    """

    operation: Operation
    arguments: Mapping[str, object]
    written: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """As it is written in a pipeline."""
        return self.operation.name


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What is done to each image, in this order."""

    steps: tuple[Step | OwnStep, ...]

    def __str__(self) -> str:
        return put_together((step.name, list(step.written)) for step in self.steps)


def find_operation(name: str, catalogue: Mapping[str, Operation]) -> Operation:
    """The operation of that name.

    Raises:
        UsageError: there is none; the message says what may have been meant.
    """
    if name not in catalogue:
        raise UsageError(_unknown_operation(name, catalogue))
    return catalogue[name]


def parse(text: str, catalogue: Mapping[str, Operation]) -> Pipeline:
    """A pipeline that can be carried out.

    Raises:
        BadPipeline: it cannot; the message says where, what is allowed, and what may have been meant.
    """
    written = take_apart(text)
    if len(written) > MAX_STEPS:
        raise written[MAX_STEPS].bad(f"a pipeline may have {MAX_STEPS} operations")
    return Pipeline(tuple(_step(step, catalogue) for step in written))


def _step(written: WrittenStep, catalogue: Mapping[str, Operation]) -> Step | OwnStep:
    _refuse_twice(written)
    texts = tuple((argument.name, argument.value) for argument in written.arguments)
    module, colon, _ = written.name.partition(":")
    if colon and module not in catalogue:
        return own_step(written)
    if written.name not in catalogue:
        raise written.bad(_unknown_operation(written.name, catalogue))
    operation = catalogue[written.name]
    return Step(operation, _arguments(written, operation), texts)


def _refuse_twice(written: WrittenStep) -> None:
    seen: set[str] = set()
    for argument in written.arguments:
        if argument.name in seen:
            raise written.bad(f"{argument.name} is given twice; leave one out", argument.name_at)
        seen.add(argument.name)


def _arguments(written: WrittenStep, operation: Operation) -> dict[str, object]:
    """The values of what is written."""
    parameters = {parameter.name: parameter for parameter in operation.parameters}
    values = {}
    for argument in written.arguments:
        if argument.name not in parameters:
            raise written.bad(_unknown_parameter(argument.name, operation), argument.name_at)
        try:
            values[argument.name] = _converted(argument.value, parameters[argument.name])
        except ValueError as error:
            raise written.bad(f"{argument.name}: {error}", argument.value_at) from None
    missing = [name for name, known in parameters.items() if not known.is_optional and name not in values]
    if missing:
        raise written.bad(f"{operation.name} needs {missing[0]}; write {operation.name}: {missing[0]}=...")
    _refuse_together(written, operation, values)
    return values


def _refuse_together(written: WrittenStep, operation: Operation, values: Mapping[str, object]) -> None:
    if operation.check is None:
        return
    everything = {known.name: known.default for known in operation.parameters} | dict(values)
    try:
        operation.check(**everything)
    except ValueError as error:
        raise written.bad(f"{operation.name}: {error}") from None


def _unknown_operation(name: str, catalogue: Mapping[str, Operation]) -> str:
    builtin, _, parameter = name.partition(":")
    if parameter and builtin in catalogue:
        return f"{builtin} is an operation and {parameter} has no value; write {builtin}: {parameter}=..."
    hint = meant(name, catalogue)
    return f"there is no operation {name!r}{hint}; client.py --list-ops shows them"


def _unknown_parameter(name: str, operation: Operation) -> str:
    names = [parameter.name for parameter in operation.parameters]
    if not names:
        return f"{operation.name} has no parameters; leave {name} out"
    return f"{operation.name} has no parameter {name!r}{meant(name, names)}; it has {', '.join(names)}"


def _converted(text: str, parameter: Parameter) -> object:
    kind = parameter.kind
    if kind is bool:
        return truth(text)
    if kind is int or kind is float:
        return _number(text, parameter)
    if kind is Colour:
        return Colour.parse(text)
    if issubclass(kind, StrEnum):
        choices = [str(choice) for choice in kind]
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}{meant(text, choices)}")
        return kind(text)
    return text


def _number(text: str, parameter: Parameter) -> int | float:
    declared = parameter.declared
    is_whole = parameter.kind is int
    what = "an odd number" if declared.odd else "a whole number" if is_whole else "a number"
    pattern, read = (WHOLE, int) if is_whole else (NUMBER, float)
    if not pattern.fullmatch(text):
        unit = f" (in {declared.unit}, written without it)" if declared.unit else ""
        raise ValueError(f"{text!r} is not {what}{unit}")
    value: int | float = read(text)
    least = -math.inf if declared.least is None else declared.least
    most = math.inf if declared.most is None else declared.most
    if not least <= value <= most or not math.isfinite(value):
        raise ValueError(f"{text} is not {what} from {least:g} to {most:g}")
    if declared.odd and value % 2 == 0:
        nearest = (str(odd) for odd in (value - 1, value + 1) if least <= odd <= most)
        raise ValueError(f"{text} is even; write {' or '.join(nearest)}")
    return value
