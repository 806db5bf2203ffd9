"""Pipelines against a catalogue."""

from enum import StrEnum
from typing import Annotated

import pytest

from pixfarm.imaging.colours import Colour
from pixfarm.imaging.operations.declaration import Declared, Operation, operation_of
from pixfarm.imaging.pipeline.checking import MAX_STEPS, Pipeline, Step, parse
from pixfarm.imaging.pipeline.own_steps import OwnStep
from pixfarm.imaging.pixels import Pixels
from pixfarm.pipeline_text import BadPipeline


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


def check_median(*, size: int, weight: int, fit: Fit) -> None:
    if weight > size:
        raise ValueError(f"weight={weight} must not be above size={size}")
    if fit is Fit.COVER and weight != 7:
        raise ValueError("fit=cover needs weight=7")


def median(
    image: Pixels,
    *,
    size: Annotated[int, Declared("of the window", "px", 3, 51, odd=True)] = 3,
    weight: Annotated[int, Declared("of the middle", "", 0, 100)],
    fit: Annotated[Fit, Declared("how")] = Fit.INSIDE,
) -> Pixels:
    """Takes medians."""
    return image


def edges(image: Pixels) -> Pixels:
    """Draws edges."""
    return image


CATALOGUE: dict[str, Operation] = {
    function.__name__: operation_of(function.__name__, function) for function in (resize, watermark, edges)
} | {"median": operation_of("median", median, check_median)}


def arguments(text: str) -> dict[str, object]:
    (step,) = parse(text, CATALOGUE).steps
    assert isinstance(step, Step)
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
        ("median: size=51, weight=0", {"size": 51, "weight": 0}),
        ("median: weight=3", {"weight": 3}),
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
        ("resize:crop: width=3", 1, "resize is an operation and crop has no value; write resize: crop=..."),
        ("edges | my-code:f", 9, "my-code.py cannot be a Python module; name the file like my_code.py"),
        ("class:f", 1, "class.py cannot be a Python module; name the file like class_.py"),
        ("mine:lambda", 1, "lambda is a word of Python; name the function like lambda_"),
        ("mine:_f", 1, "_f is private to mine.py; call a function whose name begins with a letter"),
        ("mine:f: a=1, k-3=2", 14, "k-3 cannot be a parameter in Python; name it like k_3"),
        ("mine:f: if=2", 9, "if cannot be a parameter in Python; name it like if_"),
        ("mine:f: k=1, k=2", 14, "k is given twice; leave one out"),
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
        ("median: weight=0, size=4", 24, "size: 4 is even; write 3 or 5"),
        ("median: weight=0, size=50", 24, "size: 50 is even; write 49 or 51"),
        ("median: weight=0, size=2", 24, "size: 2 is not an odd number from 3 to 51"),
        ("median: weight=0, size=52", 24, "size: 52 is not an odd number from 3 to 51"),
        ("median: weight=0, size=3.0", 24, "size: '3.0' is not an odd number (in px, written without it)"),
        ("median: weight=4", 1, "median: weight=4 must not be above size=3"),
        ("edges | median: weight=8, size=7", 9, "median: weight=8 must not be above size=7"),
        ("median: weight=3, fit=cover", 1, "median: fit=cover needs weight=7"),
        ("|".join(["edges"] * (MAX_STEPS + 1)), 6 * MAX_STEPS + 1, "a pipeline may have 50 operations"),
    ],
)
def test_a_wrong_pipeline_is_refused_with_the_place_and_what_is_allowed(
    text: str, position: int, problem: str
) -> None:
    found_at, found = refusal(text)
    assert (found_at, found[: len(problem)]) == (position, problem)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("resiz | edges", 1),
        ("edges | resiz", 2),
        ("edges | edges | resize: widht=3", 3),
        ('watermark: text="|" | resize: width=3, width=4', 2),
        ("edges | resize: width | edges", 2),
        ("edges | watermark | edges", 2),
        ("edges | resize: width=wide | edges", 2),
        ("edges | median: weight=4 | resize: width=0", 2),
        ("edges | median: weight=2, weight=3", 2),
        ("|".join(["edges"] * (MAX_STEPS + 2)), MAX_STEPS + 1),
    ],
)
def test_a_refusal_tells_which_step_is_wrong(text: str, step: int) -> None:
    with pytest.raises(BadPipeline, match=rf"\(step {step}\)") as caught:
        parse(text, CATALOGUE)
    assert caught.value.step == step


def test_what_is_left_out_is_checked_and_not_added() -> None:
    assert arguments("median: weight=3") == {"weight": 3}
    assert str(parse("median: weight=3", CATALOGUE)) == "median: weight=3"


def test_a_function_of_peoples_own_is_kept_as_it_is_written() -> None:
    pipeline = parse('edges|mine : f:k = 3 ,text="a, b"|mine:g', CATALOGUE)
    assert pipeline.steps[1:] == (
        OwnStep("mine", "f", (("k", "3"), ("text", "a, b"))),
        OwnStep("mine", "g", ()),
    )
    assert str(pipeline) == 'edges | mine:f: k=3, text="a, b" | mine:g'
    assert parse(str(pipeline), CATALOGUE) == pipeline


def test_a_pipeline_as_text_is_read_as_the_same() -> None:
    text = 'resize: width=1600, fit=cover | watermark: text="a, b" | edges'
    pipeline = parse(text, CATALOGUE)
    assert str(pipeline) == text
    assert parse(str(pipeline), CATALOGUE) == pipeline
    assert isinstance(pipeline, Pipeline)
