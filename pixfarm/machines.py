"""machine.txt: which machine plays which part."""

import io
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pixfarm.errors import BadMachinesFile
from pixfarm.model import Machine

_log = logging.getLogger(__name__)

DEFAULT_SERVER_PORT = 9090
DEFAULT_NODE_PORT = 9091

_NAME = re.compile(r"server|client|node[A-Za-z0-9_.-]*", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_.:%-]{1,253}", re.ASCII)
_LOOPBACK = {"localhost": "127.0.0.1", "ip6-localhost": "::1"}
_MAX_BYTES = 1024 * 1024

# The coarsest time stamps of files (FAT): what is written within that time may look like what was there.
_SETTLED_S = 2.0

Key = TypeVar("Key")
Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Machines:
    """The machines of one farm, nodes in the order of the file."""

    server: Machine
    nodes: tuple[Machine, ...]

    def node(self, name: str) -> Machine:
        """The node of that name.

        Raises:
            BadMachinesFile: there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.nodes)
        raise BadMachinesFile(f"no node is called {name!r}; there are {known}")


def read_machines(path: Path) -> Machines:
    """The machines that a file names, one ``name host [port]`` per line, ``#`` comments.

    Raises:
        BadMachinesFile: the file cannot be read, or a line is wrong; the message says what to write.
    """
    machines = _parse(path.name, _read_lines(path))
    servers = [machine for machine in machines if machine.name == "server"]
    nodes = tuple(machine for machine in machines if machine.name.startswith("node"))
    if not servers:
        raise BadMachinesFile(
            f"{path}: no line names the server; add one like 'server localhost {DEFAULT_SERVER_PORT}'"
        )
    if not nodes:
        raise BadMachinesFile(
            f"{path}: no line names a node; add one like 'node_1 localhost {DEFAULT_NODE_PORT}'"
        )
    return Machines(servers[0], nodes)


class MachinesFile:
    """A machines file that may change; for one thread.

    Args:
        path: the file.
        clock: seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._machines: Machines | None = None
        self._seen: Signature | None = None
        self._seen_at_s = 0.0
        self._problem = ""

    def read(self) -> Machines:
        """The machines of the file.

        Raises:
            BadMachinesFile: it cannot be used.
        """
        self._note(self._signature())
        self._machines = read_machines(self._path)
        self._problem = ""
        return self._machines

    def changed(self) -> Machines | None:
        """The machines when they are others than before, else None.

        When the file cannot be used, that is logged once for each change, and the machines of before stay.
        Reads the file when its time stamp, size or inode are new, and for two seconds from then: somebody may
        still be writing, or write twice within one time stamp.
        """
        signature = self._signature()
        is_new = signature != self._seen
        if not is_new and self._clock() - self._seen_at_s > _SETTLED_S:
            return None
        if is_new:
            self._note(signature)
        try:
            machines = read_machines(self._path)
        except BadMachinesFile as error:
            if is_new or str(error) != self._problem:
                _log.warning("%s; going on with the machines of before", error)
            self._problem = str(error)
            return None
        self._problem = ""
        if machines == self._machines:
            return None
        self._machines = machines
        return machines

    def _note(self, signature: Signature | None) -> None:
        self._seen = signature
        self._seen_at_s = self._clock()

    def _signature(self) -> Signature | None:
        try:
            status = self._path.stat()
        except OSError:
            return None  # reading tells why
        return status.st_mtime_ns, status.st_size, status.st_ino


def _read_lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadMachinesFile(f"{path}: {error.strerror}; name the right file with --machines") from error
    if len(content) > _MAX_BYTES:
        raise BadMachinesFile(f"{path}: larger than 1 MiB; is this a machine.txt?")
    try:
        # splitlines() would end a line, and a comment, at a form feed too.
        return io.StringIO(content.decode("utf-8-sig"), newline=None).readlines()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1  # counted from after a byte order mark
        raise BadMachinesFile(f"{path.name}:{line}: not UTF-8 text; save the file as UTF-8") from error


def _parse(filename: str, lines: Iterable[str]) -> list[Machine]:
    machines: list[Machine] = []
    name_lines: dict[str, int] = {}
    address_lines: dict[tuple[str, int], int] = {}
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            machine = _machine(words)
            address = (_LOOPBACK.get(machine.host.lower(), machine.host.lower()), machine.port)
            _claim(name_lines, machine.name, number, f"the name {machine.name!r}")
            if machine.name != "client":  # it listens nowhere
                _claim(address_lines, address, number, f"{machine.host} port {machine.port}")
        except ValueError as error:
            raise BadMachinesFile(f"{filename}:{number}: {error}") from None
        machines.append(machine)
    return machines


def _claim(taken: dict[Key, int], key: Key, line: int, what: str) -> None:
    if key in taken:
        raise ValueError(f"{what} is already used in line {taken[key]}; each machine needs its own")
    taken[key] = line


def _machine(words: list[str]) -> Machine:
    if len(words) not in {2, 3}:
        found = "1 word" if len(words) == 1 else f"{len(words)} words"
        raise ValueError(f"expected 'name host [port]', found {found}: {' '.join(words)!r}")
    name, host = words[:2]
    if not _NAME.fullmatch(name):
        raise ValueError(f"the name {name!r} is unknown; write server, client, or one that starts with node")
    if not _HOST.fullmatch(host) or host.count(":") == 1:
        raise ValueError(
            f"{host!r} is no host name or address; write one like localhost or 192.168.0.7, the port apart"
        )
    default = DEFAULT_SERVER_PORT if name == "server" else DEFAULT_NODE_PORT
    return Machine(name, host, _port(words[2]) if len(words) == 3 else default)


def _port(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 5 and 1 <= int(word) <= 65535):
        raise ValueError(f"the port {word!r} is not a number from 1 to 65535")
    return int(word)
