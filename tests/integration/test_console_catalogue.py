"""The catalogue of operations, printed."""

import dataclasses
import io
import json

from pixfarm.console import catalogue, print_document
from pixfarm.imaging import CATALOGUE
from pixfarm.phases import Phases
from tests.unit.console.samples import Terminal


def test_no_operation_is_called_as_another_column_of_the_times_of_a_job_is() -> None:
    phases = {field.name for field in dataclasses.fields(Phases)}
    assert not {*phases, "node"} & CATALOGUE.keys()


def test_a_pipe_gets_a_line_for_each_operation() -> None:
    stream = io.StringIO()
    catalogue.print_operations(CATALOGUE, stream)
    first, header, *lines, last = stream.getvalue().splitlines()
    assert first == f"{len(CATALOGUE)} operations:"
    assert header.split() == ["operation", "what", "it", "does"]
    assert [line.split()[0] for line in lines] == sorted(CATALOGUE)
    assert last == "client.py --describe-op NAME tells the parameters of one"


def test_a_pipe_gets_a_line_for_each_parameter() -> None:
    stream = io.StringIO()
    catalogue.print_operation(CATALOGUE["threshold"], stream)
    first, _header, *lines, last = stream.getvalue().splitlines()
    assert first == f"threshold: {CATALOGUE['threshold'].help}"
    method, value, block, offset, invert = (line.split("  ") for line in lines)
    assert [word.strip() for word in method if word] == [
        "method", "fixed, otsu, adaptive", "fixed", CATALOGUE["threshold"].parameters[0].declared.help,
    ]  # fmt: skip
    assert "number, 0 to 100 %" in " ".join(value)
    assert "odd whole number, 3 to 999 px" in " ".join(block)
    assert " - " in " ".join(offset)
    assert "true or false" in " ".join(invert)
    assert last == 'for example: client.py --op "threshold: method=otsu"'


def test_what_must_be_given_is_told_and_what_has_no_parameters_too() -> None:
    stream = io.StringIO()
    catalogue.print_operation(CATALOGUE["overlay"], stream)
    assert "(needed)" in stream.getvalue()
    stream = io.StringIO()
    catalogue.print_operation(CATALOGUE["invert"], stream)
    assert stream.getvalue().splitlines() == [
        f"invert: {CATALOGUE['invert'].help}",
        'for example: client.py --op "invert"',
    ]


def test_a_terminal_shows_the_same_words() -> None:
    terminal = Terminal()
    catalogue.print_operation(CATALOGUE["resize"], terminal)
    words = terminal.text()
    assert all(parameter.name in words for parameter in CATALOGUE["resize"].parameters)


def test_programs_get_everything() -> None:
    stream = io.StringIO()
    print_document(catalogue.operations_document(list(CATALOGUE.values())), stream)
    operations = {known["name"]: known for known in json.loads(stream.getvalue())["operations"]}
    assert set(operations) == set(CATALOGUE)
    parameters = {known["name"]: known for known in operations["resize"]["parameters"]}
    assert parameters["fit"] == {
        "name": "fit",
        "type": "choice",
        "choices": ["inside", "cover", "exact"],
        "unit": "",
        "least": None,
        "most": None,
        "odd": False,
        "needed": False,
        "default": "inside",
        "help": CATALOGUE["resize"].parameters[3].declared.help,
    }
    assert (parameters["width"]["type"], parameters["width"]["unit"]) == ("int", "px")
    assert (parameters["width"]["least"], parameters["width"]["default"]) == (1, None)
