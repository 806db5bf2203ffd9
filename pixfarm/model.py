"""The values that travel through pixfarm: frozen, and without behaviour beyond arithmetic on themselves."""

from dataclasses import dataclass
from enum import Enum, StrEnum

from pixfarm.errors import FailureCode
from pixfarm.phases import NO_TIME, Phases
from pixfarm.recipe import EDGES, Recipe
from pixfarm.request import ALL, BESIDE_SOURCES, Output, Selection

DEFAULT_TIMEOUT_S = 60.0

# Below a base path: where the sources are, when there is such a directory, and where the results go.
INPUT_DIR = "input_dir"
OUTPUT_DIR = "output_dir"
EXTENSIONS = ("jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp")


class Strategy(StrEnum):
    """How the server chooses a node for an image."""

    RANDOM = "random"
    LOAD_BALANCING = "load-balancing"


class JobState(Enum):
    """Where a job stands."""

    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    GAVE_UP = "gave up"
    PAUSED = "paused"


class ImageState(Enum):
    """What came of one image of a job."""

    DONE = "done"
    FAILED = "failed"
    NOT_DONE = "not done"
    SKIPPED = "skipped"


class NodeHealth(Enum):
    """What the server believes about a node."""

    UP = "up"
    PROBE = "probe"
    DOWN = "down"
    QUARANTINED = "quarantined"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Machine:
    """One line of machine.txt."""

    name: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.name} ({host}:{self.port})"


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What is asked for with one submit_request, and what every image of the job has in common.

    Args:
        job_id: 1 to 64 of A-Z a-z 0-9 _ -.
        base_path: absolute directory that server and nodes see.
        strategy: how nodes are chosen.
        priority: -100 to 100; of the jobs that wait, the one with the highest gets the next image.
        skip_done: pass over images with a good result of an earlier job.
        retry_of: id of an earlier job of which only what failed or was not done is wanted; empty for all.
        task_timeout_s: seconds a worker may spend on an image; None lets the server decide.
        recipe: what is done to each image.
        selection: which images.
        output: where results go.
    """

    job_id: str
    base_path: str
    strategy: Strategy
    priority: int = 0
    skip_done: bool = False
    retry_of: str = ""
    task_timeout_s: float | None = None
    recipe: Recipe = EDGES
    selection: Selection = ALL
    output: Output = BESIDE_SOURCES

    @property
    def place(self) -> str:
        """What nodes may be unable to write to: the directory of the results, when one was chosen."""
        return self.output.directory or self.base_path


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt at one image of a job.

    Args:
        base_path: absolute directory that server and nodes see.
        filename: path relative to the source directory, ``/`` as separator.
        attempt_id: echoed by the node; part of the temporary file's name.
        timeout_s: seconds a worker may spend on it.
        source_dir: where the sources are below the base path; None for where the node finds them.
        recipe: what is done to it.
        patience_s: seconds the caller waits for the answer: work, queue and simulated delay.
        output_dir: absolute directory of the results; empty for that of the base path.
        result: path of the result relative to it; empty for that of the source.
    """

    base_path: str
    filename: str
    attempt_id: str
    timeout_s: float = DEFAULT_TIMEOUT_S
    source_dir: str | None = None
    recipe: Recipe = EDGES
    patience_s: float = 2 * DEFAULT_TIMEOUT_S
    output_dir: str = ""
    result: str = ""

    @property
    def place(self) -> str:
        """As that of the job."""
        return self.output_dir or self.base_path


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One image, processed and published; times in seconds, sizes in pixels and bytes.

    Source and result are told by size and modification time (ns since 1970), so that a later job can see
    whether they are still the same; zeros and an empty ``pipeline`` from a node that does not tell.
    ``phases`` are without waiting and sending; ``flags`` as in ImageRecord.
    """

    attempt_id: str
    waited_s: float
    worked_s: float
    width_px: int
    height_px: int
    bytes_written: int
    source_bytes: int = 0
    source_mtime_ns: int = 0
    result_mtime_ns: int = 0
    pipeline: str = ""
    phases: Phases = NO_TIME
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """What came of one image of a job.

    Args:
        filename: path relative to the source directory.
        state: what came of it.
        node: who did it, or on whom it failed last; empty when none was involved.
        attempts: calls that took the image.
        refusals: calls that were refused.
        seconds: of the call that did it, as the server saw it.
        bytes_written: size of the result.
        code: why it was not done; empty when it was.
        message: one line for a person; empty when it was done.
        flags: likely mishaps in a result that was checked: uniform, clipped, outlier.
        width_px: of the result.
        height_px: of the result.
    """

    filename: str
    state: ImageState
    node: str = ""
    attempts: int = 0
    refusals: int = 0
    seconds: float = 0.0
    bytes_written: int = 0
    code: str = ""
    message: str = ""
    flags: tuple[str, ...] = ()
    width_px: int = 0
    height_px: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """An image that was not done; ``node`` is empty when none was involved."""

    filename: str
    code: FailureCode | str
    message: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """What one node did for one job.

    ``mean_s`` is per image done, as the server saw it; ``phases`` are of all its done images together.
    """

    name: str
    done: int
    refused: int
    failed: int
    mean_s: float
    phases: Phases = NO_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSummary:
    """What progress and final report of a job have in common; counts are images.

    ``submitted_at`` is in seconds since 1970; ``copies`` are images sent to a second node because the first
    one was slow, ``flagged`` images done whose result has flags.
    """

    job_id: str
    base_path: str
    strategy: Strategy
    state: JobState
    total: int
    done: int
    failed: int
    not_done: int
    rejections: int
    retries: int
    elapsed_s: float
    nodes: tuple[NodeCounts, ...]
    code: str = ""
    message: str = ""
    skipped: int = 0
    priority: int = 0
    submitted_at: float = 0.0
    copies: int = 0
    recipe: Recipe = EDGES
    output: Output = BESIDE_SOURCES
    flagged: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus(JobSummary):
    """Progress of a job; ``total`` still grows until ``listing_complete``."""

    running: int
    listing_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport(JobSummary):
    """The end of a job.

    With the first 100 images that failed or were not done, failed ones first, and the first 100 with flags.
    """

    failures: tuple[Failure, ...]
    flags: tuple[ImageRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """A compute node, by its own account or as the server sees it.

    ``load_probability`` is None and ``workers`` 0 while the server does not know them; ``fault`` is what the
    node's own check finds broken on it, ``started_at`` (seconds since 1970) tells a restart from a pause,
    ``unwritable`` are base paths, or chosen directories, whose results it cannot write, ``runs_code`` says
    whether it carries out functions of people's own.
    """

    name: str
    host: str
    port: int
    load_probability: float | None = None
    workers: int = 0
    in_flight: int = 0
    draining: bool = False
    done: int = 0
    refused: int = 0
    failed: int = 0
    health: NodeHealth = NodeHealth.UP
    message: str = ""
    version: str = ""
    delay_s: float = 0.0
    fault: str = ""
    started_at: float = 0.0
    unwritable: tuple[str, ...] = ()
    runs_code: bool = False
