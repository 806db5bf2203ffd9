"""The arguments of client.py that say what is done to each image."""

from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from pixfarm import script
from pixfarm.pipeline_file import read_pipeline
from pixfarm.recipe import DEFAULT_PIPELINE, OutputFormat, Recipe

_PIPELINE = ("--op", "--pipeline")
_FILES = ("--format", "--quality", "--strip-metadata")
_RESULTS = (*_FILES, "--check")
# Who only asks for other files wants to see the same pictures in them.
_KEEP = "keep"
_OTHER_NAMES = {"jpeg": "jpg", "tif": "tiff"}
FLAGS = (*_PIPELINE, *_RESULTS)


def add_to(parser: script.Parser) -> None:
    """Adds the arguments."""
    group = parser.add_argument_group(
        f"what is done to each image (default: edges; with {', '.join(_FILES)} alone: keep)"
    )
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
    _add_results(parser)


def _add_results(parser: script.Parser) -> None:
    results = parser.add_argument_group("what results are like")
    results.add_argument(
        "--format",
        type=_format,
        metavar="F",
        help=f"of all results: {', '.join(OutputFormat)} (default: that of each image)",
    )
    results.add_argument(
        "--quality",
        type=script.whole_number(1, 100),
        metavar="Q",
        help="1 to 100, of JPEG, WebP and AVIF results (default: 95, AVIF 75)",
    )
    results.add_argument(
        "--strip-metadata",
        action="store_const",
        const=True,
        help="leave EXIF, XMP and colour profile out of the results",
    )
    results.add_argument(
        "--check",
        action="store_const",
        const=True,
        help="flag results that look like a mishap: all one colour, clipped, of another size than the rest",
    )


def refuse_half(parser: script.Parser, given: Namespace) -> None:
    """Ends the script when it is said what results are like, and not what is done; for jobs to retry.

    The recipe of a job is one whole: it may be that of the job to retry or another, and not half of each.
    """
    said = [name for name in _RESULTS if _value(given, name) is not None]
    if said and all(_value(given, name) is None for name in _PIPELINE):
        parser.error(
            f"--retry-failed does what JOB did; with {' and '.join(said)} say --op or --pipeline as well"
        )


def recipe(given: Namespace) -> Recipe | None:
    """What the arguments ask for; None when they do not say.

    Raises:
        UsageError: the file of a pipeline cannot be read, or is none.
    """
    if all(_value(given, name) is None for name in FLAGS):
        return None
    return Recipe(
        pipeline=_pipeline(given),
        format=given.format,
        quality=given.quality,
        strip_metadata=bool(given.strip_metadata),
        check=bool(given.check),
    )


def _pipeline(given: Namespace) -> str:
    if given.op is not None:
        return str(given.op)
    if given.pipeline is not None:
        return read_pipeline(given.pipeline)
    return DEFAULT_PIPELINE if all(_value(given, name) is None for name in _FILES) else _KEEP


def _value(given: Namespace, name: str) -> object:
    value: object = getattr(given, name.removeprefix("--").replace("-", "_"))
    return value


def _format(text: str) -> OutputFormat:
    name = text.lower()
    try:
        return OutputFormat(_OTHER_NAMES.get(name, name))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is none of {', '.join(OutputFormat)}") from None
