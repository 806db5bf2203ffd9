"""The nodes of a farm as a terminal shows them."""

from collections.abc import Sequence

from rich.console import Console

from pixfarm.console.drawing import MARGIN, drawn_sheet, drawn_text, indented
from pixfarm.console.roster import node_remarks, nodes_headline, nodes_sheet
from pixfarm.model import NodeStatus


def draw_nodes(nodes: Sequence[NodeStatus], console: Console) -> None:
    """Draw ``nodes`` as a table, and below it why some are not up."""
    console.print(drawn_text(nodes_headline(nodes), "bold"))
    if nodes:
        console.print(drawn_sheet(nodes_sheet(nodes, console.width - MARGIN), console.width))
    for remark in node_remarks(nodes):
        console.print(indented(drawn_text(remark, "yellow")))
