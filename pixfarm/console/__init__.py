"""All printing of the client: progress, reports, jobs, images, nodes, errors; for persons, for programs."""

from pixfarm.console.documents import (
    job_document,
    jobs_document,
    nodes_document,
    print_document,
    print_images_document,
    report_document,
)
from pixfarm.console.history import print_jobs
from pixfarm.console.images import print_images
from pixfarm.console.nodes import print_nodes
from pixfarm.console.outcome import exit_code
from pixfarm.console.progress import Progress, progress_for
from pixfarm.console.report import print_report
from pixfarm.console.spreadsheet import print_csv, save_csv
from pixfarm.console.standing import paused_line
from pixfarm.console.stream import print_error, print_line

__all__ = [
    "Progress",
    "exit_code",
    "job_document",
    "jobs_document",
    "nodes_document",
    "paused_line",
    "print_csv",
    "print_document",
    "print_error",
    "print_images",
    "print_images_document",
    "print_jobs",
    "print_line",
    "print_nodes",
    "print_report",
    "progress_for",
    "report_document",
    "save_csv",
]
