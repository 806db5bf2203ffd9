import re

import pytest

from pixfarm.journal import Journal, flags, images, jobs

_ONE_ROW = "USING PRIMARY KEY (base=? AND filename=? AND job=?)"


@pytest.mark.parametrize(
    ("sql", "needed", "not_needed"),
    [
        (images._SPAN_END, "USING PRIMARY KEY (base=? AND filename>?)", "TEMP B-TREE"),
        (images._RECORDS, "USING PRIMARY KEY (base=? AND filename>? AND filename<?)", "TEMP B-TREE"),
        (images._BAD_RECORDS, "INDEX bad_images (job=? AND state=? AND filename>?)", "TEMP B-TREE"),
        (images._COUNTS, "USING PRIMARY KEY (base=? AND filename>? AND filename<?)", "SCAN"),
        (flags._FLAGGED, "INDEX flagged_images (job=? AND filename>?)", "TEMP B-TREE"),
        (flags._SIZES, "USING PRIMARY KEY (base=? AND filename>? AND filename<?)", "SCAN"),
        (flags._OUTSIDE, "USING PRIMARY KEY (base=? AND filename>? AND filename<?)", "SCAN"),
        (images._ENDED, _ONE_ROW, "SCAN i"),
        (images._LAST_DONE, _ONE_ROW, "TEMP B-TREE"),
        (jobs._UNFINISHED, "unfinished_jobs", "TEMP B-TREE"),
        (jobs._LATEST, "", "TEMP B-TREE"),
    ],
    ids=[
        *("span", "records", "bad records", "counts", "flagged", "sizes", "outside"),
        *("ended", "last done", "unfinished", "latest"),
    ],
)
def test_every_question_finds_its_rows_in_the_order_they_are_kept_in(
    journal: Journal, sql: str, needed: str, not_needed: str
) -> None:
    """Ten million rows are possible: no question may walk or sort them all."""
    marks = set(re.findall(r"\?\d", sql)) or sql.count("?") * ["?"]
    arguments = [None] * len(marks)
    plan = journal._ask(
        lambda: [row[3] for row in journal._connection.execute(f"EXPLAIN QUERY PLAN {sql}", arguments)]
    )
    told = "\n".join(plan)
    assert needed in told
    assert not_needed not in told
