"""Names of temporary files: no name of a person's file may be taken for one."""

import os

from hypothesis import example, given
from hypothesis import strategies as st

from pixfarm.parts import name_part, token_of

TOKEN = "0123456789abcdef" * 2
FILE_NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)


@given(FILE_NAMES, st.text("0123456789abcdef", min_size=32, max_size=32), st.integers(0, 10**12))
def test_every_name_of_a_servers_attempt_tells_its_token(name: str, token: str, number: int) -> None:
    if len(os.fsencode(name)) <= 255:
        assert token_of(name_part(name, f"{token}-{number}")) == token


def is_of_the_form(name: str) -> bool:
    """As the promise says it, without the expression under test."""
    if not name.startswith(".") or not name.endswith(".part"):
        return False
    head, dot, attempt = name[1 : -len(".part")].rpartition(".")
    token, dash, number = attempt.partition("-")
    is_token = len(token) == 32 and set(token) <= set("0123456789abcdef")
    return bool(head and dot and dash and is_token and number) and set(number) <= set("0123456789")


# Close to the form in every place: what a person's file could look like by accident.
NEAR = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", ".", "..", "a", ".a.", ".\n."]),
        st.text("a.-\n ٣", max_size=3),
        st.sampled_from(["", "."]),
        st.text("0123456789abcdefABCDEFg٣", min_size=30, max_size=34) | st.just(TOKEN),
        st.sampled_from(["-", "", "--", "_", "-\n"]),
        st.text("0123456789٣² x", max_size=3),
        st.sampled_from([".part", ".par", ".part.png", ".PART", "part", ".part\n", "\n.part"]),
    ),
)


@given(NEAR | FILE_NAMES)
@example(f".a.{TOKEN}-1.part")
@example(f".a\nb.{TOKEN}-1.part")
@example(f".a.{TOKEN}-1.part\n")
@example(f"..{TOKEN}-1.part")
@example(f".a.{TOKEN}-٣.part")
@example(f"a.{TOKEN}-1.part")
@example(f".{TOKEN}-1.part")
@example(".pixfarm-check.host.123.part")
def test_no_other_name_is_taken_for_an_attempts(name: str) -> None:
    assert (token_of(name) is not None) == is_of_the_form(name)
