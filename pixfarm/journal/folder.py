"""The server's state directory: made on demand, and used by one server at a time."""

import errno
import fcntl
import os
import socket
from pathlib import Path

from pixfarm.errors import StateUnusable

_LOCK = "lock"
_MAX_HOLDER_BYTES = 300
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class StateFolder:
    """A directory that is locked until close(), or until the process ends in whatever way.

    Args:
        path: made, readable by its owner only, when it is not there.

    Raises:
        StateUnusable: another server has it, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[Path, os.stat_result] = {}  # as they are open
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            self._take(path)
            self._files[path / _LOCK] = os.fstat(self._descriptor)
        except OSError as error:
            self.close()
            raise _unusable(path, error) from error
        except StateUnusable:
            self.close()
            raise

    def watch(self, file: Path) -> None:
        """Has check() look after a file, too, that has just been opened.

        Raises:
            StateUnusable: it is not there.
        """
        try:
            self._files[file] = file.stat()
        except OSError as error:
            raise _unusable(self._path, error) from error

    def check(self) -> None:
        """Makes sure that the files are still found under their names.

        Else rows would go into files that nobody can open again, while another server locks new ones.

        Raises:
            StateUnusable: they are not.
        """
        for file, opened in self._files.items():
            try:
                is_same = os.path.samestat(file.stat(), opened)
            except (FileNotFoundError, NotADirectoryError):
                is_same = False
            except OSError as error:
                raise _unusable(self._path, error) from error
            if not is_same:
                raise StateUnusable(
                    f"the state directory {self._path} was removed or replaced while the server was using "
                    "it; stop the server and start it again"
                )

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
                "stop that one, or give this one another directory with --state"
            ) from error
        # The file stays when the lock is gone: removing it would let two servers lock two files of one name.
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)


def _unusable(path: Path, error: OSError) -> StateUnusable:
    hint = "give the server another directory with --state"
    if error.errno in _FORBIDDEN:
        hint = f"let the server's user write there, or {hint}"
    return StateUnusable(f"the state directory {path} cannot be used: {error.strerror}; {hint}")
