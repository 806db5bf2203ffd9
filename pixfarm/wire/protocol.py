"""Messages: strict binary protocol with limits, coded by Apache Thrift's C extension."""

from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.Thrift import TException
from thrift.transport.TTransport import CReadableTransport, TMemoryBuffer, TTransportBase

from pixfarm.errors import ForeignPeer
from pixfarm.wire.limits import REQUEST_LIMITS, MessageLimits

# What the C extension and the protocol raise on bytes that are no message of ours.
UNDECODABLE = (TException, EOFError, OverflowError, TypeError, ValueError, RecursionError)


class StrictBinary(TBinaryProtocolAccelerated):  # type: ignore[misc]  # Apache Thrift is untyped
    """Binary protocol that insists on the version mark, on limits and on the C extension.

    Apache's factory for the accelerated protocol has no strict read and no limit on containers.
    """

    def __init__(self, trans: TTransportBase, limits: MessageLimits) -> None:
        super().__init__(
            trans,
            strictRead=True,
            strictWrite=True,
            string_length_limit=limits.string_bytes,
            container_length_limit=limits.container_length,
            fallback=False,
        )

    def skip(self, ttype: int, max_depth: int = 64) -> None:  # noqa: ARG002 - Apache's signature
        """Drops the rest of the message.

        Only generated processors call this, for the arguments of a method that does not exist; the
        frame ends with them, so there is no need to parse what a stranger sent.
        """
        self.trans.read(len(self.trans.getvalue()))


class CallProtocol(StrictBinary):
    """The calling side: matches each answer to its question.

    Generated clients number every call 0 and check nothing, so that after a timeout the next call on
    the same connection would return the previous one's answer.
    """

    def __init__(self, trans: TTransportBase, limits: MessageLimits) -> None:
        super().__init__(trans, limits)
        self._call = ("", 0)

    def writeMessageBegin(self, name: str, type: int, seqid: int) -> None:  # noqa: A002, ARG002, N802 - Apache's
        """Numbers the call."""
        self._call = (name, (self._call[1] + 1) & 0x7FFFFFFF)
        super().writeMessageBegin(name, type, self._call[1])

    def readMessageBegin(self) -> tuple[str, int, int]:  # noqa: N802 - Apache's name
        """Reads the answer's head and checks that it answers this call."""
        name, kind, sequence = super().readMessageBegin()
        if (name, sequence) != self._call:
            raise ForeignPeer(
                f"answered {name!r} number {sequence} to {self._call[0]!r} number {self._call[1]}"
            )
        return name, kind, sequence


def answer_frame(processor: Any, frame: bytes) -> bytes:
    """The reply frame of a generated processor to a request frame.

    Raises:
        ValueError: the frame is no request of ours.
    """
    request = TMemoryBuffer(frame)
    reply = TMemoryBuffer()
    try:
        processor.process(StrictBinary(request, REQUEST_LIMITS), StrictBinary(reply, REQUEST_LIMITS))
    except UNDECODABLE as error:
        raise ValueError(f"not a request: {type(error).__name__}: {error}") from error
    if request.read(1):
        raise ValueError("not a request: bytes left over after it")
    answer: bytes = reply.getvalue()
    return answer


assert issubclass(TMemoryBuffer, CReadableTransport)  # else generated code silently decodes in Python
