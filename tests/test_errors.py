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


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_name_with_a_line_end_stays_on_one_line(newline: str) -> None:
    assert str(ImageError("is empty", path=f"a{newline}b.tif")) == "a b.tif: is empty"


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
