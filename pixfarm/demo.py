"""The demonstration: a farm of four nodes on this machine does a directory of images, and stops again."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from pixfarm import script
from pixfarm.farm import HOME, LocalFarm, NodeSpec
from pixfarm.listing import source_tree

LOAD_PROBABILITIES = (0.8, 0.6, 0.5, 0.2)
_CLIENT_STOP_S = 15.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the demonstration; returns 0 when the farm did its work, even if some images could not be done."""
    options = _parse(argv)
    # A closed terminal or a kill unwinds as Ctrl-C does: nothing that was started is left behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    specs = [NodeSpec(p, ("--workers", "1", "--delay-s", f"{options.delay_s:g}")) for p in LOAD_PROBABILITIES]
    print(f"starting {len(specs)} nodes and a server ...", flush=True)
    with LocalFarm(specs) as farm:
        for part in (*farm.nodes.values(), farm.server):
            if part is not None:
                print(f"  {part.lines[-1]}", flush=True)
        code = _run_client(farm.client_command(str(options.base_path)))
        print("stopping the farm ...", flush=True)
    if code == script.EXIT_OK:
        tree = source_tree(str(options.base_path))
        print(f"originals: {tree.source}\nresults:   {tree.target}", flush=True)
    return code


def _run_client(command: list[str]) -> int:
    is_interrupted = False
    with subprocess.Popen(command) as client:
        while True:
            try:
                code = client.wait()
            except KeyboardInterrupt:
                is_interrupted = True  # the client got it as well and cancels its job; a second one ends it
            except SystemExit:
                client.terminate()
                client.wait(_CLIENT_STOP_S)
                raise
            else:
                # A bad image among many is no failure of the demonstration.
                return script.EXIT_OK if code == script.EXIT_SOME_FAILED and not is_interrupted else code


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.OneLineParser(__doc__ or "", prog="pixfarm.demo")
    parser.add_argument("base_path", nargs="?", type=script.directory, default=HOME / "data")
    parser.add_argument("--delay-s", type=script.seconds, default=1.0)
    options = parser.parse_args(argv)
    options.base_path = options.base_path.expanduser().absolute()  # make leaves a ~ as it is
    source_tree(str(options.base_path))  # a wrong directory is refused before anything is started
    return options


if __name__ == "__main__":
    script.run(main)
