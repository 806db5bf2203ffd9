"""The arguments of computenode.py."""

import os
from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path

from pixfarm import script
from pixfarm.load import AUTO
from pixfarm.memory_limit import LEAST_MIB
from pixfarm.recycling import Recycling

_DELAY_S = 3.0
_AUTO_DELAY_S = 0.2


def parse(argv: Sequence[str] | None) -> Namespace:
    """The options; ends the script with one line when they are wrong."""
    parser = script.Parser(
        "A compute node: processes images that the server sends.",
        "exit codes: 0 stopped as asked, 1 did not finish in time, 2 wrong arguments or machine.txt,\n"
        "            3 cannot listen or start, 130 left by a second Ctrl-C",
    )
    _add_identity_and_load(parser)
    _add_workers(parser)
    parser.add_listening()
    return parser.parse_args(argv)


def delay_s(options: Namespace) -> float:
    """How long a busy node sleeps."""
    if options.delay_s is None:
        return _AUTO_DELAY_S if options.load_probability == AUTO else _DELAY_S
    return float(options.delay_s)


def _add_identity_and_load(parser: script.Parser) -> None:
    parser.add_argument(
        "load_probability",
        type=script.load_probability,
        metavar="P",
        help="chance, 0 to 1, that the node is busy when asked: it refuses, or sleeps before it works; "
        "auto follows what others want of this machine, so that the node gives way to them",
    )
    parser.add_argument(
        "--name", metavar="NODE", help="which line of machine.txt to be (default: the first free one here)"
    )
    parser.add_argument(
        "--delay-s",
        type=script.seconds,
        metavar="S",
        help=f"seconds that a busy node sleeps before it works (default: {_DELAY_S:g}; with auto "
        f"{_AUTO_DELAY_S:g}: a machine that really is busy is slow by itself)",
    )


def _add_workers(parser: script.Parser) -> None:
    parser.add_argument(
        "--workers",
        type=script.whole_number(1, 1024),
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="image worker processes (default: the cores this process may use, %(default)s here)",
    )
    parser.add_argument(
        "--memory-mib",
        type=_memory_mib,
        metavar="N",
        help="MiB of memory that one image may take; 0 sets no limit (default: 4096, enough for 100 "
        "megapixels, or what this machine has for each worker if that is less)",
    )
    parser.add_argument(
        "--recycle-after",
        type=script.whole_number(0, 10**9),
        default=Recycling().after_images,
        metavar="N",
        help="replace each worker process after about N images; 0 for never (default: %(default)s)",
    )
    parser.add_argument(
        "--code",
        type=_code_folder,
        metavar="DIR",
        help="carry out functions of people's own, like mymodule:func, from files in this directory, with "
        "all rights that the node has (default: none)",
    )
    parser.add_argument(
        "--no-fsync",
        dest="fsync",
        action="store_false",
        help="faster, but a power cut can lose results that were reported done",
    )


def _code_folder(text: str) -> Path:
    folder = script.directory(text).absolute()
    if not folder.is_dir():
        raise ArgumentTypeError(f"{text!r} is no directory; write the one that holds the modules")
    return folder


def _memory_mib(text: str) -> int:
    value = script.whole_number(0, 2**20)(text)
    if 0 < value < LEAST_MIB:
        raise ArgumentTypeError(f"{text!r} is too little; write {LEAST_MIB} or more, or 0 for no limit")
    return value
