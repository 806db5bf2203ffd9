"""`python -m benchmarks`: measures, prints tables, and saves the numbers as JSON."""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from benchmarks import (
    dispatch,
    faults,
    journal,
    journal_cost,
    memory,
    ready,
    reductions,
    refusals,
    strategies,
    throughput,
)
from benchmarks.measurement import Outcome
from benchmarks.plan import QUICK_RUNS, RESULTS, RUNS, WORK, Plan
from benchmarks.processes import busy_cores
from benchmarks.report import outcome_lines, save_outcome
from pixfarm.errors import PixfarmError, UsageError
from pixfarm.script import EXIT_INTERRUPTED, EXIT_OK, EXIT_SOME_FAILED, EXIT_USAGE, whole_number

BENCHMARKS: dict[str, Callable[[Plan], Outcome]] = {
    "ready": ready.measure,
    "refusals": refusals.measure,
    "dispatch": dispatch.measure,
    "journal": journal.measure,
    "images-512": throughput.measure_512,
    "images-1600": throughput.measure_1600,
    "reductions": reductions.measure,
    "memory": memory.measure,
    "strategies": strategies.measure,
    "faults": faults.measure,
    "journal-cost": journal_cost.measure,
}

_LOOK_S = 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmarks that are asked for; returns the exit code."""
    options = _parse(argv)
    if options.list:
        for name, measure in BENCHMARKS.items():
            print(f"{name:12}  {measure.__doc__}")
        return EXIT_OK
    with contextlib.ExitStack() as stack:
        work, results = WORK, options.results or RESULTS
        if options.quick:
            temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pixfarm-bench-")))
            work, results = temporary / "work", options.results or temporary / "results"
        runs = options.runs or (QUICK_RUNS if options.quick else RUNS)
        plan = Plan(runs=runs, quick=options.quick, work=work)
        outcomes = [_measure(name, plan, results) for name in options.names or BENCHMARKS]
    is_fine = all(outcome.is_every_line_reached for outcome in outcomes)
    return EXIT_OK if is_fine or not options.strict else EXIT_SOME_FAILED


def _measure(name: str, plan: Plan, results: Path) -> Outcome:
    started_at = time.monotonic()
    before = busy_cores(_LOOK_S)
    outcome = BENCHMARKS[name](plan)
    others = (before, busy_cores(_LOOK_S))
    save_outcome(outcome, name, plan, others, results)
    seconds = time.monotonic() - started_at
    print("\n".join([f"{name}: {outcome.title}", *outcome_lines(outcome)]))
    print(
        f"  {seconds:.0f} s; cores busy with something else: {others[0]:.1f} before, {others[1]:.1f} after\n"
    )
    sys.stdout.flush()
    return outcome


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures pixfarm on this machine.",
        epilog="exit codes: 0 measured, 1 not measured, or a line missed with --strict, 2 wrong arguments",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--list", action="store_true", help="say what can be measured, and leave")
    parser.add_argument("--runs", type=whole_number(1, 1000), metavar="N", help=f"default: {RUNS}")
    parser.add_argument(
        "--quick", action="store_true", help="little work, numbers that mean little; keeps nothing"
    )
    parser.add_argument(
        "--results", type=Path, metavar="DIR", help="where NAME.json goes (default: benchmarks/results)"
    )
    parser.add_argument("--strict", action="store_true", help="exit code 1 when a line is missed")
    options = parser.parse_args(argv)
    for name in options.names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    return options


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    # A closed terminal or a kill unwinds as Ctrl-C does: nothing that was started is left behind.
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _leave)
    try:
        sys.exit(main())
    except UsageError as problem:
        print(f"benchmarks: {problem}", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    except PixfarmError as problem:
        print(f"benchmarks: {problem}", file=sys.stderr)
        sys.exit(EXIT_SOME_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
