"""The tables of the journal, and how older ones become newer ones.

All rows of images are in one B-tree, ordered by base path, filename and job. One seek in that order finds
what is asked by name: this job's row (ended), the latest job's row (last_done), the next rows by filename
(images). The price is that a walk through one job's rows passes those of other jobs on the same base path.
The few images that failed or were not done have an index of their own, by job, and so have those with flags.
"""

from pixfarm.model import ImageState

APPLICATION_ID = 0x70786661  # "pxfa": tells the file from any other SQLite database
NO_TEXT = 0  # the number of the empty text

# The numbers in the file; never change one, add others.
NUMBERS = {ImageState.DONE: 0, ImageState.FAILED: 1, ImageState.NOT_DONE: 2, ImageState.SKIPPED: 3}
STATES = {number: state for state, number in NUMBERS.items()}

_FIRST = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    # What many rows share: base paths, names of nodes, failure codes, fingerprints of pipelines.
    "CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    "INSERT INTO texts VALUES (0, '')",
    """CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        job_id TEXT NOT NULL UNIQUE,
        base INTEGER NOT NULL REFERENCES texts,
        token TEXT NOT NULL,
        state TEXT NOT NULL,
        spec TEXT NOT NULL,
        summary TEXT NOT NULL
    )""",
    "CREATE INDEX unfinished_jobs ON jobs (id) WHERE state IN ('running', 'paused')",
    # Of every run of a job, as a run may leave temporary files behind.
    "CREATE TABLE tokens (token TEXT PRIMARY KEY, job INTEGER NOT NULL REFERENCES jobs) WITHOUT ROWID",
    """CREATE TABLE images (
        base INTEGER NOT NULL REFERENCES texts,
        filename TEXT NOT NULL,
        job INTEGER NOT NULL REFERENCES jobs,
        state INTEGER NOT NULL,
        node INTEGER NOT NULL REFERENCES texts,
        attempts INTEGER NOT NULL,
        refusals INTEGER NOT NULL,
        seconds REAL NOT NULL,
        bytes_written INTEGER NOT NULL,
        code INTEGER NOT NULL REFERENCES texts,
        message TEXT NOT NULL,
        source_bytes INTEGER,
        source_mtime_ns INTEGER,
        result_bytes INTEGER,
        result_mtime_ns INTEGER,
        pipeline INTEGER REFERENCES texts,
        PRIMARY KEY (base, filename, job)
    ) WITHOUT ROWID""",
    "CREATE INDEX bad_images ON images (job, state, filename) WHERE state IN (1, 2)",
    # LEFT JOIN: texts are looked up for images, never the other way round.
    """CREATE VIEW records AS
        SELECT base, job, filename, state, nodes.text AS node, attempts, refusals, seconds, bytes_written,
            codes.text AS code, message
        FROM images LEFT JOIN texts AS nodes ON nodes.id = images.node
        LEFT JOIN texts AS codes ON codes.id = images.code""",
)

# What a result looks like. Flags are one text with spaces between them, and NULL where there are none: nearly
# everywhere, and the index has no such rows.
_SECOND = (
    "ALTER TABLE images ADD COLUMN flags INTEGER REFERENCES texts",
    "ALTER TABLE images ADD COLUMN width_px INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE images ADD COLUMN height_px INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX flagged_images ON images (job, filename) WHERE flags IS NOT NULL",
    "DROP VIEW records",
    """CREATE VIEW records AS
        SELECT base, job, filename, state, nodes.text AS node, attempts, refusals, seconds, bytes_written,
            codes.text AS code, message, flagged.text AS flags, flags AS flags_id, width_px, height_px
        FROM images LEFT JOIN texts AS nodes ON nodes.id = images.node
        LEFT JOIN texts AS codes ON codes.id = images.code
        LEFT JOIN texts AS flagged ON flagged.id = images.flags""",
)

# Statements that lead from each version to the next; a version is a count of migrations. Only ever append.
MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND)
