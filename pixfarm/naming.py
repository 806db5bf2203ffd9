"""What results are called."""

import os
import re

from pixfarm.errors import InvalidRequest
from pixfarm.pipeline_text import take_apart
from pixfarm.recipe import OutputFormat, Recipe
from pixfarm.request import DEFAULT_NAME, Output

_FIELD = re.compile(r"\{(stem|ext|op)\}")
_PIECE = re.compile(rf"{_FIELD.pattern}|\{{\{{|\}}\}}|[^{{}}/\x00-\x1f\x7f-\x9f]")
_WRONG = re.compile(r"\{[^{}]*\}|.", re.DOTALL)
_EXTENSIONS = {OutputFormat.JPG: (".jpg", ".jpeg"), OutputFormat.TIFF: (".tiff", ".tif")}
# A file's name may have 255 bytes: what is the same in all of them leaves something for the source's.
_MAX_FIXED_BYTES = 200


class Naming:
    """The names of the results of one job; the folders of the sources are kept.

    Args:
        output: holds the template.
        recipe: gives the extension, when it gives a format, and the names of the operations.

    Raises:
        InvalidRequest: results cannot be called so; the message says what to write instead.
    """

    def __init__(self, output: Output, recipe: Recipe) -> None:
        self._template = output.name
        self._format = recipe.format
        self._fields = _fields(output.name)
        _check_ends(output.name, self._fields, recipe.format)
        self._op = _operations(recipe.pipeline) if "op" in self._fields else ""
        self._check_length()

    @property
    def is_identity(self) -> bool:
        """Whether each result is called as its source."""
        return self._template == DEFAULT_NAME and self._format is None

    @property
    def is_one_to_one(self) -> bool:
        """Whether sources of different names cannot have results of the same name."""
        # Extensions hold one dot and end the name, so that it can be told what the stem was.
        return self._format is None and all(self._fields.count(field) == 1 for field in ("stem", "ext"))

    @property
    def tells_sources_apart(self) -> bool:
        """Whether the source's own name is part of the result's."""
        return "stem" in self._fields

    def result_of(self, filename: str) -> str:
        """The path of a source's result, both relative to their directory."""
        folder, slash, name = filename.rpartition("/")
        stem, extension = os.path.splitext(name)  # noqa: PTH122 - of a name, once for each of millions
        if self._format is not None:
            extension = f".{self._format}"
        return folder + slash + self._template.format(stem=stem, ext=extension, op=self._op)

    def _check_length(self) -> None:
        fixed = self._template.format(stem="", ext="", op=self._op)
        size = len(os.fsencode(fixed))
        if size > _MAX_FIXED_BYTES:
            way_out = "leave {op} out" if self._op else "shorten it"
            raise InvalidRequest(
                f"the name {self._template!r} adds {size} bytes to each name of a source, "
                f"and {_MAX_FIXED_BYTES} are allowed; {way_out}"
            )


def _fields(template: str) -> list[str]:
    """The placeholders in the order in which they stand there."""
    fields, at = [], 0
    while at < len(template):
        piece = _PIECE.match(template, at)
        if piece is None:
            raise _wrong_at(template, at)
        fields += [piece[1]] if piece[1] else []
        at = piece.end()
    return fields


def _wrong_at(template: str, at: int) -> InvalidRequest:
    found = _WRONG.match(template, at)
    assert found is not None
    if found[0] == "/":
        advice = "folders are those of the sources, below --output; write a name without /"
    elif found[0][0] in "{}":
        advice = "write {stem}, {ext} or {op}, or {{ and }} for braces"
    else:
        advice = "write a name without control characters"
    return InvalidRequest(
        f"the name {template!r} is wrong at character {at + 1}: found {found[0]!r}; {advice}"
    )


def _check_ends(template: str, fields: list[str], result_format: OutputFormat | None) -> None:
    if template.startswith((".", "{ext}")):
        raise InvalidRequest(
            f"the name {template!r} would hide the results; begin it with {{stem}} or a letter"
        )
    if fields[-1:] == ["ext"] and template.endswith("{ext}"):
        return
    if result_format is None:
        raise InvalidRequest(
            f"the name {template!r} must end in {{ext}}: without --format, results have that of their sources"
        )
    extensions = _EXTENSIONS.get(result_format, (f".{result_format}",))
    if not template.lower().endswith(extensions):
        raise InvalidRequest(
            f"the name {template!r} must end in {{ext}} or {extensions[0]}: that is the format of the results"
        )


def _operations(pipeline: str) -> str:
    """The names of the operations; of a function of a person's own, that without its module's."""
    return "-".join(step.name.rpartition(":")[2] for step in take_apart(pipeline))
