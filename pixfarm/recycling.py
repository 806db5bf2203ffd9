"""When a worker process has done its part: a decoder may leak, and a heap may end up in pieces."""

import math
import random
from dataclasses import dataclass, replace
from typing import Self

_JITTER = 0.1
_MEBIBYTE = 1024 * 1024
_SHARE_OF_LIMIT = 0.25


@dataclass(frozen=True, slots=True)
class Recycling:
    """The rule by which workers are replaced although they live.

    Args:
        after_images: after about so many, give or take a tenth so that not all go at once; 0 for never.
        growth_bytes: when it keeps more than so much memory between images beyond what it had at its start.
    """

    after_images: int = 10_000
    growth_bytes: int = 512 * _MEBIBYTE

    def within(self, memory_mib: int) -> Self:
        """The rule for workers whose images may take so much memory: what they keep, images cannot have.

        Args:
            memory_mib: in MiB; 0 for no limit.
        """
        if not memory_mib:
            return self
        share_bytes = int(_SHARE_OF_LIMIT * memory_mib * _MEBIBYTE)
        return replace(self, growth_bytes=min(self.growth_bytes, share_bytes))

    def images_limit(self, rng: random.Random) -> float:
        """After how many images one certain worker is due; infinity for never."""
        if not self.after_images:
            return math.inf
        return max(1, round(self.after_images * rng.uniform(1 - _JITTER, 1 + _JITTER)))

    def is_due(self, images: int, images_limit: float, grown_bytes: int) -> bool:
        """Whether a worker that has done so many images and has grown so much is to be replaced."""
        return images >= images_limit or grown_bytes > self.growth_bytes
