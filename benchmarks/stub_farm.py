"""A farm whose nodes do nothing: the real server.py, and stub nodes."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plan import HOME
from pixfarm.farm import Part

# A window of 8 images for each node: a stub answers far sooner than the server can fill it.
_WORKERS = 4


@dataclass(frozen=True, slots=True)
class StubFarm:
    """A running one."""

    server_pid: int
    stub_pids: tuple[int, ...]
    machines_path: Path

    def client_command(self, base: Path) -> list[str]:
        """The command that runs client.py with this farm."""
        script = str(HOME / "client.py")
        return [sys.executable, script, str(base), "--machines", str(self.machines_path)]


@contextmanager
def stub_farm(stubs: int, seed: int) -> Iterator[StubFarm]:
    """A server and that many stub nodes, ready; all stopped at the end, whatever happens.

    Raises:
        NotReady: one of them did not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pixfarm-bench-")))
        names = [f"node_{number}" for number in range(1, stubs + 1)]
        script = str(HOME / "benchmarks" / "stub_node.py")
        nodes = [start_part(stack, name, [script, name, str(_WORKERS)], folder) for name in names]
        for node in nodes:
            node.wait_until_ready()
        machines_path = folder / "machine.txt"
        ports = {node.name: node.port for node in nodes}
        write_machines(machines_path, {"server": 1, **ports})
        arguments = ["--port", "0", "--seed", str(seed), "--machines", str(machines_path), "--stop-at-eof"]
        server = start_part(stack, "server", [str(HOME / "server.py"), *arguments], folder)
        server.wait_until_ready()
        write_machines(machines_path, {"server": server.port, **ports})
        yield StubFarm(server.process.pid, tuple(node.process.pid for node in nodes), machines_path)


def start_part(stack: ExitStack, name: str, arguments: list[str], folder: Path) -> Part:
    """A Python script as a subprocess, logging into ``folder``, stopped at the end of ``stack``."""
    log = stack.enter_context((folder / f"{name}.log").open("w"))
    part = Part(name, [sys.executable, *arguments], log)
    stack.callback(part.stop)
    return part


def write_machines(path: Path, ports: dict[str, int]) -> None:
    """Writes a machine.txt of this host."""
    path.write_text("".join(f"{name} 127.0.0.1 {port}\n" for name, port in ports.items()))
