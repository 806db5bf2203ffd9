"""What a request says beside base path, strategy and recipe: which images, and where results go."""

from dataclasses import dataclass

DEFAULT_NAME = "{stem}{ext}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which images of a source directory a job is about; as it stands, all.

    Args:
        include: patterns as in .gitignore, relative to the source directory; without any, all names match.
        exclude: patterns of names that do not belong to it.
        newer_than: only sources modified later than this, seconds since 1970.
        limit: at most so many.
        files_from: absolute path of a list of names that the server reads; empty for none.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    newer_than: float | None = None
    limit: int | None = None
    files_from: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """Where the results of a job go.

    Args:
        directory: an absolute path; empty for ``output_dir`` below the base path.
        name: how results are called: ``{stem}`` and ``{ext}`` of the source, ``{op}`` for the operations.
    """

    directory: str = ""
    name: str = DEFAULT_NAME


ALL = Selection()
BESIDE_SOURCES = Output()
