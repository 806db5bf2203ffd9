"""The text of a pipeline, like ``resize: width=1600, fit=inside | sharpen: amount=0.6``, taken apart.

A pipeline is steps with ``|`` between them. A step is a name, and behind ``:`` its arguments, ``name=value``
with ``,`` between them. The name is a word, or two with ``:`` between them. A value is any characters but
``,``, ``|`` and ``"``; or, in double quotes, any at all, where a backslash stands before ``"`` and before a
backslash.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pixfarm.errors import InvalidRequest

MAX_CHARACTERS = 10_000
_KEPT = 64  # jobs go on at the same time, but never so many

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_FUNCTION = re.compile(r"\s*:\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?=[:|]|$)")
_BARE = re.compile(r"[^,|\"]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_NEEDS_QUOTES = re.compile(r'[,|"\\]|^\s|\s$|^$')


class BadPipeline(InvalidRequest):
    """A pipeline cannot be carried out as it is written.

    Args:
        position: of the first wrong character, from 1 on.
        problem: what is wrong and what to write instead.
        step: which of the steps it is in, from 1 on.
    """

    def __init__(self, position: int, problem: str, step: int = 1) -> None:
        super().__init__(position, problem, step)
        self.position = position
        self.problem = problem
        self.step = step

    def __str__(self) -> str:
        return f"the pipeline is wrong at character {self.position} (step {self.step}): {self.problem}"


@dataclass(frozen=True, slots=True)
class Argument:
    """One ``name=value`` as it is written; positions count characters from 1 on."""

    name: str
    value: str
    name_at: int
    value_at: int


@dataclass(frozen=True, slots=True)
class WrittenStep:
    """One step as it is written; ``number`` counts steps, ``at`` characters, both from 1 on."""

    name: str
    arguments: tuple[Argument, ...]
    at: int
    number: int

    def bad(self, problem: str, at: int | None = None) -> BadPipeline:
        """The error to raise for it, or for what stands there in it."""
        return BadPipeline(self.at if at is None else at, problem, self.number)


def take_apart(text: str) -> list[WrittenStep]:
    """The steps of a pipeline.

    Raises:
        BadPipeline: it is not written as a pipeline is.
    """
    reader = _Reader(text)
    steps = [reader.step()]
    while reader.takes("|"):
        steps.append(reader.step())
    if not reader.is_at_end:
        raise reader.bad(f"found {reader.rest()}; write | before the next operation, or , before a parameter")
    return steps


@lru_cache(_KEPT)
def own_functions(text: str) -> tuple[str, ...]:
    """The functions of people's own that a pipeline calls, as ``module:function``.

    None when it cannot be read as a pipeline: who carries it out says what is wrong.
    """
    try:
        return tuple(step.name for step in take_apart(text) if ":" in step.name)
    except BadPipeline:
        return ()


def put_together(steps: Iterator[tuple[str, list[tuple[str, str]]]]) -> str:
    """The text of a pipeline, the shortest that take_apart() reads as the same."""
    return " | ".join(
        name + (": " if values else "") + ", ".join(f"{key}={_written(value)}" for key, value in values)
        for name, values in steps
    )


def _written(value: str) -> str:
    if not _NEEDS_QUOTES.search(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._number = 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._text)

    def bad(self, problem: str) -> BadPipeline:
        return BadPipeline(self._at + 1, problem, self._number)

    def rest(self) -> str:
        return repr(self._text[self._at : self._at + 20]) if not self.is_at_end else "the end"

    def takes(self, character: str) -> bool:
        if not self._text.startswith(character, self._at):
            return False
        self._go_to(self._at + 1)
        return True

    def step(self) -> WrittenStep:
        self._number += 1
        self._go_to(self._at)
        at = self._at + 1
        name = self._word("the name of an operation")
        if function := _FUNCTION.match(self._text, self._at):
            name = f"{name}:{function[1]}"
            self._go_to(function.end())
        arguments = [self._argument()] if self.takes(":") else []
        while arguments and self.takes(","):
            arguments.append(self._argument())
        return WrittenStep(name, tuple(arguments), at, self._number)

    def _argument(self) -> Argument:
        name_at = self._at + 1
        name = self._word("a parameter, like width=800")
        if not self.takes("="):
            raise self.bad(f"found {self.rest()} after {name}; write {name}=value")
        value_at = self._at + 1
        return Argument(name, self._value(name), name_at, value_at)

    def _word(self, what: str) -> str:
        found = _WORD.match(self._text, self._at)
        if found is None:
            raise self.bad(f"found {self.rest()}; write {what}")
        self._go_to(found.end())
        return found[0]

    def _value(self, name: str) -> str:
        if self._text.startswith('"', self._at):
            quoted = _QUOTED.match(self._text, self._at)
            if quoted is None:
                raise self.bad(
                    f'the value of {name} has no second "; inside of one, write \\" for " and \\\\ for \\'
                )
            self._go_to(quoted.end())
            return re.sub(r"\\(.)", r"\1", quoted[1])
        bare = _BARE.match(self._text, self._at)
        assert bare is not None
        self._go_to(bare.end())
        value = bare[0].rstrip()
        if not value:
            raise self.bad(f'{name} has no value; write {name}=value, or {name}="" for an empty one')
        return value

    def _go_to(self, at: int) -> None:
        """Goes on there, or behind the white space there."""
        space = _SPACE.match(self._text, at)
        assert space is not None
        self._at = space.end()
        if self._at > MAX_CHARACTERS:
            self._at = MAX_CHARACTERS
            raise self.bad(f"a pipeline may have {MAX_CHARACTERS:,} characters")
