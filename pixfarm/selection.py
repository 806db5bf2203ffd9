"""The patterns of a selection: which names they choose."""

import re
from collections.abc import Sequence

from pathspec import GitIgnoreSpec, Pattern, RegexPattern

from pixfarm.errors import InvalidRequest
from pixfarm.request import Selection

_MOST_PATTERNS = 1000
_MOST_CHARACTERS = 1000
# Python's own, on every server: faster ones match names that are not UTF-8 in another way.
_BACKEND = "simple"
_STAR = "[^/]*"
_STARS = re.compile(r"(?:\[\^/\]\*){2,}")
# A star, then what takes one character each and none of them /, up to the next star of the same name.
_STAR_UP_TO = re.compile(
    r"\[\^/\]\*((?:\\[^/]|\[\^/\](?![*+?{])|\[(?!\^)(?:\\.|[^\]\\/])+\]|[^/\[\]()?+*\\^$|{}.])+)(?=\[\^/\]\*)"
)
_SET_IN_SET = re.compile(r"(?<!\\)\[[^\]]*(?:\[|--|&&|\|\||~~)")


class Patterns:
    """The patterns of one job, as in .gitignore: ``*.jpg`` at any depth, ``/a/*.jpg`` at one place, ``a/``.

    Args:
        selection: holds them.

    Raises:
        InvalidRequest: one of them is none.
    """

    def __init__(self, selection: Selection) -> None:
        self._include = _compiled("include", selection.include)
        self._exclude = _compiled("exclude", selection.exclude)

    def choose(self, name: str) -> bool:
        """Whether they choose a file, given relative to the source directory."""
        if self._include is not None and not self._include.match_file(name):
            return False
        return not self.leave_out(name)

    def leave_out(self, name: str) -> bool:
        """Whether they exclude a file, or a folder (which ends in ``/``) with all that is in it."""
        return self._exclude is not None and self._exclude.match_file(name)


def _compiled(what: str, patterns: Sequence[str]) -> GitIgnoreSpec | None:
    if len(patterns) > _MOST_PATTERNS:
        raise InvalidRequest(f"{len(patterns):,} --{what} patterns are too many; at most {_MOST_PATTERNS:,}")
    for number, pattern in enumerate(patterns):
        problem = _problem(pattern, is_first=number == 0)
        if problem:
            raise InvalidRequest(f"--{what} {pattern!r}: {problem}")
    if not patterns:
        return None
    compiled = GitIgnoreSpec.from_lines(patterns, backend=_BACKEND)
    for part in compiled.patterns:
        _stop_backtracking(part)
    return compiled


def _stop_backtracking(pattern: Pattern) -> None:
    """Has each star but the last of a folder's or file's name tried at one place only.

    What is between two stars may as well be where it is found first; to try all places may take for ever.
    """
    if isinstance(pattern, RegexPattern) and pattern.regex is not None:
        regex = _STARS.sub(_STAR, pattern.regex.pattern)
        pattern.regex = re.compile(_STAR_UP_TO.sub(r"(?>[^/]*?\1)", regex))


def _problem(pattern: str, *, is_first: bool) -> str:
    """What is wrong with a pattern and what to write instead; empty when nothing is."""
    problem = ""
    if len(pattern) > _MOST_CHARACTERS:
        problem = f"is longer than {_MOST_CHARACTERS:,} characters; write a shorter one"
    elif is_first and pattern.startswith("!"):
        problem = "! takes back what patterns before it chose; there are none; write \\! for a name with !"
    elif pattern.startswith("#"):
        problem = "would be a comment; write \\# for a name with #"
    elif _SET_IN_SET.search(pattern):
        problem = "has a set of characters that is not plain; write one like [abc] or [a-z]"
    elif "***" in pattern:  # git takes it for *; as a regular expression it may take for ever
        problem = "has more than two * in a row; write * or **"
    elif not _matches_something(pattern):
        problem = "matches nothing; write a pattern like '*.jpg', '2026/' or '/a/**/b.*'"
    return problem


def _matches_something(pattern: str) -> bool:
    try:
        compiled = GitIgnoreSpec.from_lines([pattern], backend=_BACKEND)
    except (ValueError, re.error):  # the second: of a set like [z-a]
        return False
    return any(part.include is not None for part in compiled.patterns)
