"""A few files of very many."""

import random
from collections import Counter

import pytest

from pixfarm.preview import Sampler, SourceFile


def choose(number: int, files: list[SourceFile], seed: int = 1) -> list[SourceFile]:
    sampler = Sampler(number, random.Random(seed))
    for file in files:
        sampler.add(file)
    return sampler.choose()


def test_what_there_is_is_chosen_when_there_is_no_more() -> None:
    files = [SourceFile(f"{letter}.jpg", 100) for letter in "cab"]
    assert choose(10, files) == sorted(files, key=lambda file: file.name)


def test_no_file_is_chosen_twice() -> None:
    files = [SourceFile(f"{number}.jpg", 100) for number in range(1000)]
    assert len(set(choose(50, files))) == 50


def test_rare_kinds_folders_and_sizes_are_there() -> None:
    files = [SourceFile(f"2024/{number}.jpg", 5_000_000) for number in range(10_000)]
    rare = [
        SourceFile("2024/scan.tif", 5_000_000),
        SourceFile("old/0.jpg", 5_000_000),
        SourceFile("2024/tiny.jpg", 700),
    ]
    assert set(rare) < set(choose(4, [*files, *rare]))


def test_kinds_are_told_whatever_the_case_of_an_extension() -> None:
    files = [SourceFile(f"{number}.{end}", 100) for number in range(9) for end in ("jpg", "JPG", "Png")]
    chosen = Counter(file.kind for file in choose(4, files))
    assert chosen == {"jpg": 2, "png": 2}


def test_every_file_of_a_group_has_the_same_chance() -> None:
    files = [SourceFile(f"{number}.jpg", 100) for number in range(10)]
    counts = Counter(choose(1, files, seed)[0].name for seed in range(2000))
    # Binomial, n = 2000, p = 0.1: five standard deviations are 67.
    assert all(133 < counts[file.name] < 267 for file in files)


def test_the_same_seed_chooses_the_same() -> None:
    files = [SourceFile(f"{number % 7}/{number}.jpg", number) for number in range(1, 500)]
    assert choose(9, files, seed=3) == choose(9, files, seed=3) != choose(9, files, seed=4)


@pytest.mark.parametrize("folders", [500, 5000])
def test_memory_is_bounded_and_late_folders_have_their_chance(folders: int) -> None:
    files = [SourceFile(f"{number:04}/a.jpg", 100) for number in range(folders)]
    sampler = Sampler(20, random.Random(2))
    for file in files:
        sampler.add(file)
    assert len(sampler._groups) <= 1024
    chosen = sampler.choose()
    assert len({file.folder for file in chosen}) == 20
    assert any(int(file.folder) > folders / 2 for file in chosen)
