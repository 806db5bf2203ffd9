"""What somebody may have meant by a word that nobody knows."""

import difflib
from collections.abc import Iterable


def meant(word: str, known: Iterable[str]) -> str:
    """The nearest of the known words, to be appended to a message; empty when none is near."""
    nearest = difflib.get_close_matches(word.lower(), list(known), 1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""
