"""The generated code and Apache Thrift's C extension, found once and checked."""

import sys
from pathlib import Path

# Appended, not inserted: nothing in gen-py may ever hide an installed package.
_GEN_PY = str(Path(__file__).resolve().parents[2] / "gen-py")
if _GEN_PY not in sys.path:
    sys.path.append(_GEN_PY)

# The import is the assertion: without the C extension every struct is coded in Python, 10x slower
# and without the nesting limit, so there is no falling back to it.
from pixfarm_idl import ComputeNode, ImageServer, ttypes  # noqa: E402 - needs the path above
from thrift.protocol import fastbinary  # noqa: E402 - after the path, like its sibling

__all__ = ["ComputeNode", "ImageServer", "fastbinary", "ttypes"]
