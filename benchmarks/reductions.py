"""Strong reductions per second: `resize: width=400` of the farm beside other programs for it.

All have two processes on the same files, write JPEGs of one quality and sampling, and make them from a
decoding to half the size or from all of it; none may win by aliasing. So before they are timed each result of
a few images is compared with a reference, Pillow's LANCZOS on all pixels with the precision of floats: who is
further away than libjpeg's own loss explains is not measured.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from benchmarks import contenders, thumbnailers
from benchmarks.clients import ClientRun
from benchmarks.contenders import Contender, FarmKind, clear_results
from benchmarks.measurement import (
    Line,
    NotMeasured,
    Outcome,
    Row,
    at_least,
    median_of,
    not_measured,
    ratio_of,
)
from benchmarks.photographs import ImageSet, image_set
from benchmarks.plan import Plan
from benchmarks.thumbnailers import MOGRIFY, MOGRIFY_EACH, MOGRIFY_HINTED, VIPS, Reduction
from pixfarm.imaging import ImageSettings
from pixfarm.recipe import Recipe

_WANTED = Reduction(width_px=400, quality=95)
_PIPELINE = f"resize: width={_WANTED.width_px}"
_PROGRAMS = (VIPS, MOGRIFY, MOGRIFY_EACH, MOGRIFY_HINTED)
_COMPARED = 6
_LEAST_PSNR_DB = 32
_NOTES = (
    "Rates of the job by its report, and of the other programs from start to end. Quality 95, 4:2:0. Nobody",
    "but the one farm syncs. mogrify has one thread in each process, as it is slower with more. Interleaved.",
)


def measure(plan: Plan) -> Outcome:
    """200 images of 1600 x 1200 to a width of 400, beside vipsthumbnail, ImageMagick and Pillow."""
    images = ImageSet(plan.size(200, quick=8), 1600, 1200, plan.seed)
    base = image_set(images, plan.work)
    with ExitStack() as stack:
        everyone = _everyone(stack, plan)
        stack.callback(clear_results, base)
        likeness = {contender.name: _compared(contender, base, images.count) for contender in everyone}
        timed: dict[str, list[ClientRun]] = {contender.name: [] for contender in everyone}
        for _ in range(plan.runs):
            for contender in everyone:
                clear_results(base)
                timed[contender.name].append(contender.run(base))
    rates = {name: [images.count / run.job_s for run in runs] for name, runs in timed.items()}
    farm, synced = everyone[0].name, everyone[1].name
    rows = [median_of(name, "images/s", rates[name]) for name in rates]
    rows += [not_measured(program.name, "not installed") for program in _PROGRAMS if not program.is_installed]
    whole = [images.count / run.wall_s for run in timed[farm]]
    rows.append(median_of(f"{farm}, all of client.py", "images/s", whole))
    rows += _ratios(rates, farm)
    rows.append(ratio_of(f"{synced} / without", rates[synced], rates[farm]))
    rows += [median_of(f"likeness, {name}", "dB", values) for name, values in likeness.items()]
    title = f"{images.count:,} JPEG photographs of 1600 x 1200 to a width of {_WANTED.width_px}"
    return Outcome(title, tuple(rows), (*_NOTES, _versions()))


def _everyone(stack: ExitStack, plan: Plan) -> list[Contender]:
    options = ("--op", _PIPELINE)
    kinds = [FarmKind(2, 1, fsync=fsync, options=options) for fsync in (False, True)]
    farms = [contenders.farm(stack, kind, plan.seed) for kind in kinds]
    pool = contenders.process_pool(stack, ImageSettings(fsync=False), Recipe(_PIPELINE))
    pillow = thumbnailers.pillow_pool(stack, _WANTED)
    return [*farms, pool, pillow, *(each.contender(_WANTED) for each in _PROGRAMS if each.is_installed)]


def _ratios(rates: Mapping[str, Sequence[float]], farm: str) -> list[Row]:
    pillow = next(name for name in rates if name.startswith("Pillow"))
    lines: tuple[tuple[str, Line | None], ...] = (
        (MOGRIFY.name, at_least(5)),
        (MOGRIFY_EACH.name, at_least(5)),
        (MOGRIFY_HINTED.name, None),
        (pillow, at_least(1.5)),
        (VIPS.name, at_least(1)),
    )
    return [
        ratio_of(f"{farm} / {name}", rates[farm], rates[name], line)
        if name in rates
        else not_measured(f"{farm} / {name}", "not installed", line)
        for name, line in lines
    ]


def _compared(contender: Contender, base: Path, count: int) -> list[float]:
    """Has all images done once, which warms caches and connections; likeness of the first results in dB.

    Raises:
        NotMeasured: results are missing, have another size, or are too far from the reference.
    """
    clear_results(base)
    contender.run(base)
    results = sorted((base / "output_dir").iterdir())
    if len(results) != count:
        raise NotMeasured(f"{contender.name} made {len(results)} of {count} images")
    likeness = [_psnr_db(result, base / "input_dir" / result.name) for result in results[:_COMPARED]]
    if min(likeness) < _LEAST_PSNR_DB:
        raise NotMeasured(f"{contender.name} is {min(likeness):.1f} dB from the reference; too far")
    return likeness


def _psnr_db(result: Path, source: Path) -> float:
    """Peak signal to noise ratio of a result, against the reference for it."""
    with Image.open(source) as image:
        height_px = round(image.height * _WANTED.width_px / image.width)
        channels = np.moveaxis(np.asarray(image, np.float32), 2, 0)
    size = (_WANTED.width_px, height_px)
    reference = [
        np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.LANCZOS)) for channel in channels
    ]
    with Image.open(result) as image:
        if image.size != size:
            raise NotMeasured(f"{result.name} has {image.width} x {image.height}, not {size[0]} x {size[1]}")
        error = np.asarray(image, np.float32) - np.clip(np.stack(reference, axis=-1), 0, 255)
    return float(10 * np.log10(255**2 / np.mean(error**2)))


def _versions() -> str:
    found = [program.installed_version() for program in (VIPS, MOGRIFY) if program.is_installed]
    return "; ".join([*found, f"Pillow {PIL.__version__}"])
