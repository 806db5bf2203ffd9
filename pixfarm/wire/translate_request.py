"""Between recipe, selection, output and phases, and the structs of the wire contract."""

import math
from typing import Any, TypeVar

from pixfarm.errors import InvalidRequest
from pixfarm.phases import NO_TIME, Phases
from pixfarm.recipe import EDGES, OutputFormat, Recipe
from pixfarm.request import ALL, BESIDE_SOURCES, DEFAULT_NAME, Output, Selection
from pixfarm.wire.idl import ttypes

T = TypeVar("T")

_MOST_OPERATIONS = 256


def recipe_to_wire(recipe: Recipe) -> Any:
    """What is to be done to images."""
    return ttypes.Recipe(
        pipeline=recipe.pipeline,
        format=recipe.format,
        quality=recipe.quality,
        strip_metadata=recipe.strip_metadata or None,
        check=recipe.check or None,
    )


def recipe_from_wire(recipe: Any) -> Recipe:
    """What is to be done to images; whether the pipeline can be is not looked at.

    Raises:
        InvalidRequest: there is no such format or quality.
    """
    if recipe is None:
        return EDGES
    if recipe.quality is not None and not 1 <= recipe.quality <= 100:
        raise InvalidRequest(f"quality must be from 1 to 100, not {recipe.quality}")
    return Recipe(
        pipeline=_or(recipe.pipeline, EDGES.pipeline),
        format=_format(recipe.format),
        quality=recipe.quality,
        strip_metadata=bool(recipe.strip_metadata),
        check=bool(recipe.check),
    )


def selection_to_wire(selection: Selection) -> Any:
    """Which images; None for all."""
    if selection == ALL:
        return None
    return ttypes.Selection(
        include_patterns=list(selection.include),
        exclude_patterns=list(selection.exclude),
        newer_than=selection.newer_than,
        limit=selection.limit,
        files_from=selection.files_from or None,
    )


def selection_from_wire(selection: Any) -> Selection:
    """Which images; whether the patterns are any is not looked at.

    Raises:
        InvalidRequest: a number is out of range.
    """
    if selection is None:
        return ALL
    if selection.limit is not None and selection.limit < 1:
        raise InvalidRequest(f"limit must be 1 or more, not {selection.limit}")
    if selection.newer_than is not None and not math.isfinite(selection.newer_than):
        raise InvalidRequest("newer_than must be a time in seconds since 1970")
    return Selection(
        include=tuple(selection.include_patterns or ()),
        exclude=tuple(selection.exclude_patterns or ()),
        newer_than=selection.newer_than,
        limit=selection.limit,
        files_from=selection.files_from or "",
    )


def output_to_wire(output: Output) -> Any:
    """Where results go."""
    return ttypes.Output(directory=output.directory or None, name=output.name)


def output_from_wire(output: Any) -> Output:
    """Where results go; whether that is possible is not looked at."""
    if output is None:
        return BESIDE_SOURCES
    return Output(output.directory or "", output.name or DEFAULT_NAME)


def phases_to_wire(phases: Phases) -> Any:
    """Where time went; None when that is not known."""
    if phases == NO_TIME:
        return None
    return ttypes.Phases(
        waiting=phases.waiting,
        sending=phases.sending,
        reading=phases.reading,
        decoding=phases.decoding,
        operations=list(phases.operations),
        encoding=phases.encoding,
        writing=phases.writing,
    )


def phases_from_wire(phases: Any) -> Phases:
    """Where time went; what makes no sense counts as nothing."""
    if phases is None:
        return NO_TIME
    return Phases(
        waiting=_seconds(phases.waiting),
        sending=_seconds(phases.sending),
        reading=_seconds(phases.reading),
        decoding=_seconds(phases.decoding),
        operations=tuple(_seconds(value) for value in (phases.operations or ())[:_MOST_OPERATIONS]),
        encoding=_seconds(phases.encoding),
        writing=_seconds(phases.writing),
    )


def _format(text: str | None) -> OutputFormat | None:
    if not text:
        return None
    try:
        return OutputFormat(text)
    except ValueError:
        raise InvalidRequest(f"format {text!r} is none of {', '.join(OutputFormat)}") from None


def _or(value: T | None, default: T) -> T:
    return default if value is None else value


def _seconds(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) and value > 0 else 0.0
