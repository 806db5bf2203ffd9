from pathlib import Path

import pytest

from pixfarm.client_options import Mode, parse
from pixfarm.errors import InvalidRequest
from pixfarm.recipe import OutputFormat, Recipe
from pixfarm.recipes import checked


def complaint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that such arguments are answered with."""
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("command", "recipe"),
    [
        ("--op blur --format webp", Recipe("blur", format=OutputFormat.WEBP)),
        ("--op blur --quality 1", Recipe("blur", quality=1)),
        ("--op blur --quality 100", Recipe("blur", quality=100)),
        ("--op blur --strip-metadata", Recipe("blur", strip_metadata=True)),
        ("--op blur --check", Recipe("blur", check=True)),
        ("--format jpg", Recipe("keep", format=OutputFormat.JPG)),
        ("--quality 80", Recipe("keep", quality=80)),
        ("--strip-metadata", Recipe("keep", strip_metadata=True)),
        ("--check", Recipe("edges", check=True)),
        (
            "--format avif --quality 60 --strip-metadata --check",
            Recipe("keep", OutputFormat.AVIF, 60, strip_metadata=True, check=True),
        ),
    ],
)
def test_what_results_are_like_is_part_of_the_recipe(command: str, recipe: Recipe) -> None:
    assert parse(command.split()).recipe == recipe


def test_what_results_are_like_goes_with_a_pipeline_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "web.toml"
    path.write_text('step = [{op = "blur"}]')
    recipe = parse(["--pipeline", str(path), "--format", "png"]).recipe
    assert recipe == Recipe("blur", format=OutputFormat.PNG)


@pytest.mark.parametrize("name", list(OutputFormat))
def test_every_format_of_the_contract_can_be_asked_for(name: str) -> None:
    assert parse(["--format", name]).recipe == Recipe("keep", format=OutputFormat(name))


@pytest.mark.parametrize("name", ["gif", "jp2", ".png", ""])
def test_another_format_is_answered_with_those_there_are(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = complaint([f"--format={name}"], capsys)
    assert f"{name!r} is none of jpg, png, webp, tiff, bmp, avif" in line


@pytest.mark.parametrize(
    ("text", "name"), [("jpeg", "jpg"), ("JPG", "jpg"), ("tif", "tiff"), ("WebP", "webp")]
)
def test_a_format_has_the_names_that_people_give_it(text: str, name: str) -> None:
    assert parse(["--format", text]).recipe == Recipe("keep", format=OutputFormat(name))


@pytest.mark.parametrize("value", ["0", "101", "-1", "9.5", "95%", "", "٣"])
def test_a_quality_is_a_whole_number_of_the_range(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = complaint([f"--quality={value}"], capsys)
    assert "is not a whole number from 1 to 100" in line


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("--retry-failed j --format png", "with --format say --op or --pipeline as well"),
        ("--retry-failed j --quality 9 --check", "with --quality and --check say --op or --pipeline as well"),
        ("--attach j --strip-metadata", "--attach submits nothing, so --strip-metadata would be ignored"),
        ("--resume j --format png", "--resume submits nothing, so --format would be ignored"),
        ("--report j --check", "--report shows the images and leaves, so --check would be ignored"),
        ("--jobs --quality 9", "--jobs shows the jobs and leaves, so --quality would be ignored"),
    ],
)
def test_what_would_be_ignored_or_is_half_said_is_refused(
    command: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in complaint(command.split(), capsys)


def test_a_job_to_retry_may_be_given_another_recipe_as_a_whole() -> None:
    options = parse(["--retry-failed", "j", "--op", "flip", "--format", "png"])
    assert (options.mode, options.recipe) == (Mode.RETRY, Recipe("flip", format=OutputFormat.PNG))


def test_a_job_to_retry_is_done_as_it_was_when_nothing_is_said() -> None:
    assert parse(["--retry-failed", "j"]).recipe is None


@pytest.mark.parametrize("name", [OutputFormat.PNG, OutputFormat.TIFF, OutputFormat.BMP])
def test_a_server_refuses_a_quality_for_formats_without_one(name: OutputFormat) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checked(Recipe(format=name, quality=80))
    assert str(caught.value) == f"{name} is lossless and has no quality; leave --quality out"


@pytest.mark.parametrize("name", [None, OutputFormat.JPG, OutputFormat.WEBP, OutputFormat.AVIF])
def test_a_server_takes_a_quality_for_formats_that_have_one(name: OutputFormat | None) -> None:
    recipe = Recipe(format=name, quality=80)
    assert checked(recipe) == recipe
