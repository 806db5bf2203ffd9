"""A step of a pipeline that calls a function of people's own, checked as far as the text goes."""

import keyword
from dataclasses import dataclass

from pixfarm.pipeline_text import WrittenStep


@dataclass(frozen=True, slots=True)
class OwnStep:
    """A function of people's own with its arguments.

    Args:
        module: the name of its file, without ``.py``.
        function: its name there.
        written: the arguments as text; what they are is known where the function is.
    """

    module: str
    function: str
    written: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """As it is written in a pipeline."""
        return f"{self.module}:{self.function}"


def own_step(written: WrittenStep) -> OwnStep:
    """The call of a function, from a step whose name is two words.

    Raises:
        BadPipeline: no Python function can be called so; the message says where and why.
    """
    module, _, function = written.name.partition(":")
    if not _is_name(module):
        raise written.bad(f"{module}.py cannot be a Python module; name the file like {_as_name(module)}.py")
    if not _is_name(function):
        raise written.bad(f"{function} is a word of Python; name the function like {_as_name(function)}")
    if function.startswith("_"):
        raise written.bad(
            f"{function} is private to {module}.py; call a function whose name begins with a letter"
        )
    for argument in written.arguments:
        if not _is_name(argument.name):
            raise written.bad(
                f"{argument.name} cannot be a parameter in Python; name it like {_as_name(argument.name)}",
                argument.name_at,
            )
    return OwnStep(module, function, tuple((argument.name, argument.value) for argument in written.arguments))


def _is_name(word: str) -> bool:
    return word.isidentifier() and not keyword.iskeyword(word)


def _as_name(word: str) -> str:
    name = word.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name
