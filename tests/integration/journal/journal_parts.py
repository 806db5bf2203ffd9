"""Jobs and images for journals, and a listener to their acknowledgements."""

import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pixfarm.journal import Journal, Provenance
from pixfarm.model import ImageRecord, ImageState, JobSpec, JobState, JobSummary, Strategy

PATIENCE_S = 10.0  # for what happens at once, unless it never does
BASE = "/srv/pictures"
ORIGIN = Provenance(1000, 1_700_000_000_123_456_789, 800, 1_700_000_001_987_654_321, "edges 1")


def token(number: int = 0) -> str:
    return f"{number:032x}"


def spec(job_id: str = "job-1", base_path: str = BASE) -> JobSpec:
    return JobSpec(job_id, base_path, Strategy.RANDOM)


def summary(
    job_id: str = "job-1", state: JobState = JobState.RUNNING, base_path: str = BASE, done: int = 0
) -> JobSummary:
    return JobSummary(
        job_id=job_id,
        base_path=base_path,
        strategy=Strategy.RANDOM,
        state=state,
        total=10,
        done=done,
        failed=0,
        not_done=0,
        rejections=0,
        retries=0,
        elapsed_s=1.25,
        nodes=(),
    )


def image(filename: str, state: ImageState = ImageState.DONE, node: str = "node_1") -> ImageRecord:
    return ImageRecord(filename=filename, state=state, node=node, attempts=1, seconds=0.5, bytes_written=800)


def begin(journal: Journal, *job_ids: str, base_path: str = BASE) -> None:
    """Adds jobs, each with a token made of its id."""
    for job_id in job_ids:
        journal.add_job(spec(job_id, base_path), job_id.encode().hex().zfill(32), summary(job_id))


def note(
    journal: Journal,
    job_id: str,
    names: Iterable[str],
    state: ImageState = ImageState.DONE,
    origin: Provenance | None = ORIGIN,
) -> None:
    """Records images, and returns when they are committed."""
    for name in names:
        journal.record(job_id, image(name, state), origin, nothing)
    journal.flush()


def note_looks(journal: Journal, name: str, width_px: int, height_px: int, *flags: str) -> None:
    """Records an image of job-1 that is done, and returns when it is committed."""
    record = dataclasses.replace(image(name), width_px=width_px, height_px=height_px, flags=flags)
    journal.record("job-1", record, ORIGIN, nothing)
    journal.flush()


def names(records: Iterable[ImageRecord]) -> list[str]:
    return [record.filename for record in records]


def nothing() -> None:
    pass


@contextmanager
def opened(folder: Path, *job_ids: str) -> Iterator[Journal]:
    """A journal with certain jobs in it."""
    with closing(Journal(folder)) as journal:
        begin(journal, *job_ids)
        yield journal


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
