"""An outcome as a table and as a JSON document."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measurement import Outcome, Row
from benchmarks.plan import Plan
from pixfarm import __version__
from pixfarm.console.sheet import Column, Sheet

_COLUMNS = (
    Column("measured"),
    Column("median", numeric=True),
    Column("min .. max", numeric=True),
    Column("unit"),
    Column("line", numeric=True),
    Column(""),
)
_PACKAGES = {"opencv": "opencv-python-headless", "numpy": "numpy", "thrift": "thrift"}


def outcome_lines(outcome: Outcome) -> list[str]:
    """Table and notes, for a terminal of 110 columns."""
    table = Sheet.of(_COLUMNS, [_cells(row) for row in outcome.rows]).lines()
    return [f"  {line}" for line in (*table, *outcome.notes)]


def save_outcome(outcome: Outcome, name: str, plan: Plan, others: tuple[float, float], folder: Path) -> Path:
    """Writes ``<name>.json``: the numbers of every run and what they were measured on; returns its path.

    Args:
        outcome: what was measured.
        name: of the benchmark.
        plan: how much was measured.
        others: cores that were busy with something else, before and after.
        folder: where the file goes; made when it is not there.
    """
    document = {
        "benchmark": name,
        "title": outcome.title,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": plan.quick,
        "runs": plan.runs,
        "seed": plan.seed,
        "machine": {"system": platform.platform(), "cores": len(os.sched_getaffinity(0))},
        "cores_busy_with_something_else": {"before": round(others[0], 2), "after": round(others[1], 2)},
        "versions": {"pixfarm": __version__, "python": platform.python_version(), **_versions()},
        "measured": [_row_document(row) for row in outcome.rows],
        "notes": list(outcome.notes),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path


def _cells(row: Row) -> tuple[str, ...]:
    if not row.values:
        return (row.what, "", "", row.unit, str(row.line or ""), "")
    spread = f"{_number(min(row.values))} .. {_number(max(row.values))}"
    return (row.what, _number(row.value), spread, row.unit, str(row.line or ""), row.verdict)


def _number(value: float) -> str:
    """Three or four significant digits, with thousands separated."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 10 else f"{value:.3f}"


def _row_document(row: Row) -> dict[str, object]:
    if not row.values:
        return {"what": row.what, "median": None, "why": row.unit}
    document: dict[str, object] = {
        "what": row.what,
        "unit": row.unit,
        "median": row.value,
        "min": min(row.values),
        "max": max(row.values),
        "values": list(row.values),
    }
    if row.line is not None:
        document |= {"line": str(row.line), "verdict": row.verdict}
    return document


def _versions() -> dict[str, str]:
    return {name: version(package) for name, package in _PACKAGES.items()}
