"""A farm whose nodes touch no image: the real server.py, and stub nodes."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plan import HOME
from pixfarm.farm import Part


@dataclass(frozen=True, slots=True)
class Stub:
    """A stub node to start.

    Args:
        workers: images in work at once; the server has twice as many in flight to it.
        seconds: how long each image takes.
        code: how every image fails; empty does them.
    """

    # A window of 8 images for each node: a stub answers far sooner than the server can fill it.
    workers: int = 4
    seconds: float = 0.0
    code: str = ""


@dataclass(frozen=True, slots=True)
class StubFarm:
    """A running one; its stubs are node_1, node_2 and so on."""

    server_pid: int
    stubs: tuple[Part, ...]
    folder: Path

    @property
    def stub_pids(self) -> tuple[int, ...]:
        """Process ids of the stubs."""
        return tuple(stub.process.pid for stub in self.stubs)

    @property
    def machines_path(self) -> Path:
        """The farm's machine.txt."""
        return self.folder / "machine.txt"

    def client_command(self, base: Path) -> list[str]:
        """The command that runs client.py with this farm."""
        script = str(HOME / "client.py")
        return [sys.executable, script, str(base), "--machines", str(self.machines_path)]


@contextmanager
def stub_farm(stubs: Sequence[Stub], server: Sequence[str], trace: str = "") -> Iterator[StubFarm]:
    """A server and stub nodes, ready; all stopped at the end, whatever happens.

    Args:
        stubs: the nodes.
        server: the script of the server and arguments beside those that say where it is.
        trace: name of the file, in the farm's folder, that the server writes its trace to.

    Raises:
        NotReady: one of them did not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pixfarm-bench-")))
        nodes = [
            start_stub(stack, f"node_{number}", stub, folder) for number, stub in enumerate(stubs, start=1)
        ]
        for node in nodes:
            node.wait_until_ready()
        machines_path = folder / "machine.txt"
        ports = {node.name: node.port for node in nodes}
        write_machines(machines_path, {"server": 1, **ports})
        arguments = ["--port", "0", "--machines", str(machines_path), "--stop-at-eof"]
        arguments += ["--trace", str(folder / trace)] if trace else []
        part = start_part(stack, "server", [*server, *arguments], folder)
        part.wait_until_ready()
        write_machines(machines_path, {"server": part.port, **ports})
        yield StubFarm(part.process.pid, tuple(nodes), folder)


def start_stub(stack: ExitStack, name: str, stub: Stub, folder: Path) -> Part:
    """A stub node, started."""
    script = str(HOME / "benchmarks" / "stub_node.py")
    arguments = [script, name, str(stub.workers), f"{stub.seconds:g}", stub.code]
    return start_part(stack, name, arguments, folder)


def start_part(stack: ExitStack, name: str, arguments: list[str], folder: Path) -> Part:
    """A Python script as a subprocess, logging into ``folder``, stopped at the end of ``stack``."""
    log = stack.enter_context((folder / f"{name}.log").open("w"))
    part = Part(name, [sys.executable, *arguments], log)
    stack.callback(part.stop)
    return part


def write_machines(path: Path, ports: dict[str, int]) -> None:
    """Writes a machine.txt of this host."""
    path.write_text("".join(f"{name} 127.0.0.1 {port}\n" for name, port in ports.items()))
