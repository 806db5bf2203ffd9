"""Progress as a picture that is redrawn in place, for a person at a terminal."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.text import Text

from pixfarm.console import text
from pixfarm.console.drawing import MARGIN, drawn_counts, drawn_items, drawn_text, indented
from pixfarm.console.pace import Pace, ended
from pixfarm.console.standing import standing_items, standing_line
from pixfarm.model import JobState, JobStatus, NodeCounts

LINES_BESIDE_NODES: Final = 8  # bar, counts and message of two lines each, blank, header, one to spare


class LiveProgress:
    """A bar, the counts, and a line per node; gone at the end, when the report takes its place.

    Redrawn by ``show`` alone: no thread of its own.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()
        self._seen: JobStatus | None = None
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if kind is not None and self._seen is not None:  # no report follows: leave what was known
            self.say(standing_line(self._seen, self._pace))

    def show(self, status: JobStatus) -> None:
        """Redraw with ``status``."""
        self._pace.update(status)
        self._seen = status
        self._live.update(drawn_status(status, self._pace, self._console.size), refresh=True)

    def say(self, text: str) -> None:
        """Print a line that stays, above the picture."""
        self._console.print(indented(drawn_text(text)))


def drawn_status(status: JobStatus, pace: Pace, size: ConsoleDimensions) -> RenderableType:
    """The picture of ``status`` for a terminal of ``size``."""
    width = size.width - MARGIN
    parts: list[RenderableType] = [
        indented(_job_bar(status, width)),
        indented(drawn_items(standing_items(status, pace), width)),
    ]
    if status.message:
        parts.append(indented(drawn_text(status.message, "yellow")))
    if status.nodes:
        parts += [Text(), _drawn_nodes(status, pace, size)]
    return Group(*parts)


def _job_bar(status: JobStatus, width: int) -> Text:
    """Images that have ended as a thick line, the rest as a thin one, dotted while it may grow."""
    end = f"  {text.clock(status.elapsed_s // 1)}"
    if status.listing_complete:
        end = f"  {text.percent(ended(status), status.total):>5}{end}"
    length = max(0, width - len(end))
    has_ended = status.state not in (JobState.RUNNING, JobState.PAUSED)
    parts = (
        (status.skipped, "blue"),
        (status.done, "green" if has_ended else "cyan"),
        (status.failed, "red"),
        (status.not_done, "yellow"),
    )
    line = Text(no_wrap=True)
    drawn = 0
    for number, style in parts:
        drawn += number
        until = length * min(drawn, status.total) // max(1, status.total)
        # A single failed image among thousands still gets its red character.
        line.append("━" * max(until - len(line), 1 if number and len(line) < length else 0), style)
    line.append(("─" if status.listing_complete else "┄") * (length - len(line)), "dim")
    return line.append(end)


def _drawn_nodes(status: JobStatus, pace: Pace, size: ConsoleDimensions) -> RenderableType:
    """As many nodes as there are lines for, in their order; the others as one line."""
    room = max(2, size.height - LINES_BESIDE_NODES)
    if len(status.nodes) <= room:
        return drawn_counts(status.nodes, size.width, pace=pace)
    rest = _sum_of(status.nodes[room - 1 :])
    return drawn_counts(status.nodes[: room - 1], size.width, rest=rest, pace=pace)


def _sum_of(nodes: Sequence[NodeCounts]) -> NodeCounts:
    done = sum(node.done for node in nodes)
    return NodeCounts(
        name=f"{len(nodes)} more",
        done=done,
        refused=sum(node.refused for node in nodes),
        failed=sum(node.failed for node in nodes),
        mean_s=sum(node.mean_s * node.done for node in nodes) / max(1, done),
    )
