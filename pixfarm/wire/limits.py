"""Bounds on what a connection may cost: sizes in bytes, times in seconds."""

from dataclasses import dataclass

MAX_STRING_BYTES = 8 * 1024
MAX_PAGE = 1000  # images of a job in one answer
CONNECT_TIMEOUT_S = 1.0
PING_TIMEOUT_S = 2.0

# A peer closes a connection that is idle for 60 s; one that has rested half as long is not used again,
# so that an answer is not lost to a close that crosses the question.
IDLE_TIMEOUT_S = 60.0
MAX_POOLED_IDLE_S = IDLE_TIMEOUT_S / 2


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """Largest message a side accepts."""

    frame_bytes: int
    string_bytes: int
    container_length: int
    whole_frame_s: float


# Requests and the answers of nodes are small; job reports and node lists are not, and come from a
# server that the client chose.
REQUEST_LIMITS = MessageLimits(64 * 1024, MAX_STRING_BYTES, 256, 5.0)
REPORT_LIMITS = MessageLimits(16 * 1024 * 1024, 64 * 1024, 100_000, 30.0)


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """How long and how many connections a listener keeps."""

    connections: int = 512
    idle_s: float = IDLE_TIMEOUT_S
    send_s: float = 30.0
