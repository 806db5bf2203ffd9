"""Whether a request goes together with the jobs that a server has had."""

from pixfarm.errors import InvalidRequest
from pixfarm.model import JobSpec, JobState, Strategy
from pixfarm.recipe import Recipe
from pixfarm.request import ALL, DEFAULT_NAME, Output


def check_same(known: JobSpec, asked: JobSpec) -> None:
    """Makes sure that a request with the id of a known job is the same request.

    Which images were chosen is not compared: whoever attaches knows no more than a job's status tells.

    Raises:
        InvalidRequest: it is another.
    """
    if _identity(known) != _identity(asked):
        raise InvalidRequest(
            f"job {asked.job_id} is {known.base_path} by {known.strategy}, {known.recipe}"
            f"{_results(known.output)}; choose another id for another request"
        )


def check_retry(earlier: JobSpec | None, asked: JobSpec) -> None:
    """Makes sure that a retry is about images of the job that it names.

    Raises:
        InvalidRequest: it is not.
    """
    if earlier is None:
        raise InvalidRequest(f"the server knows no job {asked.retry_of!r}; client.py --jobs lists them")
    if earlier.base_path != asked.base_path:
        raise InvalidRequest(
            f"job {asked.retry_of} is about {earlier.base_path}, not about {asked.base_path}"
        )
    if asked.selection != ALL:
        raise InvalidRequest(
            f"a retry takes the images of job {asked.retry_of} that failed or were not done; "
            "leave out what chooses images"
        )


def check_ended(job_id: str, state: JobState, *, can_be_cancelled: bool) -> None:
    """What an unended job has left is its own to do: nothing of it would be found to retry.

    Raises:
        InvalidRequest: the job has not ended.
    """
    if state is JobState.RUNNING:
        raise InvalidRequest(f"job {job_id} is running; retry when it has ended")
    if state is JobState.PAUSED:
        hint = f", or cancel it first: client.py --cancel {job_id}" if can_be_cancelled else ""
        raise InvalidRequest(f"job {job_id} is paused; go on with client.py --resume {job_id}{hint}")


def _identity(spec: JobSpec) -> tuple[str, Strategy, Recipe, Output]:
    return spec.base_path, spec.strategy, spec.recipe, spec.output


def _results(output: Output) -> str:
    """Where a job's results go and what they are called, as words to append, as far as that was chosen."""
    place = f", into {output.directory}" if output.directory else ""
    return place + (f", named {output.name}" if output.name != DEFAULT_NAME else "")
