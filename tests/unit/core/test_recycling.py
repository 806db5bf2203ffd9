import math
import random

import pytest

from pixfarm.recycling import Recycling

MEBIBYTE = 1024 * 1024
RULE = Recycling(after_images=100, growth_bytes=10 * MEBIBYTE)


@pytest.mark.parametrize(
    ("images", "grown_bytes", "is_due"),
    [
        pytest.param(99, 0, False, id="young"),
        pytest.param(100, 0, True, id="after its images"),
        pytest.param(0, 10 * MEBIBYTE, False, id="grown as far as it may"),
        pytest.param(0, 10 * MEBIBYTE + 1, True, id="grown"),
        pytest.param(5, -MEBIBYTE, False, id="shrunk"),
    ],
)
def test_a_worker_is_due_after_its_images_or_when_it_has_grown(
    images: int, grown_bytes: int, *, is_due: bool
) -> None:
    assert RULE.is_due(images, 100.0, grown_bytes) is is_due


def test_limits_of_workers_differ_by_a_tenth_at_most() -> None:
    rng = random.Random(7)
    limits = [RULE.images_limit(rng) for _ in range(200)]
    assert all(90 <= limit <= 110 for limit in limits)
    assert max(limits) - min(limits) > 10


def test_zero_images_means_never() -> None:
    limit = Recycling(after_images=0).images_limit(random.Random(7))
    assert limit == math.inf
    assert not Recycling(after_images=0).is_due(10**9, limit, 0)


@pytest.mark.parametrize(
    ("memory_mib", "growth_mib"),
    [
        pytest.param(0, 512, id="no limit"),
        pytest.param(4096, 512, id="ample"),
        pytest.param(400, 100, id="short"),
    ],
)
def test_what_a_worker_may_keep_is_a_share_of_what_its_images_may_take(
    memory_mib: int, growth_mib: int
) -> None:
    assert Recycling().within(memory_mib) == Recycling(growth_bytes=growth_mib * MEBIBYTE)
