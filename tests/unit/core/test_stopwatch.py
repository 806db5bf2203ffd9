from pixfarm.stopwatch import Stopwatch
from tests.unit.core.farm_parts import Clock


def test_a_stopwatch_runs_from_the_start() -> None:
    clock = Clock()
    stopwatch = Stopwatch(clock)
    clock.advance(2.0)
    assert stopwatch.elapsed_s() == 2.0


def test_time_while_it_is_stopped_does_not_count() -> None:
    clock = Clock()
    stopwatch = Stopwatch(clock)
    clock.advance(2.0)
    stopwatch.stop()
    clock.advance(100.0)
    assert stopwatch.elapsed_s() == 2.0
    stopwatch.go_on()
    clock.advance(3.0)
    assert stopwatch.elapsed_s() == 5.0


def test_what_counts_already_is_gone_on_from() -> None:
    clock = Clock()
    stopwatch = Stopwatch(clock, elapsed_s=10.0)
    clock.advance(1.0)
    assert stopwatch.elapsed_s() == 11.0


def test_it_may_be_stopped_twice_and_told_to_go_on_twice() -> None:
    clock = Clock()
    stopwatch = Stopwatch(clock)
    clock.advance(1.0)
    stopwatch.stop()
    clock.advance(1.0)
    stopwatch.stop()
    stopwatch.go_on()
    clock.advance(1.0)
    stopwatch.go_on()
    clock.advance(1.0)
    assert stopwatch.elapsed_s() == 3.0
