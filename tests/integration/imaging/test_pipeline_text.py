"""The text of a pipeline."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixfarm.pipeline_text import MAX_CHARACTERS, BadPipeline, put_together, take_apart

Plain = list[tuple[str, list[tuple[str, str]]]]

WORDS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
FUNCTIONS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}:[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8"), max_size=10)
STEPS = st.tuples(WORDS | FUNCTIONS, st.lists(st.tuples(WORDS, VALUES), max_size=3))


def plain(text: str) -> Plain:
    return [(step.name, [(one.name, one.value) for one in step.arguments]) for step in take_apart(text)]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("edges", [("edges", [])]),
        ("resize: width=1600", [("resize", [("width", "1600")])]),
        (
            "  resize :width = 1600 ,fit=inside|flip ",
            [("resize", [("width", "1600"), ("fit", "inside")]), ("flip", [])],
        ),
        ("brightness-contrast: contrast=1.2", [("brightness-contrast", [("contrast", "1.2")])]),
        ("mine:func", [("mine:func", [])]),
        ("mine:func: k=3 | edges", [("mine:func", [("k", "3")]), ("edges", [])]),
        ("watermark: text=(c) Jane Doe", [("watermark", [("text", "(c) Jane Doe")])]),
        (r'watermark: text="a, b | \"c\" \\"', [("watermark", [("text", 'a, b | "c" \\')])]),
        ('watermark: text=""', [("watermark", [("text", "")])]),
        (
            "watermark:\n  text=Grüße,\n  opacity=0.5",
            [("watermark", [("text", "Grüße"), ("opacity", "0.5")])],
        ),
    ],
)
def test_a_pipeline_is_steps_with_arguments(text: str, steps: Plain) -> None:
    assert plain(text) == steps


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "found the end; write the name of an operation"),
        ("   ", 4, "found the end"),
        ("| edges", 1, "found '| edges'"),
        ("edges |", 8, "found the end; write the name"),
        ("resize width=3", 8, "found 'width=3'; write | before the next operation"),
        ("resize: =3", 9, "write a parameter, like width=800"),
        ("resize: width=3 height=4", 15, ""),
        ("resize: width", 0, ""),
        ("resize: width, height=3", 14, "found ', height=3' after width; write width=value"),
        (
            "resize: width= , height=3",
            16,
            'width has no value; write width=value, or width="" for an empty one',
        ),
        ("resize: width=3,", 17, "found the end; write a parameter"),
        ('text: a="b', 9, 'the value of a has no second "'),
        ('text: a="b"c', 12, "found 'c'; write | before"),
        ('text: a=b"c"', 10, "found"),
        ("x" * (MAX_CHARACTERS + 1), MAX_CHARACTERS + 1, "10,000 characters"),
    ],
)
def test_what_is_not_written_as_a_pipeline_is_refused_with_the_place(
    text: str, position: int, words: str
) -> None:
    if not words:  # read as something else, which the catalogue does not know
        assert plain(text)
        return
    with pytest.raises(BadPipeline) as caught:
        take_apart(text)
    assert words in caught.value.problem
    assert caught.value.position == position
    assert str(caught.value).startswith(f"the pipeline is wrong at character {position} (step ")


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("", 1),
        ("| edges", 1),
        ("edges |", 2),
        ("edges x", 1),
        ("edges | flip edges", 2),
        ('a: text="x | y | z" | b: c=1 | d: e=', 3),
        ("a | b | " + "x" * MAX_CHARACTERS, 3),
        ("a | b" + " " * MAX_CHARACTERS, 2),
        ("a | b: c=" + "x" * MAX_CHARACTERS + " | d", 2),
        ('a | b: c="' + "x" * MAX_CHARACTERS + '" | d', 2),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_refusal_tells_which_step_is_wrong(text: str, step: int) -> None:
    with pytest.raises(BadPipeline) as caught:
        take_apart(text)
    bad = caught.value
    assert bad.step == step
    assert str(bad) == f"the pipeline is wrong at character {bad.position} (step {step}): {bad.problem}"


def test_a_pipeline_may_be_as_long_as_it_is_allowed_to_be() -> None:
    for text in ("x" * MAX_CHARACTERS, "edges".ljust(MAX_CHARACTERS), "edges".rjust(MAX_CHARACTERS)):
        assert len(take_apart(text)) == 1
        with pytest.raises(BadPipeline, match="10,000 characters"):
            take_apart(text + " ")


def test_a_refusal_survives_the_way_between_processes() -> None:
    bad = BadPipeline(7, "wrong", 2)
    copy = pickle.loads(pickle.dumps(bad))
    assert (str(copy), vars(copy)) == (str(bad), vars(bad))


def test_everything_knows_where_it_stands() -> None:
    text = 'resize: width=1600,  fit = "inside" | flip'
    resize, flip = take_apart(text)
    assert [text[at - 1 :][:5] for at in (resize.at, flip.at)] == ["resiz", "flip"]
    assert [text[one.name_at - 1 :][:3] for one in resize.arguments] == ["wid", "fit"]
    assert [text[one.value_at - 1 :][:3] for one in resize.arguments] == ["160", '"in']


@given(st.lists(STEPS, min_size=1, max_size=4))
def test_what_is_put_together_is_taken_apart_again(steps: Plain) -> None:
    assert plain(put_together(iter(steps))) == steps


@given(st.text(max_size=40) | st.text('ab:=,| "\\\n', max_size=20))
def test_any_text_is_a_pipeline_or_refused(text: str) -> None:
    position = None
    try:
        steps = plain(text)
    except BadPipeline as bad:
        position = bad.position
    if position is None:
        assert plain(put_together(iter(steps))) == steps
    else:
        assert 1 <= position <= len(text) + 1
