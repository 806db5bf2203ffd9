"""Pipelines in TOML files."""

from pathlib import Path

import pytest

from pixfarm.errors import UsageError
from pixfarm.pipeline_file import read_pipeline


def read(folder: Path, content: str) -> str:
    path = folder / "web.toml"
    path.write_text(content)
    return read_pipeline(path)


def test_each_step_is_an_operation_with_its_parameters(tmp_path: Path) -> None:
    content = """
    # for the web
    [[step]]
    op = "resize"
    width = 1600
    enlarge = true

    [[step]]
    op = "watermark"
    text = 'us, "2026"'
    opacity = 40.5

    [[step]]
    op = "flip"
    """
    assert read(tmp_path, content) == (
        'resize: width=1600, enlarge=true | watermark: text="us, \\"2026\\"", opacity=40.5 | flip'
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", 'has no steps; write [[step]] with op = "resize"'),
        ("step = []", "has no steps"),
        ("step = 3", "has no steps"),
        ("width = 3", "'width' means nothing here; write [[step]]"),
        ('[[steps]]\nop = "flip"', "'steps' means nothing here"),
        ("[[step]]\nwidth = 3", 'step 1 does not say which operation: write op = "resize"'),
        ("step = [3]", "step 1 does not say which operation"),
        ('[[step]]\nop = "flip"\n[[step]]\nop = 3', "step 2 does not say which operation"),
        ('[[step]]\nop = "resize"\nwidth = [3]', "step 1: width must be a text, a number, true or false"),
        ('[[step]]\nop = "resize"\nwidth = 2026-01-01', "step 1: width must be a text"),
        ("[[step]", "is not TOML: "),
        ('[[step]]\nop = "resize\n', "(at line 2, column 13)"),
    ],
)
def test_what_is_no_pipeline_is_told_with_its_place(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, content)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "web.toml"))


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.toml: No such file"):
        read_pipeline(tmp_path / "missing.toml")
    (tmp_path / "image.toml").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(UsageError, match="is not TOML"):
        read_pipeline(tmp_path / "image.toml")
