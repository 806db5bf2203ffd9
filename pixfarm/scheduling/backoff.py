"""How long to wait before asking again, so that many who wait do not ask in step.

Full and equal jitter are those of the AWS architecture article "Exponential Backoff And Jitter" (2015).
"""

import random

from pixfarm.scheduling import policy


def sweep_pause_s(sweep: int, rng: random.Random) -> float:
    """Seconds to wait after all nodes refused an image (full jitter).

    Args:
        sweep: how many sweeps ended so before, 0 or more.
        rng: source of chance.
    """
    # The exponent is bounded only so that it cannot overflow; the cap is reached long before.
    ceiling = min(policy.SWEEP_PAUSE_MAX_S, policy.SWEEP_PAUSE_START_S * 2.0 ** min(sweep, 32))
    return rng.uniform(0.0, ceiling)


def ping_pause_s(failures: int, rng: random.Random) -> float:
    """Seconds to wait before a lost node is pinged again (equal jitter).

    Args:
        failures: pings without an answer so far, 0 or more.
        rng: source of chance.
    """
    ceiling = ping_ceiling_s(failures)
    return ceiling / 2 + rng.uniform(0.0, ceiling / 2)


def ping_ceiling_s(failures: int) -> float:
    """The longest such wait, in seconds.

    Args:
        failures: pings or calls without an answer so far, 0 or more.
    """
    return min(policy.PING_PAUSE_MAX_S, policy.PING_PAUSE_START_S * 2.0 ** min(failures, 32))


def lag_pause_s(missing: int) -> float:
    """Seconds to wait before an image that a node did not find is asked for again.

    Args:
        missing: how often it was not found, 1 or more; after the first time another node is asked at once.
    """
    if missing < 2:
        return 0.0
    return min(policy.LAG_PAUSE_MAX_S, policy.LAG_PAUSE_START_S * 2.0 ** min(missing - 2, 32))
