"""The last line of a traceback, as the author of a function needs it: where in their file, and what."""

import traceback
from pathlib import Path

_MOST_CHARACTERS = 500


def last_line(error: BaseException, folder: Path) -> str:
    """One line like ``mymodule.py:12: ValueError: bad value``.

    Args:
        error: as it was caught.
        folder: whose files count; the place is the deepest line in one of them.
    """
    lines = traceback.format_exception_only(error)
    # That of a syntax error begins with a drawing of its place.
    what = " ".join(lines[-1 if isinstance(error, SyntaxError) else 0].split())
    if len(what) > _MOST_CHARACTERS:
        what = f"{what[:_MOST_CHARACTERS]} ..."
    # Thrift sends UTF-8, and a message may quote a file name that is none.
    return f"{_place(error, folder)}{what}".encode(errors="backslashreplace").decode()


def _place(error: BaseException, folder: Path) -> str:
    places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        places.append((error.filename or "", error.lineno or 0))
    own = [(Path(name), line) for name, line in places if name.startswith(f"{folder}/")]
    if not own:
        return ""
    path, line = own[-1]
    return f"{path.relative_to(folder)}:{line}: "
