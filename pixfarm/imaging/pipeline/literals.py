"""What a value that is written in a pipeline can mean: a whole number, a number, true or false."""

import re

WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")


def truth(text: str) -> bool:
    """What a text says that is true or false.

    Raises:
        ValueError: it is neither; the message says so.
    """
    if text.lower() not in (*_TRUE, *_FALSE):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() in _TRUE
