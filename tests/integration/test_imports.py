"""What a script does not load before it is needed."""

import subprocess
import sys


def test_importing_the_console_does_not_import_rich() -> None:
    code = "import sys, pixfarm.console; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
