"""The server's state directory: made on demand, and used by one server at a time."""

import fcntl
import os
import socket
from pathlib import Path

from pixfarm.errors import StateUnusable

_LOCK = "lock"
_MAX_HOLDER_BYTES = 300


class StateFolder:
    """A directory that is locked until close(), or until the process ends in whatever way.

    Args:
        path: made, readable by its owner only, when it is not there.

    Raises:
        StateUnusable: another server has it, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _not_writable(path, error) from error
        try:
            self._take(path)
        except OSError as error:
            self.close()
            raise _not_writable(path, error) from error
        except StateUnusable:
            self.close()
            raise

    def close(self) -> None:
        """Lets another server have it; may be called twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _take(self, path: Path) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, _MAX_HOLDER_BYTES, 0).decode(errors="replace").strip()
            raise StateUnusable(
                f"the state directory {path} is in use by another server ({holder or 'just starting'}); "
                "stop that one, or give this one another directory"
            ) from error
        # The file stays when the lock is gone: removing it would let two servers lock two files of one name.
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)


def _not_writable(path: Path, error: OSError) -> StateUnusable:
    return StateUnusable(
        f"the state directory {path} cannot be used: {error.strerror}; "
        "let the server's user write there, or give the server another directory"
    )
