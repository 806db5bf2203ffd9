"""Pipelines against a catalogue."""

from enum import StrEnum
from typing import Annotated

import pytest

from pixfarm.imaging.colours import Colour
from pixfarm.imaging.operations.declaration import Declared, Operation, operation_of
from pixfarm.imaging.pipeline.checking import MAX_STEPS, Pipeline, parse
from pixfarm.imaging.pipeline.text import BadPipeline
from pixfarm.imaging.pixels import Pixels


class Fit(StrEnum):
    INSIDE = "inside"
    COVER = "cover"


def resize(
    image: Pixels,
    *,
    width: Annotated[int | None, Declared("of the result", "px", 1, 65_500)] = None,
    scale: Annotated[float | None, Declared("of both sides", "", 0.001, 100.0)] = None,
    fit: Annotated[Fit, Declared("how")] = Fit.INSIDE,
    enlarge: Annotated[bool, Declared("whether it may become larger")] = False,
    background: Annotated[Colour, Declared("of what is added")] = Colour(0, 0, 0),  # noqa: B008 - frozen
) -> Pixels:
    """Changes the size."""
    return image


def watermark(image: Pixels, *, text: Annotated[str, Declared("what to write")]) -> Pixels:
    """Writes a text."""
    return image


def edges(image: Pixels) -> Pixels:
    """Draws edges."""
    return image


CATALOGUE: dict[str, Operation] = {
    function.__name__: operation_of(function.__name__, function) for function in (resize, watermark, edges)
}


def arguments(text: str) -> dict[str, object]:
    (step,) = parse(text, CATALOGUE).steps
    return dict(step.arguments)


def refusal(text: str) -> tuple[int, str]:
    with pytest.raises(BadPipeline) as caught:
        parse(text, CATALOGUE)
    return caught.value.position, caught.value.problem


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("edges", {}),
        ("resize: width=1600", {"width": 1600}),
        ("resize: scale=0.5", {"scale": 0.5}),
        ("resize: scale=5e-1", {"scale": 0.5}),
        ("resize: fit=cover", {"fit": Fit.COVER}),
        ("resize: enlarge=yes", {"enlarge": True}),
        ("resize: enlarge=Off", {"enlarge": False}),
        ("resize: background=#f00", {"background": Colour(255, 0, 0)}),
        ("resize: background=transparent", {"background": Colour(0, 0, 0, 0)}),
        ("watermark: text=12", {"text": "12"}),
        ("mine:func: k=3, x=0.5, on=true, name=a b", {"k": 3, "x": 0.5, "on": True, "name": "a b"}),
    ],
)
def test_values_have_the_type_that_is_declared(text: str, values: dict[str, object]) -> None:
    found = arguments(text)
    assert found == values
    assert [type(value) for value in found.values()] == [type(value) for value in values.values()]


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        (
            "edges | resiz: width=3",
            9,
            "there is no operation 'resiz' (did you mean resize?); client.py --list-ops",
        ),
        ("qqq", 1, "there is no operation 'qqq'; client.py --list-ops"),
        (
            "resize: widht=3",
            9,
            "resize has no parameter 'widht' (did you mean width?); it has width, scale, fit,",
        ),
        ("edges: low=3", 8, "edges has no parameters; leave low out"),
        ("resize: width=3, width=4", 18, "width is given twice; leave one out"),
        ("resize: width", 1, "resize is an operation and width has no value; write resize: width=..."),
        ("watermark", 1, "watermark needs text; write watermark: text=..."),
        ("resize: width=wide", 15, "width: 'wide' is not a whole number (in px, written without it)"),
        ("resize: width=80px", 15, "width: '80px' is not a whole number (in px, written without it)"),
        ("resize: width=1_0", 15, "width: '1_0' is not a whole number"),
        ("resize: width=0", 15, "width: 0 is not a whole number from 1 to 65500"),
        ("resize: width=1.5", 15, "width: '1.5' is not a whole number"),
        ("resize: scale=nan", 15, "scale: 'nan' is not a number"),
        ("resize: scale=inf", 15, "scale: 'inf' is not a number"),
        ("resize: scale=100.1", 15, "scale: 100.1 is not a number from 0.001 to 100"),
        ("resize: fit=insde", 13, "fit: 'insde' is none of inside, cover (did you mean inside?)"),
        ("resize: enlarge=maybe", 17, "enlarge: 'maybe' is neither true nor false"),
        ("resize: background=pinkish", 20, "background: 'pinkish' is no colour; write #rgb,"),
        ("|".join(["edges"] * (MAX_STEPS + 1)), 6 * MAX_STEPS + 1, "a pipeline may have 50 operations"),
    ],
)
def test_a_wrong_pipeline_is_refused_with_the_place_and_what_is_allowed(
    text: str, position: int, problem: str
) -> None:
    found_at, found = refusal(text)
    assert (found_at, found[: len(problem)]) == (position, problem)


def test_a_pipeline_as_text_is_read_as_the_same() -> None:
    text = 'resize: width=1600, fit=cover | watermark: text="a, b" | mine:func: k=3 | edges'
    pipeline = parse(text, CATALOGUE)
    assert str(pipeline) == text
    assert parse(str(pipeline), CATALOGUE) == pipeline
    assert isinstance(pipeline, Pipeline)
