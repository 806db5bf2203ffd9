"""The server's trace: lines of JSON, appended by one server after another."""

import json
from pathlib import Path
from typing import Any


class TraceFile:
    """Reads a trace while it grows.

    ``torn`` are lines that are no JSON: a killed server may leave its last one unfinished.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[dict[str, Any]] = []
        self.torn: list[str] = []
        self._offset = 0

    def of_job(self, job: str) -> list[dict[str, Any]]:
        """All events of a job so far."""
        self.read()
        return [event for event in self.events if event["job"] == job]

    def read(self) -> None:
        """Takes in the whole lines that are new."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                self.events.append(json.loads(line))
            except ValueError:
                self.torn.append(line.decode(errors="replace"))
