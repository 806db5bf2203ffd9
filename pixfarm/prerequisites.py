"""Says in one line what is not installed; the scripts import this module before anything else."""

import sys
from importlib.util import find_spec

_NEEDED = {
    "numpy": "NumPy",
    "cv2": "OpenCV",
    "rich": "rich",
    # `import thrift` alone succeeds without Apache Thrift: the folder thrift/ is a namespace package.
    "thrift.Thrift": "Apache Thrift",
    "thrift.protocol.fastbinary": "the C extension of Apache Thrift",
}


def missing() -> list[str]:
    """Names of what the scripts need and this Python does not have."""
    return [name for module, name in _NEEDED.items() if not _is_installed(module)]


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


if _lacking := missing():
    sys.exit(
        f"pixfarm: {', '.join(_lacking)} not found by {sys.executable}; "
        "run: python3 -m pip install -r requirements.txt"
    )
