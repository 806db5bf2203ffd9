"""The ends of a job's images: written to the journal, and only then counted."""

from functools import partial

from pixfarm.errors import FailureCode
from pixfarm.journal import Journal, Provenance
from pixfarm.model import ImageRecord, ImageState, TaskResult
from pixfarm.names import shown
from pixfarm.scheduling.attempts import Attempts
from pixfarm.tally import Tally
from pixfarm.trace import Trace


class Ledger:
    """Notes how the images of one job end; every method may be called from any thread.

    Args:
        job_id: the job.
        journal: where it is kept.
        tally: where it is counted, once the journal has it.
        trace: where it is written, once the journal has it.
    """

    def __init__(self, job_id: str, journal: Journal, tally: Tally, trace: Trace) -> None:
        self._job_id = job_id
        self._journal = journal
        self._tally = tally
        self._trace = trace

    def done(
        self, filename: str, attempts: Attempts, node: str, seconds: float, result: TaskResult
    ) -> ImageRecord:
        """A node did an image: its result is complete under its final name. Returns what was noted."""
        record = ImageRecord(
            filename=shown(filename),
            state=ImageState.DONE,
            node=node,
            attempts=attempts.taken + 1,
            refusals=attempts.refusals,
            seconds=seconds,
            bytes_written=result.bytes_written,
            flags=result.flags,
            width_px=result.width_px,
            height_px=result.height_px,
        )
        self._journal.record(self._job_id, record, _origin(result), partial(self._count, record, result))
        return record

    def replaced(self, record: ImageRecord, result: TaskResult) -> None:
        """An image that is done was done again by a slower node, whose result took the place of the first.

        Without this the result would look like one that somebody has changed since.
        """
        self._journal.record(self._job_id, record, _origin(result), lambda: None)

    def failed(
        self, filename: str, code: FailureCode, message: str, attempts: Attempts | None = None, node: str = ""
    ) -> None:
        """An image is given up."""
        attempts = attempts or Attempts()
        self._note(
            ImageRecord(
                filename=shown(filename),
                state=ImageState.FAILED,
                node=node,
                attempts=attempts.taken,
                refusals=attempts.refusals,
                code=str(code),
                message=message,
            )
        )

    def not_done(self, filename: str, code: FailureCode) -> None:
        """An image was not done because its job stopped."""
        message = "not done: the job stopped"
        self._note(
            ImageRecord(filename=shown(filename), state=ImageState.NOT_DONE, code=str(code), message=message)
        )

    def skipped(self, filename: str) -> None:
        """The result of an earlier job is still good."""
        self._note(ImageRecord(filename=shown(filename), state=ImageState.SKIPPED))

    def _note(self, record: ImageRecord) -> None:
        self._journal.record(self._job_id, record, None, partial(self._count, record))

    def _count(self, record: ImageRecord, result: TaskResult | None = None) -> None:
        self._tally.ended(record, result)
        self._trace(
            "ended", job=self._job_id, image=record.filename, state=record.state.value, code=record.code
        )


def _origin(result: TaskResult) -> Provenance:
    return Provenance(
        result.source_bytes,
        result.source_mtime_ns,
        result.bytes_written,
        result.result_mtime_ns,
        result.pipeline,
    )
