"""docs/operations.md says what the catalogue says."""

from docs import make_operations
from pixfarm.imaging import CATALOGUE


def test_the_page_is_what_the_catalogue_makes_of_it() -> None:
    assert make_operations.PAGE.read_text() == make_operations.page(), "run make docs"


def test_every_operation_has_a_picture_and_there_are_no_others() -> None:
    assert {path.stem for path in make_operations.PICTURES.iterdir()} == set(CATALOGUE)
