"""Every exception of pixfarm, sorted by what the caller does next.

PixfarmError
├── UsageError            the person mends the input and runs again
│   ├── BadMachinesFile   a line of machine.txt
│   ├── InvalidRequest    what was asked of a server or a node
│   ├── UnknownJob        a job id the server does not know
│   └── StateUnusable     the server's state directory
├── PeerError             the other side of a connection; the caller decides by the kind
│   ├── Unreachable       nothing was sent: ask somewhere else, for free
│   ├── AnswerLost        sent, but no answer: ask the peer whether it lives before blaming anything
│   │   └── AnswerLate    the connection holds, and the time is up: the question may be to blame
│   └── ForeignPeer       answers, but not as pixfarm would: do not ask again
├── TaskRejected          an ordinary answer of a node: ask another node
├── TaskFailed            the node took the image and could not do it: the code says whose fault
├── GaveUp                the job ends early: nobody can or will take its images, or nobody wants them
└── NotReady              a part of the farm did not start
"""

from enum import StrEnum


class PixfarmError(Exception):
    """Base of everything that pixfarm raises on purpose."""


class UsageError(PixfarmError):
    """The input is wrong; the message says what, where, and what to write instead."""


class BadMachinesFile(UsageError):
    """machine.txt cannot be used; the message starts with ``file:line:`` where there is a line."""


class InvalidRequest(UsageError):
    """A server or a node was asked for something it cannot carry out."""


class UnknownJob(UsageError):
    """The server knows no job of that id."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id

    def __str__(self) -> str:
        return f"the server knows no job {self.job_id!r}"


class StateUnusable(UsageError):
    """The server's state directory or its journal cannot be used; the message says why and what helps."""


class PeerError(PixfarmError):
    """Something went wrong between two machines."""


class Unreachable(PeerError):
    """No connection could be made, so nothing was sent."""


class AnswerLost(PeerError):
    """The request was sent, at least in part, and no answer came in time."""


class AnswerLate(AnswerLost):
    """The request was sent, the connection holds, and the answer did not come in time."""


class ForeignPeer(PeerError):
    """The peer answers, but not in the way this version of pixfarm does."""


class RejectReason(StrEnum):
    """Why a node refused an image."""

    LOAD = "LOAD"
    BUSY = "BUSY"
    DRAINING = "DRAINING"


class TaskRejected(PixfarmError):
    """A node does not take the image now.

    Args:
        reason: why.
        load_probability: the node's p, 0 to 1.
        retry_after_s: seconds after which asking again makes sense.
    """

    def __init__(self, reason: RejectReason, load_probability: float, retry_after_s: float = 0.0) -> None:
        super().__init__(reason, load_probability, retry_after_s)
        self.reason = reason
        self.load_probability = load_probability
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"refused ({self.reason}, p = {self.load_probability:g})"


class FailureCode(StrEnum):
    """Why an image was not done. The names are part of the wire contract."""

    NOT_FOUND = "NOT_FOUND"
    UNREADABLE = "UNREADABLE"
    UNSUPPORTED = "UNSUPPORTED"
    TOO_LARGE = "TOO_LARGE"
    FORBIDDEN = "FORBIDDEN"
    BAD_NAME = "BAD_NAME"
    NO_SPACE = "NO_SPACE"
    READ_ONLY = "READ_ONLY"
    NO_RESOURCES = "NO_RESOURCES"
    NO_MEMORY = "NO_MEMORY"
    NO_CODE = "NO_CODE"
    FUNCTION_FAILED = "FUNCTION_FAILED"
    IO = "IO"
    CRASHED = "CRASHED"
    TIMED_OUT = "TIMED_OUT"
    INTERNAL = "INTERNAL"
    NODE_LOST = "NODE_LOST"
    REFUSED = "REFUSED"
    ALL_NODES_REJECT = "ALL_NODES_REJECT"
    NO_NODES = "NO_NODES"
    CANCELLED = "CANCELLED"


class TaskFailed(PixfarmError):
    """A node took the image and could not do it.

    Args:
        code: machine-readable reason.
        message: one line for a person, without the file's name.
    """

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class NotReady(PixfarmError):
    """A part of the farm did not say that it is ready; the message holds what it printed."""


class GaveUp(PixfarmError):
    """No further image of a job will be started.

    Args:
        code: why, in machine-readable form; the code of the images that are not done.
        message: why, in one line for a person.
    """

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message
