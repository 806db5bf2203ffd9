"""How an operation declares itself: its name, what each parameter may be, and one line of help for both.

An operation is a plain function from an image to a new one. Its parameters are declared where they are
defined, behind a ``*``, as ``Annotated[float, Declared("standard deviation", "px", 0.1, 100)]``; the first
line of its docstring is its help. What is wrong with several parameters together is for its
check to say, which is called when a pipeline is parsed.
"""

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Union, get_args, get_origin, get_type_hints

from pixfarm.imaging.colours import Colour
from pixfarm.imaging.operations.sampling import Sampling
from pixfarm.imaging.pixels import Pixels

_KINDS = (bool, int, float, str, Colour)


@dataclass(frozen=True, slots=True)
class Declared:
    """What an annotation says of a parameter beside its type.

    Args:
        help: one line.
        unit: of a number; empty when it has none.
        least: smallest number that is allowed.
        most: largest one.
        odd: whether only odd numbers are allowed.
    """

    help: str
    unit: str = ""
    least: float | None = None
    most: float | None = None
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation.

    Args:
        name: as it is written in a pipeline.
        kind: bool, int, float, str, Colour, or a StrEnum whose values are the choices.
        default: its value when it is left out; None when it then has none, which ``is_optional`` allows.
        is_optional: whether it may be left out.
        declared: what else is known of it.
    """

    name: str
    kind: type
    default: object
    is_optional: bool
    declared: Declared


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the catalogue.

    Args:
        name: as it is written in a pipeline.
        function: does it; does not change the image that it gets.
        parameters: in the order of its definition.
        help: one line.
        check: called with all arguments; raises ValueError, with what to write, for those that do not go
            together in any image.
        example: arguments that show it.
        sampling: of an operation that makes a part of the image another size and does nothing else: called
            with (width, height) of an image and all arguments, says which part and what size. The image may
            then be decoded to a fraction of its size.
        sees_grey: it looks at brightness (BT.601) alone. The image may then be decoded without its colours.
    """

    name: str
    function: Callable[..., Pixels]
    parameters: tuple[Parameter, ...]
    help: str
    check: Callable[..., None] | None = None
    example: str = ""
    sampling: Callable[..., Sampling] | None = None
    sees_grey: bool = False

    def with_defaults(self, arguments: Mapping[str, object]) -> dict[str, object]:
        """All arguments: those given, and the defaults of the others."""
        return {known.name: known.default for known in self.parameters} | dict(arguments)

    @property
    def usage(self) -> str:
        """The example as a pipeline."""
        return f"{self.name}: {self.example}" if self.example else self.name


CATALOGUE: dict[str, Operation] = {}


def operation(
    name: str,
    check: Callable[..., None] | None = None,
    *,
    example: str = "",
    sampling: Callable[..., Sampling] | None = None,
    sees_grey: bool = False,
) -> Callable[[Callable[..., Pixels]], Callable[..., Pixels]]:
    """Puts a function into the catalogue under a name, with what else is known of it; see Operation.

    Raises:
        TypeError: its parameters are not declared as they must be.
    """

    def enter(function: Callable[..., Pixels]) -> Callable[..., Pixels]:
        if name in CATALOGUE:
            raise TypeError(f"there are two operations called {name}")
        found = operation_of(name, function, check)
        CATALOGUE[name] = replace(found, example=example, sampling=sampling, sees_grey=sees_grey)
        return function

    return enter


def operation_of(
    name: str, function: Callable[..., Pixels], check: Callable[..., None] | None = None
) -> Operation:
    """What a function declares itself to be.

    Raises:
        TypeError: its parameters are not declared as they must be.
    """
    first_line = inspect.cleandoc(function.__doc__ or "").partition("\n")[0]
    return Operation(name, function, _parameters(function), first_line, check)


def _parameters(function: Callable[..., Pixels]) -> tuple[Parameter, ...]:
    hints = get_type_hints(function, include_extras=True)
    _image, *rest = inspect.signature(function).parameters.values()
    return tuple(_parameter(defined, hints[defined.name]) for defined in rest)


def _parameter(defined: inspect.Parameter, hint: object) -> Parameter:
    where = f"parameter {defined.name}"
    if defined.kind is not inspect.Parameter.KEYWORD_ONLY:
        raise TypeError(f"{where} must be behind the *")
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{where} must be Annotated[type, Declared(...)]")
    kind, declared = get_args(hint)
    if get_origin(kind) in {Union, types.UnionType}:  # such as int | None
        (kind,) = (part for part in get_args(kind) if part is not types.NoneType)
    if not (kind in _KINDS or issubclass(kind, StrEnum)):
        raise TypeError(f"{where} cannot be a {kind}")
    is_optional = defined.default is not inspect.Parameter.empty
    return Parameter(defined.name, kind, defined.default if is_optional else None, is_optional, declared)
