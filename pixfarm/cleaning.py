"""Temporary files that attempts of a job have left behind: found and removed, and nothing else."""

import logging
from collections.abc import Callable, Iterable

from pixfarm import parts
from pixfarm.errors import PixfarmError
from pixfarm.listing import SourceTree

_log = logging.getLogger(__name__)

# A file of a server that has left no journal: no attempt is that old, whatever the clocks say.
_STRANGERS_AGE_S = 24 * 3600.0


def sweep(
    tree: SourceTree,
    owner_of: Callable[[str], str | None],
    living: Callable[[], Iterable[str]],
    stop: Callable[[], bool],
) -> None:
    """Removes what dead attempts of earlier jobs, or runs of a job, have left in a job's results.

    Args:
        tree: the job's directories.
        owner_of: the job of a token, as far as this server knows.
        living: the tokens of the runs that are going on now.
        stop: whether to end early.
    """

    def is_dead(token: str, age_s: float) -> bool:
        if token in living():
            return False
        return owner_of(token) is not None or age_s > _STRANGERS_AGE_S

    removed = parts.sweep(tree.target, is_dead, stop)
    if removed:
        _log.info("%d temporary files of dead attempts removed from %s", removed, tree.target)


def remove(tree: SourceTree, attempts: Iterable[tuple[str, str]]) -> None:
    """Removes what certain attempts may have left, given as pairs of result and attempt id."""
    for result, attempt_id in attempts:
        try:
            if parts.remove_part(tree.target_of(result), attempt_id):
                _log.info("temporary file of attempt %s at %r removed", attempt_id, result)
        except (OSError, PixfarmError) as error:
            _log.warning("the temporary file of attempt %s at %r stays: %s", attempt_id, result, error)
