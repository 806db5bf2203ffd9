"""Names of files as text: for any bytes that a directory can hold."""

import os

from hypothesis import example, given
from hypothesis import strategies as st

from pixfarm.names import original, shown

# Names as a directory holds them: any bytes but NUL; the source directory's own are relative.
NAMES = st.lists(
    st.sampled_from(
        [b"a", b"\\", b"x", b"ff", b"/", b"\xff", b"\xc3", b"\xa9", "é".encode(), b"\xed\xb3\xbf"]
    ),
    max_size=8,
).map(b"".join)


@given(NAMES)
def test_every_name_can_be_had_back_from_its_text(name: bytes) -> None:
    text = shown(os.fsdecode(name))
    assert text.encode().decode() == text
    assert os.fsencode(original(text)) == name


@given(NAMES, NAMES)
@example(b"\xff", b"\\udcff")
@example(b"\xff", b"\\xff")
def test_no_two_names_have_one_text(one: bytes, other: bytes) -> None:
    assert (shown(os.fsdecode(one)) == shown(os.fsdecode(other))) == (one == other)
