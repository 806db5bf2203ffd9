from collections.abc import Sequence

import pytest

from pixfarm.collisions import refuse_collisions
from pixfarm.errors import InvalidRequest
from pixfarm.naming import Naming
from pixfarm.recipe import OutputFormat, Recipe
from pixfarm.request import DEFAULT_NAME, Output


def naming(
    name: str = DEFAULT_NAME, result_format: OutputFormat | None = None, pipeline: str = "edges"
) -> Naming:
    return Naming(Output(name=name), Recipe(pipeline, result_format))


@pytest.mark.parametrize("name", ["a.jpg", "b/c.d/a.JPG", "a.b.tif", "{x}.png", "README", "\udcff.png"])
def test_without_a_wish_a_result_is_called_as_its_source(name: str) -> None:
    usual = naming()
    assert usual.is_identity
    assert usual.result_of(name) == name


@pytest.mark.parametrize(
    ("template", "result_format", "source", "result"),
    [
        ("{stem}_web{ext}", None, "b/a.JPG", "b/a_web.JPG"),
        ("web {stem}{ext}", None, "a.b.png", "web a.b.png"),
        ("{stem}_{op}{ext}", None, "a.png", "a_resize-my_own.png"),
        ("{{{stem}}}{ext}", None, "{a}.png", "{{a}}.png"),
        ("{stem}{ext}", OutputFormat.JPG, "b/a.JPG", "b/a.jpg"),
        ("{stem}{ext}", OutputFormat.WEBP, "b/a.jpeg", "b/a.webp"),
        ("{stem}.jpeg", OutputFormat.JPG, "a.png", "a.jpeg"),
        ("{stem}.TIF", OutputFormat.TIFF, "a.png", "a.TIF"),
        ("{op}{ext}", OutputFormat.PNG, "b/a.jpg", "b/resize-my_own.png"),
        ("{stem}{ext}{ext}", None, "a.png", "a.png.png"),
    ],
)
def test_a_template_makes_the_names_of_results(
    template: str, result_format: OutputFormat | None, source: str, result: str
) -> None:
    chosen = naming(template, result_format, "resize: width=8 | mymodule:my_own")
    assert not chosen.is_identity
    assert chosen.result_of(source) == result


@pytest.mark.parametrize(
    ("template", "result_format", "words"),
    [
        ("", None, "must end in {ext}"),
        ("{stem}", None, "must end in {ext}: without --format"),
        ("{stem}.jpg", None, "must end in {ext}: without --format"),
        ("{ext}{stem}", None, "would hide the results"),
        ("{stem}{{ext}}", None, "must end in {ext}"),
        ("{stem}.jpg", OutputFormat.PNG, "must end in {ext} or .png: that is the format of the results"),
        ("{stem}jpg", OutputFormat.JPG, "must end in {ext} or .jpg"),
        ("{name}{ext}", None, "at character 1: found '{name}'; write {stem}, {ext} or {op}"),
        ("{stem!r}{ext}", None, "at character 1: found '{stem!r}'"),
        ("{stem.upper}{ext}", None, "at character 1: found '{stem.upper}'"),
        ("{stem:>9}{ext}", None, "at character 1: found '{stem:>9}'"),
        ("{stem}_{0}{ext}", None, "at character 8: found '{0}'"),
        ("{stem{ext}", None, "character 1: found '{'; write {stem}, {ext} or {op}, or {{ and }} for braces"),
        ("{stem}}{ext}", None, "at character 7: found '}'"),
        ("web/{stem}{ext}", None, "at character 4: found '/'; folders are those of the sources"),
        ("{stem}\n{ext}", None, r"at character 7: found '\n'; write a name without control characters"),
        ("{stem}\0{ext}", None, r"found '\x00'"),
        (".{stem}{ext}", None, "would hide the results"),
        (f"{{stem}}{201 * 'x'}{{ext}}", None, "adds 201 bytes to each name of a source, and 200 are"),
    ],
)  # fmt: skip
def test_a_wrong_template_is_told_with_what_to_write_instead(
    template: str, result_format: OutputFormat | None, words: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        naming(template, result_format)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_so_many_operations_that_no_name_could_hold_them_are_refused_at_once() -> None:
    with pytest.raises(InvalidRequest, match=r"leave \{op\} out"):
        naming("{stem}_{op}{ext}", pipeline=" | ".join(["equalize"] * 30))


def collision(chosen: Naming, names: Sequence[str], *, by_folder: bool = False) -> str:
    with pytest.raises(InvalidRequest) as caught:
        refuse_collisions(chosen, names, by_folder=by_folder)
    return str(caught.value)


@pytest.mark.parametrize("by_folder", [True, False])
def test_two_images_that_would_share_a_result_are_named(by_folder: bool) -> None:  # noqa: FBT001
    told = collision(
        naming(result_format=OutputFormat.JPG), ["c.png", "b/a.png", "b/a.tif"], by_folder=by_folder
    )
    assert told == (
        "'b/a.png' and 'b/a.tif' would both become 'b/a.jpg'; leave one out with --exclude, "
        "and do it in another job with another --name or --output"
    )


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.png", "a.tif", "a.bmp"], "and 1 more image would have the name of another"),
        (["a.png", "a.tif", "a.bmp", "b.png", "b.tif"], "and 2 more images would have"),
    ],
    ids=["one", "two"],
)
def test_how_many_more_there_are_is_told(names: list[str], words: str) -> None:
    assert words in collision(naming(result_format=OutputFormat.JPG), names)


def test_a_name_without_that_of_the_source_is_good_for_one_image_in_each_folder() -> None:
    chosen = naming("thumb{ext}")
    refuse_collisions(chosen, ["a.jpg", "b/a.jpg", "b/a.png"], by_folder=True)
    assert "put {stem} into --name" in collision(chosen, ["a.jpg", "b.jpg"])


@pytest.mark.parametrize(
    "names",
    [["a.png", "b/a.tif", "c/a.bmp"], ["a.png", "A.tif"], ["a.png", "a.png"]],
    ids=["other folders", "other case", "the same image"],
)
def test_images_that_have_results_of_their_own_are_no_collision(names: list[str]) -> None:
    refuse_collisions(naming(result_format=OutputFormat.JPG), names, by_folder=False)
