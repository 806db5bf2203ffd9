"""The numbers of jobs, kept for those that are in use."""

from collections.abc import Callable

from pixfarm.errors import UnknownJob
from pixfarm.journal.values import JobKey

_MAX_KEYS = 128


class JobKeys(dict[str, JobKey]):
    """The key of each job by its id; one that is not there is looked up.

    Args:
        find: looks it up; None when there is no such job, for which UnknownJob is raised then.
    """

    def __init__(self, find: Callable[[str], JobKey | None]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, job_id: str) -> JobKey:
        key = self._find(job_id)
        if key is None:
            raise UnknownJob(job_id)
        self.keep(job_id, key)
        return key

    def keep(self, job_id: str, key: JobKey) -> None:
        """Adds one."""
        if len(self) >= _MAX_KEYS:  # of jobs long ended, for the most part
            self.clear()
        self[job_id] = key
