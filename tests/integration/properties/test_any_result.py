"""Names of results: for any names of sources and any template that is one."""

from hypothesis import given
from hypothesis import strategies as st

from pixfarm.naming import Naming
from pixfarm.parts import token_of
from pixfarm.recipe import OutputFormat, Recipe
from pixfarm.request import DEFAULT_NAME, Output

_LETTERS = st.sampled_from(["a", ".", "_", "A", ".jpg", "é", "\udcff", "{", "}", " "])
_NAME = st.lists(_LETTERS, min_size=1, max_size=6).map("".join).filter(lambda name: name[0] != ".")
_PATHS = st.lists(_NAME, min_size=1, max_size=3).map("/".join)
_LITERAL = st.lists(st.sampled_from(["x", "_", ".", "{{", "}}", ".jpg"]), max_size=3).map("".join)
_TEMPLATES = st.builds(
    lambda before, between: f"x{before}{{stem}}{between}{{ext}}", _LITERAL, _LITERAL
) | st.just(DEFAULT_NAME)


def naming(template: str, result_format: OutputFormat | None = None) -> Naming:
    return Naming(Output(name=template), Recipe(format=result_format))


@given(_PATHS)
def test_without_a_wish_every_result_is_called_as_its_source(name: str) -> None:
    assert naming(DEFAULT_NAME).result_of(name) == name


@given(_TEMPLATES, _PATHS, _PATHS)
def test_names_that_are_said_to_be_one_to_one_never_collide(template: str, one: str, other: str) -> None:
    chosen = naming(template)
    assert chosen.is_one_to_one
    assert (chosen.result_of(one) == chosen.result_of(other)) == (one == other)


@given(_TEMPLATES, _PATHS, st.none() | st.sampled_from(OutputFormat))
def test_a_result_stays_in_its_folder_and_is_never_hidden(
    template: str, name: str, result_format: OutputFormat | None
) -> None:
    folder, _, result = naming(template, result_format).result_of(name).rpartition("/")
    assert folder == name.rpartition("/")[0]
    assert not result.startswith(".")
    assert token_of(result) is None
