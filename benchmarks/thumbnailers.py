"""Other programs that make images smaller, used as people with many images and two cores do."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path

from PIL import Image

from benchmarks.clients import ClientRun
from benchmarks.contenders import PROCESSES, Contender, run_pool, warm_pool
from benchmarks.measurement import NotMeasured

_LAST_WORDS = 300
# One thread for each of two processes: with its own threads ImageMagick takes three times as long.
_ONE_THREAD = {"VIPS_CONCURRENCY": "1", "OMP_NUM_THREADS": "1"}
_FILES_A_PROCESS = 25


@dataclass(frozen=True, slots=True)
class Reduction:
    """What all of them are asked for.

    Args:
        width_px: of the results; heights follow.
        quality: of the JPEGs, whose colours are halved (4:2:0) by all.
    """

    width_px: int
    quality: int


@dataclass(frozen=True, slots=True)
class Program:
    """A program on this machine, or not.

    Args:
        name: for the table.
        commands: what has to be installed.
        version: prints what is installed.
        arguments: of the command that reads the names of files from its input, NUL after each; it is given
            the directory of the results.
    """

    name: str
    commands: tuple[str, ...]
    version: tuple[str, ...]
    arguments: Callable[[Path, Reduction], list[str]]

    @property
    def is_installed(self) -> bool:
        """Whether all of its commands are there."""
        return all(shutil.which(command) for command in self.commands)

    def installed_version(self) -> str:
        """The first line that it prints about itself."""
        printed = subprocess.run(self.version, capture_output=True, text=True, check=False).stdout
        return printed.partition("\n")[0]

    def contender(self, wanted: Reduction) -> Contender:
        """The program, ready to be timed: from its start, as it has nothing to be warmed up."""
        return Contender(self.name, partial(self._run, wanted))

    def _run(self, wanted: Reduction, base: Path) -> ClientRun:
        names = sorted(os.fsencode(path) for path in (base / "input_dir").iterdir())
        output = base / "output_dir"
        output.mkdir()
        started_at = time.perf_counter()
        ended = subprocess.run(
            self.arguments(output, wanted),
            input=b"".join(name + b"\0" for name in names),
            capture_output=True,
            check=False,
            env=os.environ | _ONE_THREAD,
        )
        seconds = time.perf_counter() - started_at
        if ended.returncode:
            raise NotMeasured(f"{self.name} failed: {ended.stderr[-_LAST_WORDS:].decode(errors='replace')}")
        return ClientRun(seconds, seconds)


def pillow_pool(stack: ExitStack, wanted: Reduction) -> Contender:
    """Two warm processes with Pillow's own thumbnail(), which has libjpeg decode to a fraction as well."""
    pool = warm_pool(stack, Image.preinit)
    work = partial(_by_pillow, wanted=wanted)
    return Contender(f"Pillow, pool of {PROCESSES}", lambda base: _run_pillow(pool, work, base))


def _run_pillow(pool: Pool, work: Callable[[tuple[str, str]], None], base: Path) -> ClientRun:
    (base / "output_dir").mkdir()
    return run_pool(pool, work, base)


def _by_pillow(pair: tuple[str, str], *, wanted: Reduction) -> None:
    source, target = pair
    with Image.open(source) as image:
        image.thumbnail((wanted.width_px, image.height), Image.Resampling.LANCZOS)
        image.save(target, quality=wanted.quality)


def _by_vips(output: Path, wanted: Reduction) -> list[str]:
    target = f"{output}/%s.jpg[Q={wanted.quality},subsample-mode=on]"
    each = ("vipsthumbnail", "--size", f"{wanted.width_px}x", "--output", target)
    return ["xargs", "-0", "-P", str(PROCESSES), "-n", str(_FILES_A_PROCESS), *each]


def _by_mogrify(
    output: Path, wanted: Reduction, *, files: int = _FILES_A_PROCESS, hint: bool = False
) -> list[str]:
    before = ("-define", f"jpeg:size={2 * wanted.width_px}x") if hint else ()
    each = ("-resize", f"{wanted.width_px}x", "-quality", str(wanted.quality), "-sampling-factor", "4:2:0")
    parallel = ("parallel", "--will-cite", "-q", "-0", "-j", str(PROCESSES), "-n", str(files))
    return [*parallel, "mogrify", *before, "-path", str(output), *each]


_VIPS_VERSION = ("vipsthumbnail", "--vips-version")
_MOGRIFY_VERSION = ("mogrify", "-version")
_PARALLEL = ("parallel", "mogrify")
VIPS = Program("vipsthumbnail, xargs -P 2", ("xargs", "vipsthumbnail"), _VIPS_VERSION, _by_vips)
MOGRIFY = Program("mogrify, parallel -j 2", _PARALLEL, _MOGRIFY_VERSION, _by_mogrify)
MOGRIFY_EACH = Program(
    "mogrify for each image, parallel -j 2", _PARALLEL, _MOGRIFY_VERSION, partial(_by_mogrify, files=1)
)
MOGRIFY_HINTED = Program(
    "mogrify with jpeg:size, parallel -j 2", _PARALLEL, _MOGRIFY_VERSION, partial(_by_mogrify, hint=True)
)
