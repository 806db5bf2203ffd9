"""Results that would have the same name: found before one takes the place of another."""

from collections.abc import Iterable

from pixfarm.errors import InvalidRequest
from pixfarm.naming import Naming


def refuse_collisions(naming: Naming, names: Iterable[str], *, by_folder: bool) -> None:
    """Makes sure that each image has a result of its own.

    Args:
        naming: what results are called.
        names: of all images.
        by_folder: whether the names of a folder follow one another, so that only those of one folder at a
            time have to be remembered.

    Raises:
        InvalidRequest: two images would share one; the message names the first that do.
    """
    taken: dict[str, str] = {}
    folder, pair, count = "", "", 0
    for name in names:
        if by_folder and (here := name.rpartition("/")[0]) != folder:
            taken, folder = {}, here
        result = naming.result_of(name)
        other = taken.setdefault(result, name)
        if other != name:
            pair = pair or f"{other!r} and {name!r} would both become {result!r}"
            count += 1
    if pair:
        raise InvalidRequest(f"{pair}{_more(count - 1)}; {_way_out(naming)}")


def _more(count: int) -> str:
    if not count:
        return ""
    return f", and {count:,} more image{'s' if count > 1 else ''} would have the name of another"


def _way_out(naming: Naming) -> str:
    if not naming.tells_sources_apart:
        return "put {stem} into --name"
    return "leave one out with --exclude, and do it in another job with another --name or --output"
