"""A table before it is printed: columns, and rows of harmless text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pixfarm.console import text
from pixfarm.console.pace import Pace
from pixfarm.model import NodeCounts

BAR_PARTS = ("", "╸")


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``style`` is how a terminal shows its cells, ``numeric`` aligns them to the right."""

    header: str
    numeric: bool = False
    style: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns and rows; every row has a cell for each column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> "Sheet":
        """The sheet of ``rows``, whose cells may come from outside."""
        return cls(tuple(columns), tuple(tuple(text.safe(cell) for cell in row) for row in rows))

    def lines(self) -> list[str]:
        """The header and each row as one line, two blanks between columns."""
        table = [tuple(column.header for column in self.columns), *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.columns))]
        return ["  ".join(self._aligned(row, widths)).rstrip() for row in table]

    def _aligned(self, row: Sequence[str], widths: Sequence[int]) -> list[str]:
        return [
            cell.rjust(width) if column.numeric else cell.ljust(width)
            for cell, width, column in zip(row, widths, self.columns, strict=True)
        ]


def counts_sheet(
    nodes: Sequence[NodeCounts],
    *,
    rest: NodeCounts | None = None,
    bar_width: int = 0,
    pace: Pace | None = None,
) -> Sheet:
    """What each node did for a job.

    Args:
        nodes: one row each.
        rest: the sum of nodes that have no row of their own; it gets no bar, or theirs would vanish.
        bar_width: characters of the longest bar; 0 for no bars.
        pace: adds images/s when the job still runs.
    """
    rows_of = [*nodes, rest] if rest else nodes
    done = sum(node.done for node in rows_of)
    most = max((node.done for node in nodes), default=0)
    columns = [Column("node", style="bold"), Column("done", numeric=True), Column("share", numeric=True)]
    columns += [Column("", style="cyan")] if bar_width else []
    columns += [Column("refused", numeric=True), Column("failed", numeric=True, style="red")]
    columns += [Column("mean", numeric=True)]
    columns += [Column("images/s", numeric=True)] if pace else []
    rows = []
    for node in rows_of:
        row = [node.name, text.count(node.done), text.percent(node.done, done)]
        row += ["" if node is rest else bar(node.done, most, bar_width)] if bar_width else []
        row += [text.count(node.refused), text.count(node.failed), text.short_time(node.mean_s)]
        row += [_node_rate(pace, node.name)] if pace else []
        rows.append(row)
    return Sheet.of(columns, rows)


def bar(part: int, whole: int, width: int) -> str:
    """A line as long as ``part`` of ``whole``, to half a character; ``width`` characters for the whole."""
    halves = round(2 * width * min(1.0, part / whole)) if whole > 0 else 0
    halves = max(halves, 1) if part > 0 else halves
    return "━" * (halves // 2) + BAR_PARTS[halves % 2]


def _node_rate(pace: Pace, name: str) -> str:
    per_s = pace.node_images_per_s(name)
    return "" if per_s is None else text.rate(per_s)
