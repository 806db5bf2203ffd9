"""The binary protocol byte by byte, without Apache Thrift, so that wrong messages can be made as well."""

import struct
from dataclasses import dataclass
from typing import Any

CALL, REPLY, EXCEPTION, ONEWAY = 1, 2, 3, 4
BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15
_VERSION_1 = 0x8001_0000
_NUMBERS = {BOOL: ">?", BYTE: ">b", DOUBLE: ">d", I16: ">h", I32: ">i", I64: ">q"}


def frame(payload: bytes) -> bytes:
    return struct.pack(">i", len(payload)) + payload


def text(value: str | bytes) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return struct.pack(">i", len(content)) + content


def field(number: int, kind: int, value: bytes) -> bytes:
    return struct.pack(">bh", kind, number) + value


def string(number: int, value: str | bytes) -> bytes:
    return field(number, STRING, text(value))


def i32(number: int, value: int) -> bytes:
    return field(number, I32, struct.pack(">i", value))


def double(number: int, value: float) -> bytes:
    return field(number, DOUBLE, struct.pack(">d", value))


def block(*fields: bytes) -> bytes:
    """The content of a struct."""
    return b"".join(fields) + b"\0"


def sub(number: int, *fields: bytes) -> bytes:
    """A field that is a struct."""
    return field(number, STRUCT, block(*fields))


def listing(number: int, kind: int, elements: list[bytes]) -> bytes:
    return field(number, LIST, struct.pack(">bi", kind, len(elements)) + b"".join(elements))


def mapping(number: int, kinds: tuple[int, int], entries: list[bytes]) -> bytes:
    return field(number, MAP, struct.pack(">bbi", *kinds, len(entries)) + b"".join(entries))


def message(name: str | bytes, body: bytes, sequence: int = 1, kind: int = CALL) -> bytes:
    return struct.pack(">I", _VERSION_1 | kind) + text(name) + struct.pack(">i", sequence) + body


def message_without_version(name: str, body: bytes, sequence: int = 1, kind: int = CALL) -> bytes:
    return text(name) + struct.pack(">bi", kind, sequence) + body


def execute(
    base_path: str | bytes, filename: str | bytes, attempt_id: str | bytes = "attempt-1", *more: bytes
) -> bytes:
    """The arguments of execute and delayed_execute."""
    return block(string(1, base_path), string(2, filename), sub(3, string(1, attempt_id)), *more)


@dataclass(frozen=True)
class Message:
    """A message as it was read; structs are dictionaries by field number."""

    name: str
    kind: int
    sequence: int
    body: dict[int, Any]


class Reader:
    """Reads what a correct peer wrote; raises on anything else."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    def message(self) -> Message:
        version = self._number(">I")
        assert version & 0xFFFF_0000 == _VERSION_1, hex(version)
        name = self._text().decode()
        result = Message(name, version & 0xFF, self._number(">i"), self._struct())
        assert not self._left
        return result

    def _take(self, size: int) -> bytes:
        taken, self._left = self._left[:size], self._left[size:]
        assert len(taken) == size
        return taken

    def _number(self, code: str) -> Any:
        return struct.unpack(code, self._take(struct.calcsize(code)))[0]

    def _text(self) -> bytes:
        return self._take(self._number(">i"))

    def _struct(self) -> dict[int, Any]:
        values = {}
        while kind := self._number(">b"):
            number = self._number(">h")
            values[number] = self._value(kind)
        return values

    def _value(self, kind: int) -> Any:
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind])
        if kind == STRING:
            return self._text().decode()
        if kind == STRUCT:
            return self._struct()
        assert kind == LIST, kind
        kind, length = self._number(">b"), self._number(">i")
        return [self._value(kind) for _ in range(length)]
