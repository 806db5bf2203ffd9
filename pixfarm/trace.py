"""The trace of a server: every decision about every image as a line of JSON, for checkers and studies."""

import json
import logging
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_log = logging.getLogger(__name__)


class Trace:
    """Appends events to a file; a context manager, for use by many threads.

    Args:
        path: the file; None traces nothing.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        self._file = None if path is None else path.open("a", encoding="utf-8", buffering=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, event: str, **fields: str) -> None:
        """Writes one line: seconds since 1970, the event, and its fields."""
        if self._file is None:
            return
        line = json.dumps({"t": time.time(), "event": event, **fields})
        with self._lock:
            if self._file.closed:
                return
            try:
                self._file.write(f"{line}\n")
            except OSError as error:  # a full disk: no image is to suffer for it
                _log.error("the trace ends here, it cannot be written: %s", error.strerror)
                with suppress(OSError):
                    self._file.close()

    def close(self) -> None:
        """Closes the file; later events are dropped; may be called twice."""
        if self._file is not None:
            with self._lock:
                self._file.close()
