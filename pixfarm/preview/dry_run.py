"""A dry run: what a job is about and what it would take, with nothing written and no node asked."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pixfarm import imaging
from pixfarm.errors import TaskFailed
from pixfarm.listing import SourceTree
from pixfarm.names import refuse_unsendable, shown
from pixfarm.preview.prediction import Measured, Prediction, predict
from pixfarm.preview.sampling import Sampler, SourceFile
from pixfarm.preview.survey import Survey, take_survey
from pixfarm.recipe import Recipe

_LOOKED_AT = 40
_TRIED = 8
_TRIED_FOR_S = 10.0


@dataclass(frozen=True, slots=True)
class DryRun:
    """What was found.

    Args:
        survey: all images.
        looked_at: how many were opened.
        sizes: of those that can be read: upright width and height in pixels, and how many; most first.
        problems: of those that cannot be done: name, and why.
        tried: how many were done, in memory.
        prediction: from those; None when none was.
        free_bytes: where results go.
    """

    survey: Survey
    looked_at: int
    sizes: tuple[tuple[tuple[int, int], int], ...]
    problems: tuple[tuple[str, str], ...]
    tried: int
    prediction: Prediction | None
    free_bytes: int


def dry_run(tree: SourceTree, names: Iterable[str], recipe: Recipe, rng: random.Random) -> DryRun:
    """Looks at all files, opens a few, and does some of those in memory, for ten seconds at most.

    Args:
        tree: where sources are and results would go.
        names: of the images.
        recipe: what would be done to them; not tried when it has functions of people's own, which nodes have.
        rng: chooses.
    """
    sampler = Sampler(_LOOKED_AT, rng)
    survey = take_survey(tree.source, names, sampler.add)
    chosen = sampler.choose()
    sizes, problems = _look_at(tree, chosen)
    measured: list[Measured] = []
    if not recipe.has_own_functions:
        bad = {name for name, _ in problems}
        good = [file for file in chosen if shown(file.name) not in bad]
        measured, more_problems = _try(tree, good, recipe, rng)
        problems += more_problems
    return DryRun(
        survey=survey,
        looked_at=len(chosen),
        sizes=tuple(sizes.most_common()),
        problems=tuple(problems),
        tried=len(measured),
        prediction=predict(survey.kinds, measured) if measured else None,
        free_bytes=free_bytes(tree.target),
    )


def free_bytes(directory: Path) -> int:
    """What people without privileges may still write there, or where it would be made."""
    while not directory.exists():
        directory = directory.parent
    return shutil.disk_usage(directory).free


def _look_at(
    tree: SourceTree, files: Iterable[SourceFile]
) -> tuple[Counter[tuple[int, int]], list[tuple[str, str]]]:
    sizes: Counter[tuple[int, int]] = Counter()
    problems = []
    for file in files:
        try:
            refuse_unsendable(file.name)
            sizes[imaging.size_px(tree.source / file.name)] += 1
        except TaskFailed as failure:
            problems.append((shown(file.name), str(failure)))
    return sizes, problems


def _try(
    tree: SourceTree, files: list[SourceFile], recipe: Recipe, rng: random.Random
) -> tuple[list[Measured], list[tuple[str, str]]]:
    measured: list[Measured] = []
    problems = []
    until = time.monotonic() + _TRIED_FOR_S
    imaging.warm_up()
    for file in rng.sample(files, min(_TRIED, len(files))):
        began_at = time.monotonic()
        try:
            result_bytes = imaging.try_image(tree.source / file.name, recipe)
        except TaskFailed as failure:
            problems.append((shown(file.name), str(failure)))
            continue
        now = time.monotonic()
        measured.append(Measured(file.kind, file.size_bytes, result_bytes, now - began_at))
        if now > until:
            break
    return measured, problems
