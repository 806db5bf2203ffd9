"""How busy this machine is with what is not this node's work, as a load probability."""

from pixfarm.machine_load.formula import MOST_P
from pixfarm.machine_load.reader import MachineReader
from pixfarm.machine_load.watch import MachineLoad

__all__ = ["MOST_P", "MachineLoad", "MachineReader"]
