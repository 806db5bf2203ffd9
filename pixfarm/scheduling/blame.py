"""Whose fault a failed image is, by the code that the node gave."""

from enum import Enum

from pixfarm.errors import FailureCode


class Blame(Enum):
    """Who answers for a failure, and so what comes next."""

    IMAGE = "image"  # it cannot be done anywhere: failed at once
    STRIKE = "strike"  # it may have harmed the worker, or been unlucky: once more, elsewhere
    NODE = "node"  # the node is broken: parked until its own check passes; the image goes elsewhere
    STORAGE = "storage"  # a file that this node does not see yet: elsewhere, or again soon


_BLAME = {
    FailureCode.CRASHED: Blame.STRIKE,
    FailureCode.TIMED_OUT: Blame.STRIKE,
    FailureCode.IO: Blame.STRIKE,
    FailureCode.INTERNAL: Blame.STRIKE,
    FailureCode.NO_SPACE: Blame.NODE,
    FailureCode.READ_ONLY: Blame.NODE,
    FailureCode.NO_RESOURCES: Blame.NODE,
    FailureCode.NOT_FOUND: Blame.STORAGE,
}


def blame_of(code: FailureCode) -> Blame:
    """Who answers for a failure of that code."""
    return _BLAME.get(code, Blame.IMAGE)
