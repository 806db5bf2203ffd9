"""The arguments of client.py that say what is done to each image."""

from argparse import Namespace
from pathlib import Path

from pixfarm import script
from pixfarm.pipeline_file import read_pipeline
from pixfarm.recipe import Recipe

FLAGS = ("--op", "--pipeline")


def add_to(parser: script.Parser) -> None:
    """Adds the arguments."""
    group = parser.add_argument_group("what is done to each image (default: edges)")
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--op",
        metavar="OPS",
        help='operations with | between them, like "resize: width=1600, fit=inside | sharpen: amount=0.6"',
    )
    either.add_argument(
        "--pipeline",
        type=Path,
        metavar="FILE",
        help='the same from a TOML file: for each operation a [[step]] with op = "resize" and its parameters',
    )


def recipe(given: Namespace) -> Recipe | None:
    """What the arguments ask for; None when they do not say.

    Raises:
        UsageError: the file of a pipeline cannot be read, or is none.
    """
    if given.op is not None:
        return Recipe(given.op)
    if given.pipeline is not None:
        return Recipe(read_pipeline(given.pipeline))
    return None
