"""Where the time of an image went."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phases:
    """Seconds that an image took, or all images of a node, in the order in which they pass.

    Args:
        waiting: in the node, before a worker took it: simulated delay and queue.
        sending: between server and node, and in the server: what the call took beyond waiting and work.
        reading: the source.
        decoding: from its bytes to pixels.
        operations: each of the pipeline.
        encoding: from pixels to the bytes of the result, with its check.
        writing: until it has its name.
    """

    waiting: float = 0.0
    sending: float = 0.0
    reading: float = 0.0
    decoding: float = 0.0
    operations: tuple[float, ...] = ()
    encoding: float = 0.0
    writing: float = 0.0


NO_TIME = Phases()
