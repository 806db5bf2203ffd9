"""machine.txt with any content."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixfarm.errors import BadMachinesFile
from pixfarm.machines import read_machines

WORDS = st.sampled_from(["server", "node_1", "node_2", "localhost", "::1", "9091", "0", "#", "\n", " ", "\t"])


@settings(derandomize=True, max_examples=30, database=None, deadline=None)
@given(
    content=st.binary() | st.lists(WORDS | st.text(max_size=3)).map(lambda words: " ".join(words).encode())
)
def test_any_content_is_machines_or_a_complaint(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any_machine.txt"
    path.write_bytes(content)
    try:
        machines = read_machines(path)
    except BadMachinesFile:
        return
    everyone = [machines.server, *machines.nodes]
    assert len({(machine.host.lower(), machine.port) for machine in everyone}) == len(everyone)
