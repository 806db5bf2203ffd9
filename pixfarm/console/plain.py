"""Progress as plain lines, for logs and pipes."""

import re
from types import TracebackType
from typing import Final, Self, TextIO

from pixfarm.console.pace import Pace
from pixfarm.console.standing import standing_line
from pixfarm.console.stream import write_line
from pixfarm.model import JobStatus

EVERY_S: Final = 5.0


class PlainProgress:
    """A line every five seconds, and whenever something worth a line happens."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._pace = Pace()
        self._seen: JobStatus | None = None
        self._printed: JobStatus | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Without an error a report follows that says more than the last status.
        if kind is not None and self._seen is not None and self._seen != self._printed:
            self._print(self._seen)

    def show(self, status: JobStatus) -> None:
        """Take note of ``status``, and print it if its time has come."""
        self._pace.update(status)
        self._seen = status
        if self._printed is None or _is_worth_a_line(status, self._printed):
            self._print(status)

    def say(self, text: str) -> None:
        """Print a line for the person."""
        write_line(self._stream, f"  {text}")
        self._stream.flush()

    def _print(self, status: JobStatus) -> None:
        self._printed = status
        self.say(standing_line(status, self._pace))


def _is_worth_a_line(status: JobStatus, printed: JobStatus) -> bool:
    return (
        # Either way: a server that was lost may come back with an earlier time.
        abs(status.elapsed_s - printed.elapsed_s) >= EVERY_S
        or status.listing_complete != printed.listing_complete
        or _without_numbers(status.message) != _without_numbers(printed.message)
        or status.state is not printed.state
    )


def _without_numbers(message: str) -> str:
    # "waiting 12 of 30 s" counts up every second: the same news as before.
    return re.sub(r"\d+", "", message)
