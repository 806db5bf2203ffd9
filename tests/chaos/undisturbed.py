"""What an undisturbed farm makes of the different sources, verified against the definition."""

import functools
import subprocess
import tempfile
from pathlib import Path

from pixfarm.farm import LocalFarm, NodeSpec
from tests.chaos.pixels import differences
from tests.chaos.sources import Originals, originals


@functools.cache
def known_originals() -> Originals:
    """The different sources, with the digests of their results."""
    learnt = originals()
    with tempfile.TemporaryDirectory(prefix="pixfarm-") as name, LocalFarm([NodeSpec()]) as farm:
        base = Path(name)
        learnt.write_to(base / "input_dir")
        subprocess.run(farm.client_command(name, "--quiet"), check=True)
        wrong = differences(base / "input_dir", base / "output_dir")
        assert not wrong, f"without any fault the results of {wrong} are wrong"
        learnt.learn(base / "output_dir")
    return learnt
