"""Whose fault a failed image is, by the code that the node gave."""

from enum import Enum

from pixfarm.errors import FailureCode


class Blame(Enum):
    """Who answers for a failure, and so what comes next."""

    IMAGE = "image"  # it cannot be done anywhere: failed at once
    STRIKE = "strike"  # it may have harmed the worker, or been unlucky: once more, elsewhere
    NODE = "node"  # the node is broken: parked until its own check passes; the image goes elsewhere
    CAPACITY = "capacity"  # more than this node can give: elsewhere, until nobody is left
    CODE = "code"  # the node, which may be well, has not what the whole job needs: in the same way
    FOLDER = "folder"  # the node cannot write there: no image of that base path until its own check passes
    STORAGE = "storage"  # a file that this node does not see yet: elsewhere, or again soon


_BLAME = {
    FailureCode.CRASHED: Blame.STRIKE,
    FailureCode.TIMED_OUT: Blame.STRIKE,
    FailureCode.IO: Blame.STRIKE,
    FailureCode.INTERNAL: Blame.STRIKE,
    FailureCode.NO_SPACE: Blame.FOLDER,
    FailureCode.READ_ONLY: Blame.FOLDER,
    FailureCode.NO_MEMORY: Blame.CAPACITY,
    FailureCode.NO_CODE: Blame.CODE,
    FailureCode.NO_RESOURCES: Blame.NODE,
    FailureCode.NOT_FOUND: Blame.STORAGE,
}


# Failures that a broken node gives to every image. Not TIMED_OUT: an image that takes for ever would take it
# sixteen times.
_MAY_BE_THE_NODES = {FailureCode.CRASHED, FailureCode.IO, FailureCode.INTERNAL}


def may_be_the_nodes(code: FailureCode) -> bool:
    """Whether a node that is broken would fail every image in this way."""
    return code in _MAY_BE_THE_NODES


def blame_of(code: FailureCode) -> Blame:
    """Who answers for a failure of that code."""
    return _BLAME.get(code, Blame.IMAGE)
