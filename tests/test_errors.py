from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overtile import errors
from overtile.errors import ConfigError, ImageError, OutputError, OvertileError, StoppedError


def classes() -> list[type[OvertileError]]:
    members = inspect.getmembers(errors, inspect.isclass)
    return [kind for _, kind in members if issubclass(kind, OvertileError)]


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    drawn = re.findall(r"^    [├└]── (\w+)", errors.__doc__ or "", flags=re.MULTILINE)
    below = [kind for kind in classes() if kind is not OvertileError]
    assert sorted(drawn) == sorted(kind.__name__ for kind in below)
    assert all(kind.__base__ is OvertileError for kind in below)


@pytest.mark.parametrize("kind", classes())
def test_a_library_user_may_catch_value_error(kind: type[OvertileError]) -> None:
    assert issubclass(kind, ValueError)


@pytest.mark.parametrize("kind", classes())
def test_what_a_user_can_mend_ends_with_exit_code_2(kind: type[OvertileError]) -> None:
    assert kind.exit_code == 2


@pytest.mark.parametrize("code", [75, 130])
def test_stopped_work_ends_with_the_code_of_its_signal(code: int) -> None:
    error = StoppedError("stopped at step 3", remedy="go on with --resume", exit_code=code)
    assert error.exit_code == code
    assert str(error) == "stopped at step 3; go on with --resume"


@pytest.mark.parametrize(
    ("remedy", "path", "message"),
    [
        ("", None, "is empty"),
        ("export it again", None, "is empty; export it again"),
        ("", "a.tif", "a.tif: is empty"),
        ("export it again", Path("in/a.tif"), "in/a.tif: is empty; export it again"),
    ],
)
def test_an_error_says_file_fault_and_remedy(
    remedy: str, path: str | Path | None, message: str
) -> None:
    assert str(ImageError("is empty", remedy=remedy, path=path)) == message


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\n.tif", r"a\n.tif"),
        ("a\r\n.tif", r"a\r\n.tif"),
        ("a\x1b[31m.tif", r"a\x1b[31m.tif"),
        ("a\x85.tif", r"a\x85.tif"),
        ("a\u2028.tif", r"a\u2028.tif"),
        ("a\udcff.tif", r"a\udcff.tif"),
        ("two  spaces, Zürich, 細胞, 🔬.tif", "two  spaces, Zürich, 細胞, 🔬.tif"),
    ],
)
def test_of_a_name_what_no_terminal_should_be_sent_is_escaped(name: str, shown: str) -> None:
    assert str(ImageError("is empty", path=name)) == f"{shown}: is empty"


def test_a_fault_of_many_lines_is_told_on_one() -> None:
    assert str(ImageError("is\nbroken:\n\tat 3")) == "is broken: at 3"


@given(fault=st.text(), remedy=st.text(), path=st.none() | st.text())
def test_an_error_is_one_line_whatever_it_tells(fault: str, remedy: str, path: str | None) -> None:
    assert len(str(OutputError(fault, remedy=remedy, path=path)).splitlines()) <= 1


def test_the_file_can_be_named_later() -> None:
    error = ConfigError("is out of range")
    assert error.at("a.toml") is error
    assert str(error) == "a.toml: is out of range"


def test_the_first_name_of_the_file_stays() -> None:
    error = ImageError("is empty", path="inner.tif").at("outer.tif").at("outermost.tif")
    assert error.path == Path("inner.tif")


def test_the_parts_of_an_error_can_be_asked_for() -> None:
    error = ImageError("is empty", remedy="export it again", path="a.tif")
    assert (error.fault, error.remedy, error.path) == ("is empty", "export it again", Path("a.tif"))
