import logging
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pixfarm.errors import UsageError
from pixfarm.machine_load import MachineLoad, MachineReader
from tests.unit.core.fake_proc import GIB_KB, NODE, TICKS_PER_S, FakeProc

CORES = 2
STEP_S = 0.25
PATIENCE_S = 10.0
WORKER = NODE + 1


class Machine:
    """A machine of two cores on which time passes, and the node's view of its load."""

    def __init__(self, folder: Path) -> None:
        self.fake = FakeProc(folder, CORES)
        self.fake.process(WORKER, parent=NODE)
        self.now_s = 0.0
        self._own_ticks = 0.0
        self._own_waited_s = 0.0
        self.reader = MachineReader(
            NODE,
            str(self.fake.proc),
            str(self.fake.cgroups),
            cores=lambda: range(CORES),
            clock=lambda: self.now_s,
        )
        self.load = MachineLoad(self.reader)

    def p_after(self, seconds: float, *, own: int = 0, others: int = 0) -> float:
        """p after a time in which so many tasks always want to run, and share the cores evenly."""
        running = min(own + others, CORES)
        share = running / max(own + others, 1)
        for _ in range(round(seconds / STEP_S)):
            self.now_s += STEP_S
            for ticks in self.fake.cores:
                ticks[0] += running / CORES * STEP_S * TICKS_PER_S
                ticks[3] += (1 - running / CORES) * STEP_S * TICKS_PER_S
            self._own_ticks += own * share * STEP_S * TICKS_PER_S
            self._own_waited_s += own * (1 - share) * STEP_S
            waited_ns = round(self._own_waited_s * 1e9)
            self.fake.process(
                WORKER, NODE, used=(round(self._own_ticks), 0, 0, 0), waited_ns={WORKER: waited_ns}
            )
            self.fake.runnable = own + others + 1  # with the one that counts
            self.fake.write()
            self.reader.glance()
            self.load.look()
        return self.load.probability()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_still_machine_has_p_0(machine: Machine) -> None:
    assert machine.p_after(5) == 0


def test_the_nodes_own_work_does_not_raise_p(machine: Machine) -> None:
    assert [machine.p_after(1, own=own) for own in (1, 2, 8, 2)] == [0, 0, 0, 0]


@pytest.mark.parametrize("own", [0, 1, 2, 8], ids=lambda own: f"{own} own tasks")
def test_p_tells_what_others_want_whatever_the_node_does(machine: Machine, own: int) -> None:
    machine.p_after(3, own=own)
    assert machine.p_after(3, own=own, others=1) == pytest.approx(0.44, abs=0.02)


def test_p_stays_below_1_however_much_is_wanted(machine: Machine) -> None:
    assert machine.p_after(3, own=2, others=50) == 0.95


def test_p_rises_within_a_second_and_falls_within_three(machine: Machine) -> None:
    machine.p_after(5, own=2)
    assert 0.1 < machine.p_after(0.5, own=2, others=2) < 0.9
    assert machine.p_after(0.5, own=2, others=2) == 0.95
    machine.p_after(3, own=2, others=2)
    assert 0.1 < machine.p_after(1.5, own=2) < 0.9
    assert machine.p_after(1.5, own=2) == 0


def test_p_follows_the_memory_at_once(machine: Machine) -> None:
    machine.p_after(3)
    machine.fake.memory_kb = (16 * GIB_KB, 2 * GIB_KB)
    assert machine.p_after(STEP_S) == 0.5
    machine.fake.memory_kb = (16 * GIB_KB, 8 * GIB_KB)
    assert machine.p_after(STEP_S) == 0


def test_p_is_told_in_hundredths(machine: Machine) -> None:
    machine.fake.memory_kb = (16 * GIB_KB, 2 * GIB_KB + 20_000)
    assert machine.p_after(STEP_S) == 0.49


@pytest.mark.parametrize("name", ["stat", "loadavg", "meminfo", "self/schedstat"])
def test_a_system_that_does_not_tell_its_load_is_named_with_what_to_do(machine: Machine, name: str) -> None:
    (machine.fake.proc / name).unlink()
    with pytest.raises(UsageError, match=rf"{name}.*give a number from 0 to 1 instead of auto"):
        MachineLoad(machine.reader)


class CountingReader(MachineReader):
    glances = 0

    def glance(self) -> None:
        self.glances += 1
        super().glance()


def eventually(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return bool(condition())


def goes_on_trying(reader: CountingReader) -> bool:
    before = reader.glances
    return eventually(lambda: reader.glances > before + 50)


def comes_to(load: MachineLoad, p: float) -> bool:
    return eventually(lambda: load.probability() == p)


@pytest.fixture
def fake(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


@pytest.fixture
def reader(fake: FakeProc) -> CountingReader:
    return CountingReader(NODE, str(fake.proc), str(fake.cgroups), cores=lambda: range(CORES))


def test_after_the_start_p_is_known(fake: FakeProc, reader: CountingReader) -> None:
    with closing(MachineLoad(reader, every_s=0.01)) as load:
        fake.memory_kb = (16 * GIB_KB, 2 * GIB_KB)
        fake.write()
        assert load.probability() == 0
        load.start()
        assert load.probability() == 0.5


def test_a_load_that_cannot_be_read_is_warned_of_once_each_time_and_p_stays(
    fake: FakeProc, reader: CountingReader, caplog: pytest.LogCaptureFixture
) -> None:
    meminfo, hidden = fake.proc / "meminfo", fake.proc / "hidden"
    with closing(MachineLoad(reader, every_s=0.001)) as load:
        load.start()
        for available_kb, p_before, p_after in ((2 * GIB_KB, 0.0, 0.5), (12 * GIB_KB, 0.5, 0.0)):
            meminfo.rename(hidden)
            assert goes_on_trying(reader)
            assert load.probability() == p_before
            hidden.write_text(f"MemTotal: {16 * GIB_KB} kB\nMemAvailable: {available_kb} kB\n")
            hidden.rename(meminfo)
            assert comes_to(load, p_after)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    first, second = (record.getMessage() for record in caplog.records)
    assert "cannot be read ([Errno 2] No such file or directory" in first
    assert first.endswith("; going on with p = 0")
    assert second.endswith("; going on with p = 0.5")


def test_a_load_may_be_closed_twice_and_unstarted(reader: CountingReader) -> None:
    load = MachineLoad(reader)
    load.close()
    load.close()
