import os
from pathlib import Path

import pytest

from pixfarm.memory_limit import ENOUGH_MIB, LEAST_MIB, default_limit_mib

MEBIBYTE = 1024 * 1024
MACHINE_MIB = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MEBIBYTE


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_control_groups_the_machine_is_shared(tmp_path: Path) -> None:
    for workers in (1, 2, 16):
        expected = max(LEAST_MIB, min(ENOUGH_MIB, MACHINE_MIB // workers))
        assert default_limit_mib(workers, tmp_path) == expected


def test_no_limit_is_so_small_that_small_images_fail(tmp_path: Path) -> None:
    assert default_limit_mib(10**6, tmp_path) == LEAST_MIB


VERSION_2 = {"proc/self/cgroup": "0::/farm/node\n", "sys/fs/cgroup/farm/node/memory.max": "max\n"}
VERSION_1 = {
    "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/farm/node\n0::/\n",
    "sys/fs/cgroup/memory/farm/node/memory.limit_in_bytes": "9223372036854771712\n",
}


@pytest.mark.parametrize(
    ("files", "limit_file"),
    [
        pytest.param(VERSION_2, "sys/fs/cgroup/farm/node/memory.max", id="own"),
        pytest.param(VERSION_2, "sys/fs/cgroup/farm/memory.max", id="around"),
        pytest.param(VERSION_2, "sys/fs/cgroup/memory.max", id="container"),
        pytest.param(VERSION_1, "sys/fs/cgroup/memory/farm/node/memory.limit_in_bytes", id="own, version 1"),
        pytest.param(VERSION_1, "sys/fs/cgroup/memory/memory.limit_in_bytes", id="container, version 1"),
    ],
)
def test_the_least_limit_of_the_control_groups_is_shared(
    tmp_path: Path, files: dict[str, str], limit_file: str
) -> None:
    root = write(tmp_path, {**files, limit_file: f"{300 * MEBIBYTE}\n"})
    assert default_limit_mib(2, root) == 150


@pytest.mark.parametrize("files", [VERSION_2, VERSION_1], ids=["version 2", "version 1"])
def test_groups_without_a_limit_do_not_count(tmp_path: Path, files: dict[str, str]) -> None:
    assert default_limit_mib(1, write(tmp_path, files)) == min(ENOUGH_MIB, MACHINE_MIB)
