from pathlib import Path

import pytest

from pixfarm.client_options import ClientOptions, Mode, parse
from pixfarm.model import Strategy
from pixfarm.recipe import Recipe
from pixfarm.request import ALL


def complaint(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that such arguments are answered with."""
    with pytest.raises(SystemExit) as caught:
        parse(command.split())
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_no_argument_at_all_submits_with_what_is_usual() -> None:
    options = parse([])
    assert options == ClientOptions(
        mode=Mode.SUBMIT,
        job_id="",
        operation="",
        machines=options.machines,
        base_path=None,
        strategy=None,
        recipe=None,
        selection=ALL,
        output=None,
        name=None,
        dry_run=False,
        proof=None,
        priority=0,
        skip_done=False,
        task_timeout_s=None,
        wait_s=30.0,
        csv=None,
        json=False,
        quiet=False,
    )
    assert options.machines.name == "machine.txt"


def test_everything_that_concerns_a_new_job_is_taken() -> None:
    command = "data --strategy random --priority -100 --skip-done --task-timeout 0.5 --wait-s 0 --quiet"
    options = parse(command.split())
    assert options.mode is Mode.SUBMIT
    assert (options.base_path, options.strategy, options.priority) == (Path("data"), Strategy.RANDOM, -100)
    assert (options.skip_done, options.task_timeout_s, options.wait_s) == (True, 0.5, 0.0)
    assert options.quiet


@pytest.mark.parametrize(
    ("command", "mode", "job_id"),
    [
        ("--retry-failed j1 --strategy random --priority 3 --skip-done --task-timeout 9", Mode.RETRY, "j1"),
        ("--attach j1 --wait-s 5 --json", Mode.ATTACH, "j1"),
        ("--resume j1 --wait-s 5 --quiet", Mode.RESUME, "j1"),
        ("--cancel j1 --wait-s 5", Mode.CANCEL, "j1"),
        ("--pause j1 --quiet", Mode.PAUSE, "j1"),
        ("--pause j1 --json", Mode.PAUSE, "j1"),
        ("--report j1 --json", Mode.REPORT, "j1"),
        ("--report j1 --csv - --quiet", Mode.REPORT, "j1"),
        ("--jobs --json", Mode.JOBS, ""),
        ("--list-nodes --json", Mode.NODES, ""),
        ("--list-ops --json", Mode.OPERATIONS, ""),
        ("--retry-failed j1 --op flip", Mode.RETRY, "j1"),
        ("--retry-failed j1 --output web --name {stem}_2{ext}", Mode.RETRY, "j1"),
    ],
)
def test_each_mode_is_chosen_by_its_flag(command: str, mode: Mode, job_id: str) -> None:
    options = parse(command.split())
    assert (options.mode, options.job_id) == (mode, job_id)


def test_an_operation_is_no_job() -> None:
    options = parse(["--describe-op", "blur"])
    assert (options.mode, options.operation, options.job_id) == (Mode.OPERATION, "blur", "")


def test_what_is_done_is_taken_as_it_is_written(tmp_path: Path) -> None:
    assert parse(["--op", "flip|blur"]).recipe == Recipe("flip|blur")
    path = tmp_path / "web.toml"
    path.write_text('step = [{op = "blur", radius = 2.5}]')
    assert parse(["--pipeline", str(path)]).recipe == Recipe("blur: radius=2.5")
    assert parse([]).recipe is None


def test_a_job_id_that_a_shell_left_out_is_for_the_server_to_refuse() -> None:
    assert (parse(["--attach", ""]).mode, parse(["--attach", ""]).job_id) == (Mode.ATTACH, "")


@pytest.mark.parametrize("value", ["101", "-101", "1.5", "", "high", "+5", "--5", "²", "1_0"])
def test_a_priority_is_a_whole_number_of_the_range(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([f"--priority={value}"])
    assert f"{value!r} is not a whole number from -100 to 100" in capsys.readouterr().err


@pytest.mark.parametrize(("value", "priority"), [("0", 0), ("-1", -1), ("100", 100), ("-100", -100)])
def test_a_priority_may_be_below_zero(value: str, priority: int) -> None:
    assert parse(["--priority", value]).priority == priority


@pytest.mark.parametrize("value", ["0", "-1", "3600.1", "nan", "inf", "", "1,5", "1m", "٣"])
def test_a_task_timeout_is_a_number_above_zero(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([f"--task-timeout={value}"])
    assert f"{value!r} is not a number of seconds above 0 and up to 3600" in capsys.readouterr().err


def test_help_says_how_long_a_paused_job_is_followed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert "a paused one until it has been resumed and ends" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("--attach j --cancel j", "--attach and --cancel do not go together; choose one"),
        ("--pause j --resume j --jobs", "--resume and --pause and --jobs do not go together; choose one"),
        ("--report j --list-nodes", "--report and --list-nodes do not go together; choose one"),
        ("--retry-failed j --attach j", "--retry-failed and --attach do not go together; choose one"),
        ("--attach j data", "--attach submits nothing, so base_path would be ignored; leave it out"),
        ("--cancel j --priority 0", "--cancel submits nothing, so --priority would be ignored; leave it out"),
        ("--resume j --skip-done", "--resume submits nothing, so --skip-done would be ignored"),
        ("--pause j --wait-s 3", "--pause submits nothing, so --wait-s would be ignored"),
        (
            "--pause j --task-timeout 3 data",
            "so base_path and --task-timeout would be ignored; leave them out",
        ),
        ("--retry-failed j data", "--retry-failed takes base path and images of JOB, so base_path would be"),
        ("--retry-failed j --include *.png", "base path and images of JOB, so --include would be"),
        ("--retry-failed j --limit 3 --files-from -", "so --limit and --files-from would be"),
        ("--attach j --output web", "--attach submits nothing, so --output would be ignored; leave it out"),
        ("--cancel j --name {stem}{ext}", "--cancel submits nothing, so --name would be ignored"),
        ("--report j data", "--report shows the images and leaves, so base_path would be ignored"),
        ("--jobs --wait-s 3", "--jobs shows the jobs and leaves, so --wait-s would be ignored"),
        ("--list-nodes --strategy random", "--list-nodes shows the nodes and leaves, so --strategy would be"),
        ("--list-ops --quiet", "--list-ops shows the operations and leaves; leave out --quiet"),
        ("--describe-op blur data", "--describe-op shows an operation and leaves, so base_path would be"),
        ("--attach j --op flip", "--attach submits nothing, so --op would be ignored; leave it out"),
        ("--op flip --pipeline f", "--pipeline: not allowed with argument --op"),
        ("--attach j --csv f", "--attach submits nothing, so --csv would be ignored"),
        ("data --csv f", "--csv needs --report JOB"),
        ("--csv -", "--csv needs --report JOB"),
        ("--report j --csv f --json", "--csv and --json do not go together; choose one"),
        ("--report j --quiet", "--report shows the images and leaves; leave out --quiet"),
        ("--jobs --quiet", "--jobs shows the jobs and leaves; leave out --quiet"),
        ("--list-nodes --quiet", "--list-nodes shows the nodes and leaves; leave out --quiet"),
        ("--json --quiet", "--quiet: not allowed with argument --json"),
        ("--strategy fastest", "'fastest' is not random or load-balancing"),
        ("--wait-s soon", "'soon' is not a number of seconds from 0 to 86400"),
        ("--retry", "unrecognized arguments: --retry"),
        ("--skip-don", "unrecognized arguments: --skip-don (did you mean --skip-done?); see "),
        ("--report", "--report: expected one argument"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    command: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in complaint(command, capsys)
