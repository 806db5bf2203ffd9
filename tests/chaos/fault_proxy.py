"""A TCP proxy between the server and a node that harms what passes: bytes, frames, connections."""

import asyncio
import collections
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.chaos.fault_plan import Kind
from tests.chaos.frame_harm import Deed, harmed

HOST = "127.0.0.1"
_PATIENCE_S = 30.0
_DRIP_PAUSE_S = 0.01
_SETTLES_S = 0.02
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER that makes close() send a reset

_UP, _DOWN = "up", "down"  # to the node, to the server


@dataclass(eq=False)
class _Connection:
    """One connection through the proxy; ``last_reply`` is what a stale reply repeats."""

    to_server: asyncio.StreamWriter
    to_node: asyncio.StreamWriter
    last_reply: bytes = b""

    def end(self, *, reset: bool) -> None:
        for writer in (self.to_server, self.to_node):
            if reset:
                sock = writer.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
            else:
                writer.close()


@dataclass(eq=False)
class Link:
    """The way from the server to one node.

    Args:
        port: where the proxy listens.
        node_port: where the node does.
        loop: runs everything but harm().
    """

    port: int
    node_port: int
    loop: asyncio.AbstractEventLoop
    done: collections.Counter[Kind] = field(default_factory=collections.Counter)
    _connections: set[_Connection] = field(default_factory=set)
    _accepted: dict[socket.socket, asyncio.StreamWriter] = field(default_factory=dict)
    _deeds: list[Deed] = field(default_factory=list)
    _listening: socket.socket | None = None
    _reserved: socket.socket | None = None
    _flows: asyncio.Event = field(default_factory=asyncio.Event)
    _drips_until: float = 0.0

    def harm(self, kind: Kind, seconds: float, number: int) -> None:
        """Does what a fault of the plan says; returns when it is over.

        What harms a frame waits for the next one in its direction, and is counted in ``done`` when it came.
        """
        asyncio.run_coroutine_threadsafe(self._harm(kind, seconds, number), self.loop).result(
            seconds + _PATIENCE_S
        )

    @contextmanager
    def down(self) -> Iterator[None]:
        """While this lasts, whoever connects is refused: there is nobody behind."""
        asyncio.run_coroutine_threadsafe(self._stop_listening(), self.loop).result(_PATIENCE_S)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result(_PATIENCE_S)

    async def listen(self) -> None:
        """Accepts connections from here on."""
        if self._listening is not None:
            return
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        self._flows.set()
        # Not by asyncio.start_server(), which loses what was just being accepted when it is closed.
        self._listening = socket.create_server((HOST, self.port))
        self._listening.settimeout(0)
        self.loop.add_reader(self._listening, self._accept, self._listening)

    async def close(self) -> None:
        """Ends the listener and all connections."""
        await self._stop_listening()
        if self._reserved is not None:
            self._reserved.close()
        self._end_all(reset=True)

    async def _harm(self, kind: Kind, seconds: float, number: int) -> None:
        if kind is Kind.REFUSED:
            await self._stop_listening()
            self._end_all(reset=True)
            await asyncio.sleep(seconds)
            await self.listen()
        elif kind in {Kind.RESET, Kind.CLOSED}:
            self._end_all(reset=kind is Kind.RESET)
        elif kind in {Kind.SILENCE, Kind.SILENCE_LONG}:
            self._flows.clear()
            await asyncio.sleep(seconds)
            self._flows.set()
        elif kind is Kind.DRIP:
            self._drips_until = self.loop.time() + seconds
            await asyncio.sleep(seconds)
        else:
            self._deeds.append(Deed(kind, number))
            return
        self.done[kind] += 1

    async def _stop_listening(self) -> None:
        if self._listening is None:
            return
        self.loop.remove_reader(self._listening)
        # A process that is just being forked shares it for a moment; close() would leave it open there.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._listening = None
        # Bound and not listening: nobody else gets the port, and whoever connects is refused.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind((HOST, self.port))

    def _end_all(self, *, reset: bool) -> None:
        for connection in list(self._connections):
            connection.end(reset=reset)

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, _ = listening.accept()
        except OSError:  # whoever it was has gone again
            return
        sock.settimeout(0)
        # Known before anything is awaited: a task may be cancelled before its first step.
        asyncio.ensure_future(self._serve(sock)).add_done_callback(lambda _task: self._forget(sock))

    def _forget(self, sock: socket.socket) -> None:
        writer = self._accepted.pop(sock, None)
        if writer is None:
            sock.close()
        else:
            writer.transport.abort()

    async def _serve(self, sock: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=sock)
        self._accepted[sock] = writer
        try:
            node_reader, node_writer = await asyncio.open_connection(HOST, self.node_port)
        except OSError:  # the node is down: to the server it looks as if the machine had just gone
            return
        connection = _Connection(writer, node_writer)
        self._connections.add(connection)
        pumps = [
            asyncio.ensure_future(self._pump(connection, reader, _UP)),
            asyncio.ensure_future(self._pump(connection, node_reader, _DOWN)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            connection.end(reset=False)
            self._connections.discard(connection)

    async def _pump(self, connection: _Connection, reader: asyncio.StreamReader, direction: str) -> None:
        writer = connection.to_node if direction == _UP else connection.to_server
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(4)
                frame = head + await reader.readexactly(int.from_bytes(head, "big"))
                await self._flows.wait()
                deed = self._deed_for(direction, connection)
                await self._write(writer, harmed(frame, deed, connection.last_reply))
                if direction == _DOWN:
                    connection.last_reply = frame
                if deed and deed.kind in {Kind.CUT_REQUEST, Kind.CUT_REPLY}:
                    return

    def _deed_for(self, direction: str, connection: _Connection) -> Deed | None:
        for deed in self._deeds:
            is_possible = deed.kind is not Kind.STALE or connection.last_reply
            if is_possible and (deed.kind is Kind.CUT_REQUEST) == (direction == _UP):
                self._deeds.remove(deed)
                self.done[deed.kind] += 1
                return deed
        return None

    async def _write(self, writer: asyncio.StreamWriter, content: bytes) -> None:
        while content and self.loop.time() < self._drips_until:
            writer.write(content[:1])
            await writer.drain()
            content = content[1:]
            await asyncio.sleep(_DRIP_PAUSE_S)
        writer.write(content)
        await writer.drain()


class FaultProxy:
    """All links of a farm, in one thread; a context manager that closes them."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._links: list[Link] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()

    def link(self, port: int, node_port: int) -> Link:
        """A link that listens on a port and leads to a node's."""

        async def make() -> Link:
            link = Link(port, node_port, self._loop)
            await link.listen()
            return link

        link: Link = self._run(make())
        self._links.append(link)
        return link

    def _run(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(_PATIENCE_S)

    async def _close(self) -> None:
        for link in self._links:
            await link.close()
        for _ in range(5):
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(_SETTLES_S)  # transports are closed in later turns of the loop
