"""What the journal tells of jobs: of those that ended, and of what is left of one that goes on."""

import dataclasses
from collections.abc import Collection, Sequence

from pixfarm.errors import UnknownJob
from pixfarm.journal import Counted, Journal, JournaledJob
from pixfarm.model import Failure, ImageRecord, ImageState, JobReport, JobState, JobSummary, NodeCounts
from pixfarm.phases import NO_TIME
from pixfarm.progress import Before, report_of
from pixfarm.tally import BAD_ENDS, MAX_FAILURES, MAX_FLAGGED


class History:
    """Questions about jobs that need no running one.

    Args:
        journal: where they are.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def find(self, job_id: str) -> JournaledJob | None:
        """The job of that id, or None."""
        return self._journal.job(job_id)

    def get(self, job_id: str) -> JournaledJob:
        """The job of that id.

        Raises:
            UnknownJob: there is none.
        """
        journaled = self._journal.job(job_id)
        if journaled is None:
            raise UnknownJob(job_id)
        return journaled

    def report(self, job_id: str) -> JobReport:
        """What came of a job.

        Raises:
            UnknownJob: there is none of that id.
        """
        return report_of(self.get(job_id).summary, self._failures(job_id, BAD_ENDS), self._flags(job_id))

    def images(self, job_id: str, after: str, limit: int) -> Sequence[ImageRecord]:
        """What came of a job's images so far: a page, by file name.

        Raises:
            UnknownJob: there is none of that id.
        """
        self.get(job_id)
        return self._journal.images(job_id, after, limit)

    def before(self, journaled: JournaledJob) -> Before:
        """What a further run of a job goes on with: what was not done is still to be done."""
        job_id = journaled.spec.job_id
        counted = self._journal.counted(job_id)
        return Before(
            _counted_again(journaled.summary, counted),
            self._failures(job_id, (ImageState.FAILED,)),
            self._flags(job_id),
        )

    def _failures(self, job_id: str, states: Collection[ImageState]) -> tuple[Failure, ...]:
        records: list[ImageRecord] = []
        for state in states:
            records += self._journal.images(job_id, "", MAX_FAILURES - len(records), (state,))
        return tuple(Failure(r.filename, r.code, r.message, r.node) for r in records)

    def _flags(self, job_id: str) -> tuple[ImageRecord, ...]:
        return tuple(self._journal.flagged(job_id, MAX_FLAGGED))


def _counted_again(summary: JobSummary, counted: Counted) -> JobSummary:
    nodes = {node.name: node for node in summary.nodes}
    names = sorted(nodes.keys() | counted.nodes.keys())
    return dataclasses.replace(
        summary,
        state=JobState.RUNNING,
        done=counted.done,
        failed=counted.failed,
        skipped=counted.skipped,
        not_done=0,
        flagged=counted.flagged,
        code="",
        message="",
        nodes=tuple(_node_counts(name, nodes.get(name), counted) for name in names),
    )


def _node_counts(name: str, known: NodeCounts | None, counted: Counted) -> NodeCounts:
    done, seconds = counted.nodes.get(name, (0, 0.0))
    return NodeCounts(
        name=name,
        done=done,
        refused=known.refused if known else 0,
        failed=known.failed if known else 0,
        mean_s=seconds / max(1, done),
        phases=known.phases if known else NO_TIME,  # rows have none: up to a second is missing
    )
