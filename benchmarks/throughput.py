"""Images per second: the farm beside a plain loop, and beside a process pool with the same image function."""

import hashlib
from contextlib import ExitStack
from pathlib import Path

from benchmarks import contenders
from benchmarks.clients import ClientRun
from benchmarks.contenders import Contender, FarmKind, clear_results
from benchmarks.measurement import Line, NotMeasured, Outcome, Row, at_least, median_of, ratio_of
from benchmarks.photographs import ImageSet, image_set
from benchmarks.plan import Plan

_NOTES = (
    "plain loop: one process, OpenCV's default threads, imwrite without fsync. Pool and farm: an fsync'd",
    "file and folder for each image. Rates of the job by its report; `client.py` is the whole command.",
    "Runs are interleaved, results deleted between them; a ratio's min .. max is of the single rounds.",
)


def measure_512(plan: Plan) -> Outcome:
    """1,000 images of 512 x 512."""
    return _measure(ImageSet(plan.size(1000, quick=24), 512, 512, plan.seed), plan, at_least(0.85))


def measure_1600(plan: Plan) -> Outcome:
    """200 images of 1600 x 1200."""
    return _measure(ImageSet(plan.size(200, quick=8), 1600, 1200, plan.seed), plan, at_least(0.95))


def _measure(images: ImageSet, plan: Plan, line: Line) -> Outcome:
    base = image_set(images, plan.work)
    with ExitStack() as stack:
        loop = contenders.plain_loop()
        pool = contenders.process_pool(stack)
        two_nodes = contenders.farm(stack, FarmKind(2, 1), plan.seed)
        one_node = contenders.farm(stack, FarmKind(1, 2), plan.seed)
        no_fsync = contenders.farm(stack, FarmKind(2, 1, fsync=False), plan.seed)
        everyone = (loop, pool, two_nodes, one_node, no_fsync)
        stack.callback(clear_results, base)
        _check_same_results(everyone, base)
        timed: dict[str, list[ClientRun]] = {contender.name: [] for contender in everyone}
        for _ in range(plan.runs):
            for contender in everyone:
                clear_results(base)
                timed[contender.name].append(contender.run(base))
    rates = {name: [images.count / run.job_s for run in runs] for name, runs in timed.items()}
    walls = {name: [images.count / run.wall_s for run in runs] for name, runs in timed.items()}
    farms = (two_nodes.name, one_node.name)
    rows: list[Row] = [median_of(name, "images/s", rates[name]) for name in rates]
    rows += [median_of(f"{name}, all of client.py", "images/s", walls[name]) for name in farms]
    rows += [ratio_of(f"{name} / pool", rates[name], rates[pool.name], line) for name in farms]
    rows += [ratio_of(f"{name} / plain loop", rates[name], rates[loop.name]) for name in farms]
    rows.append(ratio_of(f"{no_fsync.name} / with it", rates[no_fsync.name], rates[two_nodes.name]))
    title = f"{images.count:,} JPEG photographs of {images.width_px} x {images.height_px}"
    return Outcome(title, tuple(rows), _NOTES)


def _check_same_results(everyone: tuple[Contender, ...], base: Path) -> None:
    """Lets each do all images once, which warms caches and connections, and compares their results.

    Raises:
        NotMeasured: they differ.
    """
    expected = ""
    for contender in everyone:
        clear_results(base)
        contender.run(base)
        found = _digest(base / "output_dir")
        expected = expected or found
        if found != expected:
            raise NotMeasured(f"{contender.name} has other results than {everyone[0].name}")


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
