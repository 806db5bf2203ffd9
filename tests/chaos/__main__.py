"""The long chaos run: python -m tests.chaos, see docs/reliability.md."""

import argparse
import shutil
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tests.chaos import scenario_soak
from tests.chaos.outcome import Outcome, as_markdown
from tests.chaos.program import SCENARIOS, carry_out_all

SOAK = "soak"
_SOAK_IMAGES = 200


def main() -> int:
    """Runs what is asked for and prints the summary; 0 when every line was held."""
    options = _parse()
    chosen = [scenario for scenario in SCENARIOS if options.only in (None, scenario.name)]
    folder = Path(tempfile.mkdtemp(prefix="pixfarm-chaos-"))
    minutes = None if options.quick else options.minutes
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(1, "soak") as pool:
        stop = threading.Event()
        soak: Future[Outcome] | None = None
        if options.only in (None, SOAK):
            soak = pool.submit(scenario_soak.run, folder / SOAK, minutes or 1.0, _SOAK_IMAGES, stop)
        try:
            outcomes += carry_out_all(chosen, options.seed, minutes, folder) if chosen else []
        finally:
            if chosen:
                stop.set()
        if soak is not None:
            outcomes.append(soak.result())
    summary = as_markdown(outcomes)
    sys.stdout.write(summary)
    if options.out is not None:
        options.out.write_text(summary)
    is_good = not any(outcome.violations for outcome in outcomes)
    if is_good:
        shutil.rmtree(folder)
    else:
        sys.stdout.write(f"what was found is kept in {folder}\n")
    return 0 if is_good else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    names = [*(scenario.name for scenario in SCENARIOS), SOAK]
    parser.add_argument("--seed", type=int, default=1, help="repeats plans, sizes and choices (%(default)s)")
    parser.add_argument("--minutes", type=float, default=55.0, help="for all scenarios (%(default)g)")
    parser.add_argument("--only", choices=names, help="this scenario alone, with all of the time")
    parser.add_argument("--quick", action="store_true", help="one small run of each: a few minutes")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the summary there, too (markdown)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
