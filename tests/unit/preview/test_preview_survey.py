"""What a job is about."""

from pathlib import Path

from pixfarm.preview import Kind, SourceFile, take_survey


def test_images_bytes_kinds_and_folders_are_counted(tmp_path: Path) -> None:
    names = ["a.jpg", "b.JPG", "x/c.png", "x/y/d.jpg"]
    for number, name in enumerate(names, 1):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"." * number)
    seen: list[SourceFile] = []
    survey = take_survey(tmp_path, names, seen.append)
    assert survey.kinds == {"jpg": Kind(3, 7), "png": Kind(1, 3)}
    assert (survey.images, survey.bytes, survey.folders, survey.missing) == (4, 10, 3, 0)
    assert [file.name for file in seen] == names


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"...")
    names = [*(f"gone-{number}.jpg" for number in range(8)), "a.jpg"]
    survey = take_survey(tmp_path, names, lambda _: None)
    assert (survey.images, survey.missing) == (1, 8)
    assert survey.missing_examples[0] == "gone-0.jpg"
    assert len(survey.missing_examples) == 5
