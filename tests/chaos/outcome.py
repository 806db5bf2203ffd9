"""What came of the scenarios, and the table that tells it."""

import collections
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.chaos.checker import Findings


@dataclass
class Outcome:
    """What came of one scenario.

    Args:
        scenario: its name.
        line: what must hold, in a few words.
        faults: how many of each kind took effect.
        found: what is wrong with files and states.
        broken: other violations of the line, one each.
        not_run: kinds of fault that cannot be had on this machine, and why.
        notes: what was measured.
        hit: attempts at images that the faults left without an answer.
        reads: how many results a reader looked into while jobs ran.
        seed: repeats the scenario.
    """

    scenario: str
    line: str
    seed: int = 0
    images: int = 0
    jobs: int = 0
    hit: int = 0
    reads: int = 0
    seconds: float = 0.0
    faults: collections.Counter[str] = field(default_factory=collections.Counter)
    found: Findings = field(default_factory=Findings)
    broken: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        """Everything that is wrong."""
        return [*self.found.all, *self.broken]

    def add(self, other: "Outcome") -> None:
        """Takes in another run of the same scenario."""
        self.images += other.images
        self.jobs += other.jobs
        self.hit += other.hit
        self.reads += other.reads
        self.seconds += other.seconds
        self.faults += other.faults
        self.found.add(other.found)
        self.broken += other.broken
        self.not_run += [kind for kind in other.not_run if kind not in self.not_run]
        self.notes += [note for note in other.notes if note not in self.notes]


_SHOWN = 20
_HEAD = ("scenario", "images", "faults", "lost", "half", "wrong", "stray", "unsettled", "seconds", "verdict")


def as_markdown(outcomes: Iterable[Outcome]) -> str:
    """The summary: a table, and below it what each scenario did, could not do, and found."""
    outcomes = list(outcomes)
    lines = [f"| {' | '.join(_HEAD)} |", f"|{'---|' * len(_HEAD)}", *map(_row, outcomes), ""]
    for outcome in outcomes:
        lines += [f"**{outcome.scenario}** (seed {outcome.seed}): {outcome.line}.", ""]
        kinds = ", ".join(f"{kind} {number}" for kind, number in outcome.faults.most_common())
        lines += [f"- Faults: {kinds or 'none'}."]
        if outcome.jobs:
            what = f"{outcome.hit:,} attempts were left without an answer"
            lines += [f"- {outcome.jobs:,} jobs; {what}; {outcome.reads:,} results were read while jobs ran."]
        lines += [f"- Not run here: {kind}." for kind in outcome.not_run]
        lines += [f"- {note}." for note in outcome.notes]
        if outcome.found.struck:
            lines += [f"- {len(outcome.found.struck)} images failed by rule: two of its workers were killed."]
        lines += [f"- VIOLATION {violation}" for violation in outcome.violations[:_SHOWN]]
        lines += [""]
    return "\n".join(lines)


def _row(outcome: Outcome) -> str:
    found = outcome.found
    counts = [len(kind) for kind in (found.lost, found.half, found.wrong, found.stray, found.unsettled)]
    cells = [
        outcome.scenario,
        f"{outcome.images:,}",
        f"{sum(outcome.faults.values()):,}",
        *map(str, counts),
        f"{outcome.seconds:.0f}",
        "FAILED" if outcome.violations else "passed",
    ]
    return f"| {' | '.join(cells)} |"
