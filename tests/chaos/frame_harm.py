"""Harm to one frame on its way through the fault proxy."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.fault_plan import Kind


@dataclass(frozen=True, eq=False)
class Deed:
    """Harm to the next frame that passes in its direction; ``number`` chooses the byte, or the noise."""

    kind: Kind
    number: int


def harmed(frame: bytes, deed: Deed | None, last_reply: bytes) -> bytes:
    """What is passed on instead of a frame; ``last_reply`` is what a stale reply repeats."""
    if deed is None:
        return frame
    return _HARM[deed.kind](frame, deed.number, last_reply)


def _cut(frame: bytes, number: int, _last: bytes) -> bytes:
    return frame[: number % (len(frame) + 1)]


def _garbage(frame: bytes, number: int, _last: bytes) -> bytes:
    noise = random.Random(number).randbytes(len(frame))
    # Every second time the length is right, and only what is in the frame is not.
    return frame[:4] + noise[4:] if number % 2 else noise


_HARM: dict[Kind, Callable[[bytes, int, bytes], bytes]] = {
    Kind.CUT_REQUEST: _cut,
    Kind.CUT_REPLY: _cut,
    Kind.DUPLICATE: lambda frame, _number, _last: frame + frame,
    Kind.STALE: lambda _frame, _number, last: last,
    Kind.GARBAGE: _garbage,
}
