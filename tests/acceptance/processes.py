"""The scripts as subprocesses: started, watched, ended; nothing of pixfarm runs in the test itself."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixfarm.farm import HOME, LocalFarm

PATIENCE_S = 30.0
TOKEN = "PIXFARM_TEST_TOKEN"
_LOOK_EVERY_S = 0.01


def wait_until(question: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Returns when ``question`` says yes; fails the test when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not question():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s"
        time.sleep(_LOOK_EVERY_S)


@dataclass(frozen=True)
class Ended:
    """How a script ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """What --json printed."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    def has_one_line(self, code: int, *words: str) -> None:
        """Checks that it complained in exactly one line on stderr, with these words, and printed nothing."""
        assert (self.code, self.out) == (code, ""), self
        assert len(self.err.splitlines()) == 1, self
        assert "Traceback" not in self.err
        missing = [word for word in words if word not in self.err]
        assert not missing, f"{missing} not in {self.err!r}"


class Running:
    """A script that runs, with its output in files."""

    def __init__(self, command: Sequence[str], folder: Path, cwd: Path) -> None:
        self.command = list(command)
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            # In a session of its own, as in a terminal of its own.
            self.process = subprocess.Popen(
                self.command,
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                cwd=cwd,
                start_new_session=True,
            )

    def out(self) -> str:
        return self._out.read_text(errors="replace")

    def err(self) -> str:
        return self._err.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def send_to_group(self, number: signal.Signals) -> None:
        """What Ctrl-C at a terminal does."""
        os.killpg(self.process.pid, number)

    def wait_for(self, words: str) -> str:
        """The first whole line of stdout or stderr with these words."""

        def find() -> str | None:
            lines = [*self.out().splitlines(keepends=True), *self.err().splitlines(keepends=True)]
            return next((line for line in lines if words in line and line.endswith("\n")), None)

        wait_until(lambda: find() or self.process.poll() is not None, f"{words!r} from {self.command}")
        line = find()
        assert line, f"{self.command} ended without {words!r}: {self.out()}{self.err()}"
        return line.rstrip("\n")

    def ended(self, timeout_s: float = PATIENCE_S) -> Ended:
        """Waits for its end."""
        return Ended(self.process.wait(timeout_s), self.out(), self.err())

    def end(self) -> None:
        """Ends it, whatever it does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(PATIENCE_S)


class Terminals:
    """Starts scripts from a directory that has nothing to do with them, and ends them all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.cwd = folder / "elsewhere"
        self.cwd.mkdir()
        self._running: list[Running] = []

    def start(self, command: Sequence[str]) -> Running:
        folder = self._folder / f"terminal_{len(self._running)}"
        folder.mkdir()
        running = Running(command, folder, self.cwd)
        self._running.append(running)
        return running

    def script(self, name: str, *arguments: object, home: Path = HOME) -> Running:
        """Starts ``python3 name arguments``."""
        return self.start([sys.executable, str(home / name), *map(str, arguments)])

    def client(self, farm: LocalFarm, *arguments: object) -> Running:
        """Starts client.py with a farm."""
        return self.start(farm.client_command(*map(str, arguments)))

    def report(self, farm: LocalFarm, *arguments: object) -> dict[str, Any]:
        """What client.py --json reports in the end."""
        return self.client(farm, *arguments, "--json").ended().report

    def end(self) -> None:
        for running in self._running:
            running.end()


def free_ports(number: int, host: str = "localhost") -> list[int]:
    """Ports that nobody listens on, below those that the kernel gives to outgoing connections."""
    ports: list[int] = []
    for port in random.sample(range(12_000, 32_000), 200):
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == number:
            return ports
    raise AssertionError(f"{host} has no {number} free ports")


def write_machines(path: Path, nodes: int) -> Path:
    """A machine.txt of one server and some nodes on free ports of localhost."""
    server, *ports = free_ports(nodes + 1)
    lines = [f"node_{number} localhost {port}\n" for number, port in enumerate(ports, start=1)]
    path.write_text("".join([f"server localhost {server}\n", *lines]))
    return path


def is_open(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def with_token(token: str) -> list[str]:
    """The command lines of all processes that were started with this token, at whatever remove."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            if f"{TOKEN}={token}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it ended, or is another user's
    return found
