"""Says in one line what is not installed; the scripts import this module before anything else."""

import sys
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import NoReturn

_HOME = Path(__file__).resolve().parents[1]
_VENV = ".venv"
_NEEDED = {
    "numpy": "NumPy",
    "cv2": "OpenCV",
    "rich": "rich",
    # `import thrift` alone succeeds without Apache Thrift: the folder thrift/ is a namespace package.
    "thrift.Thrift": "Apache Thrift",
    "thrift.protocol.fastbinary": "the C extension of Apache Thrift",
    "pathspec": "pathspec",
}


def missing() -> list[str]:
    """Names of what the scripts need and this Python does not have."""
    return [name for module, name in _NEEDED.items() if not _is_installed(module)]


def way_out(home: Path) -> str:
    """What to do when something is missing, for the repository at ``home``."""
    install = f"-m pip install -r {quote(str(home / 'requirements.txt'))}"
    if sys.prefix != sys.base_prefix:
        return f"run: {quote(sys.executable)} {install}"
    activate = f". {quote(str(home / _VENV / 'bin/activate'))}"
    if (home / _VENV / "bin/python").exists():
        return f"{_VENV}/bin/python has what `make` installed; first run: {activate}"
    # Not into this Python itself: Debian and others refuse that.
    venv = quote(str(home / _VENV))
    return f"run: {quote(sys.executable)} -m venv {venv} && {activate} && python {install}"


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _leave(message: str) -> NoReturn:
    sys.stderr.write(f"pixfarm: {message}\n")
    sys.exit(2)


if sys.version_info < (3, 11):  # noqa: UP036 - said in words instead of by a traceback
    _leave(f"needs Python 3.11 or later; {sys.executable} is {sys.version.split()[0]}")
if _lacking := missing():
    _leave(f"{', '.join(_lacking)} not found by {sys.executable}; {way_out(_HOME)}")
