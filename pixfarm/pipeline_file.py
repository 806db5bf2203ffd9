"""A pipeline in a TOML file: for each operation a ``[[step]]`` with ``op`` and its parameters."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pixfarm.errors import UsageError
from pixfarm.pipeline_text import put_together

_LAYOUT = '[[step]] with op = "resize" and parameters like width = 1600, for each operation'


def read_pipeline(path: Path) -> str:
    """The text of the pipeline in a file; whether it can be carried out is for the server to say.

    Raises:
        UsageError: the file cannot be read, or is no pipeline; the message says where and why.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # no UTF-8, no TOML
        raise UsageError(f"{path} is not TOML: {error}") from error
    steps = document.pop("step", None)
    if document:
        raise UsageError(f"{path}: {next(iter(document))!r} means nothing here; write {_LAYOUT}")
    if not isinstance(steps, list) or not steps:
        raise UsageError(f"{path} has no steps; write {_LAYOUT}")
    return put_together(_steps(path, steps))


def _steps(path: Path, steps: list[object]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for number, step in enumerate(steps, 1):
        where = f"{path}, step {number}"
        if not isinstance(step, Mapping) or not isinstance(name := step.get("op"), str):
            raise UsageError(f'{where} does not say which operation: write op = "resize"')
        yield name, [(key, _written(where, key, value)) for key, value in step.items() if key != "op"]


def _written(where: str, key: str, value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
    raise UsageError(f"{where}: {key} must be a text, a number, true or false")
