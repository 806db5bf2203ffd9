"""Frames that nobody honest sends: mutated, random, and well-formed nonsense; the same for the same seed."""

import random
import socket
import struct
from collections.abc import Iterator

from tests.integration.raw_peers import RawClient
from tests.integration.thrift_bytes import (
    BOOL,
    BYTE,
    CALL,
    DOUBLE,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    SET,
    STRING,
    STRUCT,
    block,
    frame,
    message,
)

_KINDS = (BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST)
_ODD_KINDS = (0, 1, 5, 7, 9, 16, 17, 99, 127)
_ODD_LENGTHS = (-(2**31), -1, 0, 1, 255, 256, 257, 8192, 8193, 65536, 2**24, 2**31 - 1)
_WIDTHS = {BOOL: 1, BYTE: 1, DOUBLE: 8, I16: 2, I32: 4, I64: 8}
_NAMES = ("execute", "delayed_execute", "status", "submit_request", "job_status", "cancel_job", "list_jobs")


def hostile_frames(seeds: list[bytes], count: int, rng: random.Random) -> Iterator[bytes]:
    """What to send, sizes included; a third each is mutated from ``seeds``, random, and nonsense."""
    for number in range(count):
        if number % 3 == 0:
            yield frame(_mutated(rng.choice(seeds), rng))
        elif number % 3 == 1:
            yield _random_bytes(rng)
        else:
            yield frame(_nonsense(rng))


def send_all(port: int, frames: Iterator[bytes]) -> int:
    """Sends each frame, and waits until it is answered or its connection closed; the number of answers."""
    answers = 0
    client = RawClient(port)
    for content in frames:
        client.send(content)
        if len(content) < 4 or len(content) - 4 != struct.unpack(">i", content[:4])[0]:
            client.socket.shutdown(socket.SHUT_WR)  # else the rest of the frame would be waited for
        if client.receive() is None:
            client.socket.close()
            client = RawClient(port)
        else:
            answers += 1
    client.socket.close()
    return answers


def _mutated(seed: bytes, rng: random.Random) -> bytes:
    content = bytearray(seed)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        place = rng.randrange(len(content)) if content else 0
        match rng.randrange(6):
            case 0:
                content[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                content[place : place + 1] = (
                    bytes([content[place] ^ 1 << rng.randrange(8)]) if content else b""
                )
            case 2:
                content[place:place] = rng.randbytes(rng.randrange(1, 9))
            case 3:
                del content[place : place + rng.randrange(1, 9)]
            case 4:
                content[place : place + 4] = struct.pack(">i", rng.choice(_ODD_LENGTHS))
            case _:
                content += content[place:][:1000]
    return bytes(content[:60_000]) or b"\0"


def _random_bytes(rng: random.Random) -> bytes:
    content = rng.randbytes(rng.choice((1, 3, 4, 10, 100, 1000, 30_000)))
    return frame(content) if rng.random() < 0.7 else content


def _nonsense(rng: random.Random) -> bytes:
    fields = b"".join(_field(rng, 4) for _ in range(rng.randrange(6)))
    return message(rng.choice(_NAMES), block(fields), rng.randrange(2**31), CALL)[:60_000]


def _field(rng: random.Random, depth: int) -> bytes:
    kind = rng.choice(_KINDS if rng.random() < 0.95 else _ODD_KINDS)
    number = rng.choice((-1, 0, 1, 2, 3, 4, 99, 32767))
    return struct.pack(">bh", kind, number) + _value(kind, rng, depth)


def _value(kind: int, rng: random.Random, depth: int) -> bytes:
    if kind in _WIDTHS:
        return rng.randbytes(_WIDTHS[kind])
    if kind == STRING:
        content = rng.choice((b"", b"/nowhere", b"\0", b"\xff\xfe", b"../x", rng.randbytes(20)))
        return struct.pack(">i", _length(len(content), rng)) + content
    if depth == 0:
        return b"\0"
    if kind == STRUCT:
        return block(*(_field(rng, depth - 1) for _ in range(rng.randrange(4))))
    kinds = [rng.choice(_KINDS) for _ in range(2 if kind == MAP else 1)]
    count = rng.randrange(4)
    entries = b"".join(_value(inner, rng, depth - 1) for _ in range(count) for inner in kinds)
    return bytes(kinds) + struct.pack(">i", _length(count, rng)) + entries


def _length(honest: int, rng: random.Random) -> int:
    return honest if rng.random() < 0.9 else rng.choice(_ODD_LENGTHS)
