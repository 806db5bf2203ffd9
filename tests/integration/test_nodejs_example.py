import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pixfarm.farm import HOME, LocalFarm, NodeSpec
from tests.conftest import RequireTool
from tests.integration.raw_peers import HOST
from tests.integration.small_images import save_image

# npm may have to fetch the package, and its registry may be slow.
pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("nodejs")]
INSTALL_TIMEOUT_S = 240
RUN_TIMEOUT_S = 60
EXAMPLE = Path("docs/examples/nodejs")


@dataclass(frozen=True)
class Example:
    """A copy of the example, generated and installed as its README says."""

    folder: Path
    node: str

    def submit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.node, "submit.js", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )


@pytest.fixture
def example(tmp_path: Path, require_tool: RequireTool) -> Example:
    for tool in ("thrift", "npm", "sh"):
        require_tool(tool)
    node = require_tool("node")
    folder = tmp_path / "copy" / EXAMPLE
    generated = shutil.ignore_patterns("node_modules", "ImageServer.js", "ComputeNode.js", "pixfarm_types.js")
    shutil.copytree(HOME / EXAMPLE, folder, ignore=generated)
    shutil.copytree(HOME / "thrift", tmp_path / "copy" / "thrift")
    commands = re.findall(r"^```sh\n(.*?)^```", (folder / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    installed = subprocess.run(
        ["sh", "-e", "-c", commands[0]],
        cwd=folder,
        env={**os.environ, "npm_config_audit": "false", "npm_config_fund": "false"},
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr
    return Example(folder, node)


@pytest.fixture
def farm() -> Iterator[LocalFarm]:
    with LocalFarm([NodeSpec(0.5, ("--workers", "1", "--delay-s", "0")), NodeSpec(0.0)]) as farm:
        yield farm


def test_the_node_js_example_runs_as_its_readme_says(
    example: Example, farm: LocalFarm, tmp_path: Path
) -> None:
    """One test for all, because getting the package ready is what takes the time."""
    base_path = tmp_path / "images"
    for number in range(6):
        save_image(base_path / "input_dir" / "sub" / f"{number}.png", 200, 300)
    assert farm.server is not None
    address = (HOST, str(farm.server.port))

    done = example.submit(str(base_path), *address)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert re.search(
        r"^job \S+ FINISHED: 6 of 6 images done in \d+\.\d s, 0 failed, 0 not done$", done.stdout, re.M
    )
    counts = re.findall(r"^  node_[12]: (\d+) done, \d+ refused$", done.stdout, re.MULTILINE)
    assert sum(map(int, counts)) == 6
    assert len(list((base_path / "output_dir" / "sub").glob("?.png"))) == 6

    (base_path / "input_dir" / "broken.png").write_bytes(b"no image")
    some = example.submit(str(base_path), *address)
    assert some.returncode == 1
    assert "6 of 7 images done" in some.stdout
    assert "  broken.png: UN" in some.stdout

    refused = example.submit("/pixfarm-tests/nowhere", *address)
    assert refused.returncode == 2
    assert refused.stderr.startswith("the server refuses: base path '/pixfarm-tests/nowhere' does not exist")

    for wrong in ((), (str(base_path), HOST, "no-port")):
        usage = example.submit(*wrong)
        assert usage.returncode == 2
        assert usage.stderr.startswith("usage: node submit.js <absolute base path>")

    with socket.socket() as reserved:
        reserved.bind((HOST, 0))
        port = str(reserved.getsockname()[1])
        absent = example.submit(str(base_path), HOST, port)
    assert absent.returncode == 3
    assert absent.stderr.startswith(f"no answer from the server at {HOST}:{port}: connect ECONNREFUSED")
    assert "at " + str(example.folder) not in absent.stderr
