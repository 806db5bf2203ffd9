"""The arguments of client.py that look at a job before it is run."""

from argparse import Namespace

from pixfarm import script

FLAGS = ("--dry-run", "--proof")

_MOST = 100


def add_to(parser: script.Parser) -> None:
    """Adds the arguments."""
    group = parser.add_argument_group("look before you run: as it stands, and one of these behind it")
    group.add_argument(
        "--dry-run",
        action="store_const",
        const=True,
        help="show how many images there are, of what kinds and sizes, what it would take of disk and time, "
        "and which nodes there are; nothing is written",
    )
    group.add_argument(
        "--proof",
        type=script.whole_number(1, _MOST),
        metavar="K",
        help="do K images, as different as possible, into a folder of their own, with a page that shows them "
        "before and after, and tell what all would take",
    )


def refuse_together(parser: script.Parser, given: Namespace) -> None:
    """Ends the script when what is asked for does not go together."""
    if given.dry_run and given.proof:
        parser.error("--dry-run and --proof do not go together; choose one")
    if given.dry_run and given.quiet:
        parser.error("--dry-run shows what there is and leaves; leave out --quiet")
