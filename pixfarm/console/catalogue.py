"""The catalogue of operations, printed."""

import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TextIO

from pixfarm.console.sheet import Column, Sheet
from pixfarm.console.stream import can_draw, write_line
from pixfarm.console.text import counted
from pixfarm.imaging import Operation, Parameter

_KINDS = {bool: "true or false", int: "whole number", float: "number", str: "text"}
_COLOUR = "colour, like white, #ff8800 or #ff880080"


def print_operations(catalogue: Mapping[str, Operation], stream: TextIO | None = None) -> None:
    """Print name and purpose of every operation on ``stream``, stdout when left out."""
    operations = [catalogue[name] for name in sorted(catalogue)]
    sheet = Sheet.of([Column("operation", style="bold"), Column("what it does")], map(_row, operations))
    end = "client.py --describe-op NAME tells the parameters of one"
    _print([f"{counted(len(operations), 'operation')}:"], sheet, [end], stream)


def print_operation(operation: Operation, stream: TextIO | None = None) -> None:
    """Print what is known of an operation on ``stream``, stdout when left out."""
    head = [f"{operation.name}: {operation.help}"]
    sheet = parameters_sheet(operation) if operation.parameters else None
    _print(head, sheet, [f'for example: client.py --op "{operation.usage}"'], stream)


def parameters_sheet(operation: Operation) -> Sheet:
    """A row for each parameter of an operation."""
    columns = [Column("parameter", style="bold"), Column("value"), Column("default"), Column("meaning")]
    return Sheet.of(columns, map(_parameter_row, operation.parameters))


def operations_document(operations: Sequence[Operation]) -> dict[str, object]:
    """Operations and their parameters for programs, under ``operations``."""
    return {
        "operations": [
            {
                "name": operation.name,
                "help": operation.help,
                "example": operation.usage,
                "parameters": [_parameter_document(parameter) for parameter in operation.parameters],
            }
            for operation in operations
        ]
    }


def _print(head: Sequence[str], sheet: Sheet | None, tail: Sequence[str], stream: TextIO | None) -> None:
    stream = sys.stdout if stream is None else stream
    if can_draw(stream):
        # Rich takes 25 ms to import: only who sees it waits for it.
        from pixfarm.console.drawing import console_on  # noqa: PLC0415
        from pixfarm.console.drawn_catalogue import draw_catalogue  # noqa: PLC0415

        draw_catalogue(head, sheet, tail, console_on(stream))
        return
    table = [f"  {line}" for line in sheet.lines()] if sheet else []
    for line in [*head, *table, *tail]:
        write_line(stream, line)


def _row(operation: Operation) -> tuple[str, str]:
    return operation.name, operation.help


def _parameter_row(parameter: Parameter) -> tuple[str, str, str, str]:
    return parameter.name, _value(parameter), _default(parameter), parameter.declared.help


def _value(parameter: Parameter) -> str:
    if issubclass(parameter.kind, StrEnum):
        return ", ".join(parameter.kind)
    words = _KINDS.get(parameter.kind, _COLOUR)
    declared = parameter.declared
    if declared.odd:
        words = f"odd {words}"
    if declared.least is not None and declared.most is not None:
        words += f", {declared.least:g} to {declared.most:g}"
    return f"{words} {declared.unit}".rstrip()


def _default(parameter: Parameter) -> str:
    if not parameter.is_optional:
        return "(needed)"
    match parameter.default:
        case None | "":
            return "-"
        case bool(value):
            return str(value).lower()
        case float(value):
            return f"{value:g}"
        case value:
            return str(value)


def _parameter_document(parameter: Parameter) -> dict[str, object]:
    declared, kind = parameter.declared, parameter.kind
    return {
        "name": parameter.name,
        "type": "choice" if issubclass(kind, StrEnum) else kind.__name__.lower(),
        "choices": list(kind) if issubclass(kind, StrEnum) else None,
        "unit": declared.unit,
        "least": declared.least,
        "most": declared.most,
        "odd": declared.odd,
        "needed": not parameter.is_optional,
        "default": None if parameter.default is None else _default(parameter),
        "help": declared.help,
    }
