"""A whole farm on this machine: nodes and a server as subprocesses, on free ports, ready when they say so."""

import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TextIO

from pixfarm.errors import NotReady

HOME = Path(__file__).resolve().parents[1]
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0

_LISTENS = re.compile(r" listens on (?P<host>\S+):(?P<port>\d+),")
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node to start: its load probability, and further arguments of computenode.py."""

    load_probability: float | Literal["auto"] = 0.0
    arguments: tuple[str, ...] = ("--workers", "1")


class Part:
    """One tier as a subprocess, started and not yet known to be ready.

    Args:
        name: what to call it in messages.
        command: what to run.
        log: where its stderr goes.
    """

    def __init__(self, name: str, command: Sequence[str], log: TextIO) -> None:
        self.name = name
        self.port = 0
        self.lines: list[str] = []
        self._log_path = Path(log.name)
        # A session of its own: Ctrl-C at the terminal reaches who started the farm, who stops it in order.
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        self._new_lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name=f"read {name}", daemon=True)
        self._reader.start()

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Waits for the line that says where it listens.

        Raises:
            NotReady: it ended, or said nothing in time; the message holds what it printed.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                line = self._new_lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise NotReady(
                    f"{self.name} was not ready within {timeout_s:g} s{self._last_words()}"
                ) from None
            if line is None:
                raise NotReady(f"{self.name} ended at its start{self._last_words()}")
            if match := _LISTENS.search(line):
                self.port = int(match["port"])
                return

    def kill(self) -> None:
        """Ends it as a power cut would (SIGKILL)."""
        self.process.kill()
        self.process.wait()
        self._release()

    def ask_to_stop(self) -> None:
        """Sends SIGTERM; does not wait."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Asks it to stop, ends it when it does not, and returns its exit code; may be called twice."""
        if self.process.poll() is None:
            self.ask_to_stop()
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self._release()
        return self.process.returncode

    def log(self) -> str:
        """What it has logged so far."""
        return self._log_path.read_text(errors="replace")

    def _release(self) -> None:
        self._reader.join(STOP_TIMEOUT_S)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._new_lines.put(line)
        self._new_lines.put(None)

    def _last_words(self) -> str:
        words = [*self.lines, *self.log().splitlines()][-3:]
        return f": {' / '.join(words)}" if words else "; it printed nothing"


class LocalFarm:
    """Nodes and a server; a context manager that stops all it started, whatever happens.

    Args:
        nodes: what to start, as node_1, node_2 and so on.
        server_arguments: further arguments of server.py.
    """

    def __init__(self, nodes: Sequence[NodeSpec], server_arguments: Sequence[str] = ()) -> None:
        self._specs = {f"node_{number}": spec for number, spec in enumerate(nodes, start=1)}
        self._server_arguments = tuple(server_arguments)
        self._folder = tempfile.TemporaryDirectory(prefix="pixfarm-")
        self._parts: list[Part] = []
        self._logs: list[TextIO] = []
        self.nodes: dict[str, Part] = {}
        self.server: Part | None = None

    @property
    def machines_path(self) -> Path:
        """The farm's machine.txt."""
        return Path(self._folder.name) / "machine.txt"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start_node(self, name: str, port: int = 0) -> Part:
        """Starts a node of the farm, or starts it again; wait_until_ready() is up to the caller.

        Args:
            name: which.
            port: where it listens; 0 for any free port.
        """
        spec = self._specs[name]
        part = self._part(
            name,
            "computenode.py",
            [str(spec.load_probability), "--name", name, "--port", str(port), *spec.arguments],
        )
        self.nodes[name] = part
        return part

    def start_server(self, port: int = 0) -> Part:
        """Starts the server, or starts it again; wait_until_ready() is up to the caller."""
        self.server = self._part("server", "server.py", ["--port", str(port), *self._server_arguments])
        return self.server

    def client_command(self, *arguments: str) -> list[str]:
        """The command that runs client.py with this farm."""
        return [sys.executable, str(HOME / "client.py"), *arguments, "--machines", str(self.machines_path)]

    def close(self) -> None:
        """Stops everything, the server first; may be called twice."""
        if self.server is not None:
            self.server.stop()
        for part in self._parts:
            part.ask_to_stop()
        for part in self._parts:
            part.stop()
        for log in self._logs:
            log.close()
        self._folder.cleanup()

    def _start(self) -> None:
        # Which ports are free is known when the nodes have them; until then the file only has to be valid.
        self._write_machines({name: number for number, name in enumerate(["server", *self._specs], start=1)})
        for name in self._specs:
            self.start_node(name)
        for node in self.nodes.values():
            node.wait_until_ready()
        ports = {name: node.port for name, node in self.nodes.items()}
        self._write_machines({"server": 1, **ports})
        server = self.start_server()
        server.wait_until_ready()
        self._write_machines({"server": server.port, **ports})

    def _write_machines(self, ports: dict[str, int]) -> None:
        lines = [f"{name} {_HOST} {port}\n" for name, port in ports.items()]
        self.machines_path.write_text("".join(lines))

    def _part(self, name: str, script: str, arguments: Sequence[str]) -> Part:
        log = (Path(self._folder.name) / f"{name}.{len(self._parts)}.log").open("w")
        self._logs.append(log)
        # Should this process be killed, the other end of their standard input goes with it, and they stop.
        always = ["--machines", str(self.machines_path), "--stop-at-eof"]
        command = [sys.executable, str(HOME / script), *arguments, *always]
        part = Part(name, command, log)
        self._parts.append(part)
        return part
