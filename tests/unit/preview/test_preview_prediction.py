"""What a whole job will take, from what a few of its images took."""

import pytest

from pixfarm.preview import Kind, Measured, predict


def measured(kind: str, *values: tuple[int, int, float]) -> list[Measured]:
    return [Measured(kind, source, result, seconds) for source, result, seconds in values]


def test_results_as_large_as_their_sources_grow_with_them() -> None:
    sample = measured("jpg", (100, 100, 0.1), (300, 300, 0.3), (200, 200, 0.2))
    prediction = predict({"jpg": Kind(10, 5000)}, sample)
    assert prediction.result_bytes == pytest.approx(5000)
    assert prediction.work_s == pytest.approx(5.0)


def test_results_of_one_size_are_counted() -> None:
    sample = measured("jpg", (100, 40, 0.1), (900, 40, 0.1), (200, 40, 0.1))
    prediction = predict({"jpg": Kind(10, 50_000)}, sample)
    assert prediction.result_bytes == pytest.approx(400)
    assert prediction.work_s == pytest.approx(1.0)


def test_kinds_that_were_measured_often_enough_go_by_their_own() -> None:
    sample = measured("jpg", *[(100, 10, 0.1)] * 3) + measured("png", *[(100, 90, 0.5)] * 3)
    prediction = predict({"jpg": Kind(5, 500), "png": Kind(2, 200)}, sample)
    assert prediction.result_bytes == pytest.approx(5 * 10 + 2 * 90)
    assert prediction.work_s == pytest.approx(5 * 0.1 + 2 * 0.5)


def test_a_kind_that_was_hardly_measured_goes_by_all() -> None:
    sample = measured("jpg", *[(100, 10, 0.1)] * 4)
    prediction = predict({"bmp": Kind(3, 300)}, sample)
    assert prediction.result_bytes == pytest.approx(30)


def test_empty_files_do_no_harm() -> None:
    prediction = predict({"jpg": Kind(2, 0)}, measured("jpg", (0, 10, 0.1)))
    assert prediction.result_bytes == pytest.approx(20)
