"""Progress of a job, in the form that suits who is watching."""

import sys
from types import TracebackType
from typing import Protocol, Self, TextIO

from pixfarm.console.plain import PlainProgress
from pixfarm.console.stream import can_draw
from pixfarm.model import JobStatus


class Progress(Protocol):
    """Shows one status after another between enter and exit."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, status: JobStatus) -> None:
        """Show ``status``, the newest known."""

    def say(self, text: str) -> None:
        """Show a line that stays."""


class SilentProgress:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, status: JobStatus) -> None:
        """Show nothing of ``status``."""

    def say(self, text: str) -> None:
        """Show nothing of ``text``."""


def progress_for(*, quiet: bool, json: bool, stream: TextIO | None = None) -> Progress:
    """Progress for whoever reads ``stream``.

    Args:
        quiet: nobody wants to see it.
        json: a program reads the output.
        stream: where to show it; stderr when left out, so that stdout holds the result alone.
    """
    if quiet or json:
        return SilentProgress()
    stream = sys.stderr if stream is None else stream
    if not can_draw(stream):
        return PlainProgress(stream)
    # Rich takes 25 ms to import: only who sees it waits for it.
    from pixfarm.console.drawing import console_on  # noqa: PLC0415
    from pixfarm.console.live import LiveProgress  # noqa: PLC0415

    return LiveProgress(console_on(stream))
