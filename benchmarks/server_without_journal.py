"""server.py with a journal that writes nothing: shows what the real one costs."""

import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import server
from pixfarm import script
from pixfarm.journal import Counted, JournaledJob, Provenance
from pixfarm.model import ImageRecord, ImageState, JobSpec, JobSummary


class NoJournal:
    """Takes every row as written; knows jobs only by their latest snapshot."""

    problem = ""

    def __init__(self, _folder: Path) -> None:
        self._jobs: dict[str, JournaledJob] = {}

    def close(self) -> None:
        """Has nothing to close."""

    def hurry(self) -> None:
        """Has nothing to give up."""

    def flush(self, timeout_s: float = 0.0) -> None:
        """Has nothing to write."""

    def add_job(self, spec: JobSpec, token: str, summary: JobSummary) -> None:
        """Keeps a job in memory."""
        self._jobs[spec.job_id] = JournaledJob(spec, token, summary)

    def add_token(self, job_id: str, token: str) -> None:
        """Knows no tokens."""

    def save(self, summary: JobSummary) -> None:
        """Keeps a job's progress in memory."""
        known = self._jobs[summary.job_id]
        self._jobs[summary.job_id] = JournaledJob(known.spec, known.token, summary)

    def record(
        self,
        _job_id: str,
        _record: ImageRecord,
        _provenance: Provenance | None,
        on_recorded: Callable[[], None],
    ) -> None:
        """Forgets an image."""
        on_recorded()

    def job(self, job_id: str) -> JournaledJob | None:
        """A job of this process."""
        return self._jobs.get(job_id)

    def jobs(self, limit: int) -> list[JournaledJob]:
        """The jobs of this process."""
        return list(self._jobs.values())[-limit:]

    def unfinished(self) -> list[JournaledJob]:
        """Nothing is left of an earlier process."""
        return []

    def images(
        self, _job_id: str, _after: str, _limit: int, _states: Collection[ImageState] = ()
    ) -> list[ImageRecord]:
        """No image is remembered."""
        return []

    def ended(self, _job_id: str, _names: Sequence[str]) -> set[str]:
        """No image is remembered."""
        return set()

    def last_done(self, _base_path: str, _fingerprint: str, _names: Sequence[str]) -> dict[str, Provenance]:
        """No image is remembered."""
        return {}

    def counted(self, _job_id: str) -> Counted:
        """No image is remembered."""
        return Counted(0, 0, 0, 0, {})

    def flagged(self, _job_id: str, _limit: int) -> list[ImageRecord]:
        """No image is remembered."""
        return []

    def owner_of(self, _token: str) -> str | None:
        """No token is remembered."""
        return None


if __name__ == "__main__":
    server.Journal = NoJournal  # type: ignore[assignment,attr-defined]
    script.run(server.main)
