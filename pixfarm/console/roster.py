"""The words for the nodes of a farm."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pixfarm.console import text
from pixfarm.console.sheet import Column, Sheet
from pixfarm.model import NodeHealth, NodeStatus

COLUMNS: Final = (
    Column("node", style="bold"),
    Column("address"),
    Column("state"),
    Column("load", numeric=True),
    Column("busy", numeric=True),
    Column("done", numeric=True),
    Column("refused", numeric=True),
    Column("failed", numeric=True, style="red"),
    Column("delay", numeric=True),
    Column("version"),
)


def nodes_headline(nodes: Sequence[NodeStatus]) -> str:
    """How many nodes there are, and how they are: 4 nodes: 3 up, 1 down; 12 workers."""
    if not nodes:
        return "the server has no nodes"
    healths = Counter(node.health for node in nodes)
    parts = [f"{healths[health]} {health.value}" for health in NodeHealth if healths[health]]
    workers = sum(node.workers for node in nodes if node.health is NodeHealth.UP)
    return f"{text.counted(len(nodes), 'node')}: {', '.join(parts)}; {text.counted(workers, 'worker')}"


def nodes_sheet(nodes: Sequence[NodeStatus], width: int | None = None) -> Sheet:
    """A row per node, with as many columns as have room in ``width``; with all columns when left out."""
    sheet = _sheet(nodes, COLUMNS)
    for fewer in (COLUMNS[:-2], COLUMNS[:-5]):
        if width is None or max(map(len, sheet.lines())) <= width:
            break
        sheet = _sheet(nodes, fewer)
    return sheet


def node_remarks(nodes: Sequence[NodeStatus]) -> list[str]:
    """What is to be said about single nodes: why they are not up, what is broken on them."""
    remarks = [(node.name, remark) for node in nodes if (remark := _remark(node))]
    # Why a node cannot be reached begins with its name already.
    return [remark if remark.startswith(f"{name} (") else f"{name}: {remark}" for name, remark in remarks]


def _remark(node: NodeStatus) -> str:
    words = [node.message] if node.message else []
    words += [node.fault] if node.fault not in node.message else []
    remark = "; ".join(words)
    if node.health is NodeHealth.PARKED and not remark.startswith(NodeHealth.PARKED.value):
        return f"{NodeHealth.PARKED.value}: {remark}" if remark else ""
    return remark


def _sheet(nodes: Sequence[NodeStatus], columns: Sequence[Column]) -> Sheet:
    return Sheet.of(columns, (_row(node)[: len(columns)] for node in nodes))


def _row(node: NodeStatus) -> list[str]:
    known = node.load_probability is not None
    return [
        node.name,
        f"[{node.host}]:{node.port}" if ":" in node.host else f"{node.host}:{node.port}",
        "draining" if node.draining and node.health is NodeHealth.UP else node.health.value,
        f"{node.load_probability:g}" if known else text.UNKNOWN,
        f"{node.in_flight:,}/{node.workers or text.UNKNOWN}",
        *(text.count(number) for number in (node.done, node.refused, node.failed)),
        f"{node.delay_s:g} s" if known else text.UNKNOWN,
        node.version or text.UNKNOWN,
    ]
