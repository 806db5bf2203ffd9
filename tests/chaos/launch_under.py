"""Starts a script under another command, in this process: launch_under.py COMMAND ... --script FILE ..."""

import os
import sys
from pathlib import Path

end = sys.argv.index("--script")
script = Path(__file__).resolve().parents[2] / sys.argv[end + 1]
os.execvp(sys.argv[1], [*sys.argv[1:end], sys.executable, str(script), *sys.argv[end + 2 :]])
