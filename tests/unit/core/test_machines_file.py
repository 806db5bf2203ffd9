import logging
import os
from pathlib import Path

import pytest

from pixfarm.errors import BadMachinesFile
from pixfarm.machines import Machines, MachinesFile
from pixfarm.model import Machine

SERVER = "server desk 9090\n"
GOOD = SERVER + "node_1 desk 9091\n"
MORE = GOOD + "node_2 desk 9092\n"
WRONG = GOOD + "node_2 desk http\n"
SETTLED_S = 3.0


class Farm:
    """A machines file that was read, and who watches it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "machine.txt"
        self.path.write_text(GOOD)
        self.now_s = 1000.0
        self.file = MachinesFile(self.path, lambda: self.now_s)
        self.file.read()
        self.now_s += SETTLED_S

    def changed_to(self, text: str) -> list[str] | None:
        """What changed() says after the file was written."""
        self.path.write_text(text)
        return self.changed()

    def changed(self) -> list[str] | None:
        self.now_s += 1.0
        machines = self.file.changed()
        return [node.name for node in machines.nodes] if machines else None

    def write_unseen(self, text: str) -> None:
        """Writes without leaving a trace in time stamp, size and inode."""
        before = self.path.stat()
        with self.path.open("r+") as file:
            file.write(text)
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert self.path.stat().st_size == before.st_size


@pytest.fixture
def farm(tmp_path: Path) -> Farm:
    return Farm(tmp_path)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_reading_gives_the_machines(tmp_path: Path) -> None:
    path = tmp_path / "machine.txt"
    path.write_text(GOOD)
    assert MachinesFile(path).read() == Machines(
        Machine("server", "desk", 9090), (Machine("node_1", "desk", 9091),)
    )


def test_reading_a_wrong_file_fails(tmp_path: Path) -> None:
    path = tmp_path / "machine.txt"
    path.write_text(WRONG)
    with pytest.raises(BadMachinesFile, match=r"^machine\.txt:3: the port 'http'"):
        MachinesFile(path).read()


def test_an_untouched_file_has_not_changed(farm: Farm) -> None:
    assert [farm.changed() for _ in range(5)] == [None] * 5


def test_a_change_is_told_once(farm: Farm) -> None:
    assert farm.changed_to(MORE) == ["node_1", "node_2"]
    assert [farm.changed() for _ in range(5)] == [None] * 5


def test_each_change_is_told(farm: Farm) -> None:
    assert [farm.changed_to(text) for text in (MORE, GOOD, MORE)] == [
        ["node_1", "node_2"],
        ["node_1"],
        ["node_1", "node_2"],
    ]


def test_another_file_under_the_same_name_is_a_change(farm: Farm) -> None:
    before = farm.path.stat()
    other = farm.path.with_name("other")
    other.write_text(GOOD.replace("node_1", "node_7"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(farm.path)
    assert farm.changed() == ["node_7"]


@pytest.mark.parametrize(
    "text", [GOOD, f"# a farm\n\n{GOOD}", GOOD.replace(" ", "\t")], ids=["same", "comment", "blanks"]
)
def test_writing_the_same_machines_is_no_change(farm: Farm, text: str) -> None:
    assert farm.changed_to(text) is None


def test_another_order_of_nodes_is_a_change(farm: Farm) -> None:
    assert farm.changed_to(MORE) == ["node_1", "node_2"]
    assert farm.changed_to(f"{SERVER}node_2 desk 9092\nnode_1 desk 9091\n") == ["node_2", "node_1"]


def test_a_wrong_line_is_warned_of_once(farm: Farm, caplog: pytest.LogCaptureFixture) -> None:
    assert farm.changed_to(WRONG) is None
    assert [farm.changed() for _ in range(5)] == [None] * 5
    assert warnings(caplog) == [
        "machine.txt:3: the port 'http' is not a number from 1 to 65535; going on with the machines of before"
    ]


def test_each_wrong_change_is_warned_of(farm: Farm, caplog: pytest.LogCaptureFixture) -> None:
    assert farm.changed_to(WRONG) is None
    assert farm.changed_to(f"# tried again\n{WRONG}") is None
    assert [line[:14] for line in warnings(caplog)] == ["machine.txt:3:", "machine.txt:4:"]


def test_a_mended_file_is_told(farm: Farm, caplog: pytest.LogCaptureFixture) -> None:
    farm.changed_to(WRONG)
    assert farm.changed_to(MORE) == ["node_1", "node_2"]
    assert len(warnings(caplog)) == 1


def test_a_file_mended_to_what_it_was_is_no_change(farm: Farm, caplog: pytest.LogCaptureFixture) -> None:
    farm.changed_to(WRONG)
    assert farm.changed_to(GOOD) is None
    assert len(warnings(caplog)) == 1


def test_a_missing_file_is_warned_of_once(farm: Farm, caplog: pytest.LogCaptureFixture) -> None:
    farm.path.unlink()
    assert [farm.changed() for _ in range(5)] == [None] * 5
    (line,) = warnings(caplog)
    assert line.startswith(f"{farm.path}: No such file or directory;")
    assert line.endswith("; going on with the machines of before")


def test_a_file_that_comes_back_is_told_when_it_differs(farm: Farm) -> None:
    farm.path.unlink()
    farm.changed()
    assert farm.changed_to(MORE) == ["node_1", "node_2"]


def test_a_file_written_in_two_steps_is_read_whole_in_the_end(
    farm: Farm, caplog: pytest.LogCaptureFixture
) -> None:
    assert farm.changed_to("") is None
    with farm.path.open("a") as file:
        file.write(SERVER)
        file.flush()
        assert farm.changed() is None
        file.write("node_7 desk\n")
    assert farm.changed() == ["node_7"]
    assert len(warnings(caplog)) == 2


def test_a_second_write_within_one_time_stamp_is_told(farm: Farm) -> None:
    farm.changed_to(MORE)
    farm.write_unseen(MORE.replace("node_2", "node_3"))
    assert farm.changed() == ["node_1", "node_3"]


def test_a_write_within_the_time_stamp_of_the_first_reading_is_told(farm: Farm) -> None:
    farm.file.read()
    farm.write_unseen(GOOD.replace("node_1", "node_3"))
    assert farm.changed() == ["node_3"]


def test_a_file_that_has_settled_is_not_read_each_time(farm: Farm) -> None:
    farm.write_unseen(GOOD.replace("node_1", "node_3"))
    assert farm.changed() is None
