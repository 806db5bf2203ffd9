"""The load probability of a machine: arithmetic on what was read of it.

    p       = max(p_cpu, p_mem), at least 0 and at most 0.95
    p_cpu   = (wanted / cores - 10 %) / 90 %   0 when others want a tenth of the cores, 1 when they want all
    p_mem   = (20 % - available) / 15 %        0 when 20 % of the memory is available, 1 when 5 % is
    wanted  = used + waiting

``cores`` are those the node may use. ``used`` is the CPU time per second that others got on them: user, nice
and system time of all tasks, less that of the node's process tree. ``waiting`` is the mean number of others'
tasks that were ready to run and had no core: all that were runnable, less those that ran, less our own that
waited. Without it, others would seem to want no more than the share that our busy workers leave them. It
counts only while the cores had less than 10 % of idle time: with time to spare, everybody got what he wanted.

``wanted`` is the larger of its means over the last second and over the last three, so that p rises within
one second and falls within three. ``available`` is the share of the machine's memory, or of the part of it
that a control group of the node may have, whoever uses it: an amount and no rate, which needs no mean.

Others are all processes that do not descend from the node: also the farm's server, and other nodes on the
same machine, whose work would be slowed just the same. Kernel threads count as others, whatever their
priority as all tasks. Interrupts, waiting for disks and time stolen by a hypervisor do not count: nobody on
this machine wanted a core then. A CPU quota does not count either: it limits the node, not the machine.

The first tenth is nobody's: a machine is never quite still, and the kernel writes out what the node has
written. p stays below 1, because a job ends when all nodes say 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_P = 0.95

_RISE_S = 1.0
_FALL_S = 3.0
_IDLE_ENOUGH = 0.10
_CORES_FREE = 0.10
_MEMORY_AMPLE = 0.20
_MEMORY_SHORT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read at one moment; all but ``at_s`` and ``cores`` are sums of seconds that only grow.

    Args:
        at_s: when.
        cores: how many the node may use.
        busy_s: CPU time of all tasks on these cores.
        idle_s: idle time of these cores.
        busy_everywhere_s: CPU time of all tasks on all cores.
        runnable_s: time that tasks ran or waited for a core, of all tasks on all cores.
        own_used_s: CPU time of the node's process tree.
        own_waited_s: time that its tasks waited for a core.
    """

    at_s: float
    cores: int
    busy_s: float
    idle_s: float
    busy_everywhere_s: float
    runnable_s: float
    own_used_s: float
    own_waited_s: float


def are_cores_full(before: Reading, now: Reading) -> bool:
    """Whether the node's cores had next to no idle time between two readings."""
    return now.idle_s - before.idle_s < _IDLE_ENOUGH * now.cores * (now.at_s - before.at_s)


def cores_wanted(before: Reading, now: Reading) -> float:
    """How many cores others wanted in the mean between two readings; 0 or more, and more than there are."""
    seconds = now.at_s - before.at_s
    own_used_s = now.own_used_s - before.own_used_s
    wanted_s = max(0.0, now.busy_s - before.busy_s - own_used_s)
    if are_cores_full(before, now):
        ran_s = now.busy_everywhere_s - before.busy_everywhere_s
        own_waited_s = now.own_waited_s - before.own_waited_s
        wanted_s += max(0.0, now.runnable_s - before.runnable_s - ran_s - own_waited_s)
    return wanted_s / seconds


def recent_cores_wanted(readings: Sequence[Reading]) -> float:
    """The larger of the means over the last second and over the last three; 0 for a single reading."""
    if len(readings) < 2:
        return 0.0
    return max(cores_wanted(_before(readings, age_s), readings[-1]) for age_s in (_RISE_S, _FALL_S))


def is_outdated(readings: Sequence[Reading]) -> bool:
    """Whether the first of the readings is no longer needed."""
    return len(readings) > 2 and readings[-1].at_s - readings[1].at_s >= _FALL_S


def probability(wanted: float, cores: int, available: float) -> float:
    """The load probability, 0 to 0.95.

    Args:
        wanted: cores that others want.
        cores: cores that the node may use.
        available: share of the memory that is available, 0 to 1.
    """
    p_cpu = (wanted / cores - _CORES_FREE) / (1 - _CORES_FREE)
    p_memory = (_MEMORY_AMPLE - available) / (_MEMORY_AMPLE - _MEMORY_SHORT)
    return min(max(0.0, p_cpu, p_memory), MOST_P)


def _before(readings: Sequence[Reading], age_s: float) -> Reading:
    """The latest reading of at least that age, or the oldest."""
    latest_s = readings[-1].at_s
    return next((reading for reading in reversed(readings) if latest_s - reading.at_s >= age_s), readings[0])
