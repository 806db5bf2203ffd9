"""The names of images as text: what the journal keys them by, and what reports show."""

import re

from pixfarm.errors import FailureCode, TaskFailed

# A listed name is relative and never begins like this, so that no real name looks like one that is written.
_WRITTEN = "./"
_ESCAPE = re.compile(r"\\(?:\\|x([0-9a-f]{2}))")
_FIRST_SURROGATE = 0xDC00


def refuse_unsendable(name: str) -> None:
    """Does nothing with a name that is valid UTF-8, as only such names cross the wire.

    Raises:
        TaskFailed: BAD_NAME, it is none; os.scandir keeps foreign bytes as lone surrogates.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise TaskFailed(FailureCode.BAD_NAME, "the file name is not UTF-8; rename the file") from None


def shown(name: str) -> str:
    r"""A name as text, another for each name: itself when it is valid UTF-8.

    Of any other, bytes that are not UTF-8 (os.scandir keeps them as surrogates) are written as ``\xNN``, and
    backslashes are doubled, after a ``./``.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        doubled = name.replace("\\", "\\\\")
        return _WRITTEN + doubled.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return name


def original(text: str) -> str:
    """The name again that shown() has made a text of; of ``./``, the source directory, it is empty."""
    if not text.startswith(_WRITTEN):
        return text
    return _ESCAPE.sub(_unescaped, text.removeprefix(_WRITTEN))


def _unescaped(escape: re.Match[str]) -> str:
    return chr(_FIRST_SURROGATE + int(escape[1], 16)) if escape[1] else "\\"
