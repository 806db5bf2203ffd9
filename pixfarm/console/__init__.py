"""All printing of the client: progress, reports, nodes, errors; for persons, for logs, for programs."""

from pixfarm.console.documents import nodes_document, print_document, report_document
from pixfarm.console.nodes import print_nodes
from pixfarm.console.outcome import exit_code
from pixfarm.console.progress import Progress, progress_for
from pixfarm.console.report import print_report
from pixfarm.console.stream import print_error

__all__ = [
    "Progress",
    "exit_code",
    "nodes_document",
    "print_document",
    "print_error",
    "print_nodes",
    "print_report",
    "progress_for",
    "report_document",
]
