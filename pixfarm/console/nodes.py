"""The nodes of a farm, printed."""

import sys
from collections.abc import Sequence
from typing import TextIO

from pixfarm.console.roster import node_remarks, nodes_headline, nodes_sheet
from pixfarm.console.stream import can_draw, write_line
from pixfarm.model import NodeStatus


def print_nodes(nodes: Sequence[NodeStatus], stream: TextIO | None = None) -> None:
    """Print ``nodes`` on ``stream``, stdout when left out: drawn on a terminal, else as plain lines."""
    stream = sys.stdout if stream is None else stream
    if can_draw(stream):
        # Rich takes 25 ms to import: only who sees it waits for it.
        from pixfarm.console.drawing import console_on  # noqa: PLC0415
        from pixfarm.console.drawn_nodes import draw_nodes  # noqa: PLC0415

        draw_nodes(nodes, console_on(stream))
        return
    lines = [nodes_headline(nodes)]
    if nodes:
        lines += [f"  {line}" for line in nodes_sheet(nodes).lines()]
    lines += [f"  {remark}" for remark in node_remarks(nodes)]
    for line in lines:
        write_line(stream, line)
