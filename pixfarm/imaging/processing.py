"""Processing: one image from its source file to its result file."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np

from pixfarm.errors import FailureCode, TaskFailed
from pixfarm.imaging.allocation import (
    forget_failed_allocation,
    has_failed_allocation,
    keep_freed_memory,
)
from pixfarm.imaging.encoding import encode
from pixfarm.imaging.formats import SOURCE_FORMATS
from pixfarm.imaging.laps import Laps
from pixfarm.imaging.publishing import Part
from pixfarm.imaging.source import read_source
from pixfarm.imaging.transforming import transform
from pixfarm.phases import Phases
from pixfarm.recipe import EDGES, Recipe

_WARM_UP_SIZE_PX = 64
_MAY_BE_MEMORY = frozenset({FailureCode.UNREADABLE, FailureCode.INTERNAL})


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """How images are processed.

    Args:
        fsync: results survive a power cut.
        max_bytes: larger source files are refused.
        memory_mib: what one image may take of memory, in MiB; 0 for no limit. The process that works on it
            sets the limit for itself.
        code: the directory of people's own functions; None when they are not carried out.
    """

    fsync: bool = True
    max_bytes: int = 256 * 1024 * 1024
    memory_mib: int = 0
    code: Path | None = None


@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """A published result and the source that it was made of; times of files in nanoseconds since 1970.

    ``phases`` are without waiting and sending; ``flags`` are likely mishaps, if they were looked for.
    """

    width_px: int
    height_px: int
    bytes_written: int
    source_bytes: int
    source_mtime_ns: int
    result_mtime_ns: int
    pipeline: str
    phases: Phases
    flags: tuple[str, ...] = ()

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """The outcome of these fields, as dataclasses.asdict() and JSON have them."""
        phases = {**fields["phases"], "operations": tuple(fields["phases"]["operations"])}
        return cls(**{**fields, "phases": Phases(**phases), "flags": tuple(fields["flags"])})


@dataclass(frozen=True, slots=True)
class Draft:
    """A result in its temporary file.

    Args:
        outcome: what it will be, but for its modification time and the time of writing.
        part: the temporary file.
        finished_at: by time.perf_counter, when writing began.
    """

    outcome: ImageOutcome
    part: Part
    finished_at: float

    def publish(self, *, fsync: bool) -> ImageOutcome:
        """Gives the result its name; see ``Part.publish()``."""
        mtime_ns = self.part.publish(fsync=fsync)
        phases = replace(self.outcome.phases, writing=time.perf_counter() - self.finished_at)
        return replace(self.outcome, result_mtime_ns=mtime_ns, phases=phases)


def warm_up(limit_mib: int = 0) -> None:
    """Make this process ready, so that its first image takes no longer than the others.

    OpenCV keeps to one thread from here on, because the farm has a process for each core, and logs nothing,
    because failures are told by exceptions. Memory is kept from image to image.

    Args:
        limit_mib: what an image may take of memory, in MiB; 0 for no limit.
    """
    keep_freed_memory(limit_mib)
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    ramp = np.arange(_WARM_UP_SIZE_PX, dtype=np.uint8)
    image = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], ramp[:, None] ^ ramp), axis=-1)
    for image_format in SOURCE_FORMATS:
        transform(encode(image, image_format, lossless=True), EDGES)


def draft_image(
    source: Path, target: Path, attempt_id: str, settings: ImageSettings, recipe: Recipe = EDGES
) -> Draft:
    """Carry out the recipe on one image, and write the result to the temporary file.

    Raises:
        TaskFailed: the source cannot be read or is not an image that can be processed whole, or the result
            cannot be written; there is no new file then.
    """
    forget_failed_allocation()
    laps = Laps()
    with _told_as_failures(settings):
        source_file = read_source(source, settings.max_bytes)
        reading = laps.lap_s()
        finished, phases = transform(source_file.content, recipe, settings.code)
        finished_at = time.perf_counter()
        _refuse_to_replace(source, source_file.identity, target)
        part = Part(finished.content, target, attempt_id)
    outcome = ImageOutcome(
        width_px=finished.width_px,
        height_px=finished.height_px,
        bytes_written=len(finished.content),
        source_bytes=len(source_file.content),
        source_mtime_ns=source_file.mtime_ns,
        result_mtime_ns=0,
        pipeline=recipe.fingerprint,
        phases=replace(phases, reading=reading),
        flags=finished.flags,
    )
    return Draft(outcome, part, finished_at)


def try_image(source: Path, recipe: Recipe, settings: ImageSettings | None = None) -> int:
    """The size in bytes of the result of one image, which is made in memory and dropped.

    Raises:
        TaskFailed: it cannot be done.
    """
    settings = settings or ImageSettings()
    forget_failed_allocation()
    with _told_as_failures(settings):
        finished, _ = transform(read_source(source, settings.max_bytes).content, recipe, settings.code)
    return len(finished.content)


def process_image(
    source: Path, target: Path, attempt_id: str, settings: ImageSettings, recipe: Recipe = EDGES
) -> ImageOutcome:
    """``draft_image()`` and ``Draft.publish()``, one after the other."""
    return draft_image(source, target, attempt_id, settings, recipe).publish(fsync=settings.fsync)


def _refuse_to_replace(source: Path, identity: tuple[int, int], target: Path) -> None:
    """Keeps an original from being overwritten where a link in output_dir leads back to the sources."""
    try:
        found = target.stat()
        # Another name of the same file, a hard link, may well be replaced: the original keeps its own.
        is_source = (found.st_dev, found.st_ino) == identity and (
            found.st_nlink == 1 or (target.name == source.name and target.parent.samefile(source.parent))
        )
    except OSError:  # there is no such result yet, or writing it will tell what is wrong
        return
    if is_source:
        raise TaskFailed(
            FailureCode.FORBIDDEN,
            "its result would replace it: a link in output_dir leads to the sources; remove that link",
        )


@contextmanager
def _told_as_failures(settings: ImageSettings) -> Iterator[None]:
    """Turns what libraries raise for want of memory into the failure that it is."""
    try:
        yield
    except MemoryError as error:
        raise _out_of_memory(settings) from error
    except (cv2.error, TaskFailed) as error:
        if not _is_for_want_of_memory(error):
            raise
        raise _out_of_memory(settings) from error


def _is_for_want_of_memory(error: cv2.error | TaskFailed) -> bool:
    if isinstance(error, TaskFailed):
        # Libraries that get no memory say no more than that they cannot decode or encode it.
        return error.code in _MAY_BE_MEMORY and has_failed_allocation()
    return error.code == cv2.Error.StsNoMem or has_failed_allocation()


def _out_of_memory(settings: ImageSettings) -> TaskFailed:
    if not settings.memory_mib:
        return TaskFailed(FailureCode.NO_MEMORY, "not enough memory for this image")
    return TaskFailed(
        FailureCode.NO_MEMORY, f"needs more memory than an image may take ({settings.memory_mib} MiB)"
    )
