import pytest

from pixfarm.errors import FailureCode
from pixfarm.scheduling.blame import Blame, blame_of

BLAME = {
    Blame.STRIKE: {"CRASHED", "TIMED_OUT", "IO", "INTERNAL"},
    Blame.NODE: {"NO_RESOURCES"},
    Blame.FOLDER: {"NO_SPACE", "READ_ONLY"},
    Blame.CAPACITY: {"NO_MEMORY"},
    Blame.CODE: {"NO_CODE"},
    Blame.STORAGE: {"NOT_FOUND"},
}


@pytest.mark.parametrize("code", FailureCode)
def test_every_code_says_whose_fault_a_failure_is(code: FailureCode) -> None:
    expected = next((blame for blame, codes in BLAME.items() if code in codes), Blame.IMAGE)
    assert blame_of(code) is expected
