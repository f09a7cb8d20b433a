"""Whatever is wrong with a training set, `overtile check` finds it before `train` would fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from faults import files, images, labels, names, odd_files, odd_sets, place, recipes
from faults.place import Case

from overtile.cli.main import main

Tally = Callable[..., None]

FAULTS: dict[str, Case] = {
    **files.FAULTS,
    **images.FAULTS,
    **labels.FAULTS,
    **names.FAULTS,
}
ODDITIES: dict[str, Case] = {**odd_files.ODDITIES, **odd_sets.ODDITIES}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with three good pairs the working folder."""
    place.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """Run a command; give its exit code and all lines that it told."""
    code = main(arguments)
    shown = capfd.readouterr()
    return code, (shown.out + shown.err).splitlines()


def faults_among(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(("FAULT: ", "error: "))]


@pytest.fixture(scope="module")
def survived() -> set[str]:
    """Names of the cases that went as they must."""
    return set()


@pytest.mark.parametrize("name", FAULTS)
def test_check_finds_what_is_wrong(
    here: Path, capfd: pytest.CaptureFixture[str], survived: set[str], name: str
) -> None:
    case = FAULTS[name]
    case.spoil(here)
    code, lines = run(capfd, "check", *case.places, *case.options)
    faults = faults_among(lines)
    assert code == 2
    assert [line for line in faults if all(part in line for part in case.told)], lines
    assert [line for line in faults if "; " not in line] == []
    assert "Traceback (most recent call last):" not in lines
    survived.add(name)


@pytest.mark.parametrize("name", list(FAULTS)[::9])
def test_train_refuses_what_check_finds(
    here: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    case = FAULTS[name]
    case.spoil(here)
    out = ("--out", "run", "--steps", "1", "--device", "cpu")
    code, lines = run(capfd, "train", *case.places, *case.options, *out)
    assert code == 2
    assert len(faults_among(lines)) == 1
    assert not (here / "run").exists()


@pytest.mark.parametrize("name", ODDITIES)
def test_check_tells_how_an_oddity_was_understood(
    here: Path, capfd: pytest.CaptureFixture[str], survived: set[str], name: str
) -> None:
    case = ODDITIES[name]
    case.spoil(here)
    code, lines = run(capfd, "check", *case.places, *case.options)
    told = [" ".join(line.split()) for line in lines]
    assert code == 0, lines
    assert faults_among(lines) == []
    assert [part for part in case.told if not any(part in line for line in told)] == [], lines
    survived.add(name)


def refused_by_train(capfd: pytest.CaptureFixture[str], *options: str) -> str:
    """Give the one line by which `train` refuses options, and hold that it left nothing."""
    steps = () if {"--steps", "--minutes"} & set(options) else ("--steps", "1")
    out = ("--out", "run", "--device", "cpu", *steps)
    code, lines = run(capfd, "train", "images", "labels", *out, *options)
    assert code == 2, lines
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:], lines
    assert not Path("run").exists()
    return lines[-1]


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_train_refuses_a_recipe_that_cannot_be(
    here: Path, capfd: pytest.CaptureFixture[str], survived: set[str], name: str
) -> None:
    content, told = recipes.RECIPES[name]
    (here / "bad.toml").write_bytes(content)
    line = refused_by_train(capfd, "--recipe", "bad.toml")
    assert [part for part in told if part not in line] == [], line
    survived.add(name)


@pytest.mark.parametrize("name", recipes.OPTIONS)
def test_train_refuses_options_that_cannot_be(
    here: Path, capfd: pytest.CaptureFixture[str], survived: set[str], name: str
) -> None:
    options, told = recipes.OPTIONS[name]
    (here / "folder.toml").mkdir()
    line = refused_by_train(capfd, *options)
    assert [part for part in told if part not in line] == [], line
    survived.add(name)


def test_a_good_place_raises_neither_fault_nor_note(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, lines = run(capfd, "check", "images", "labels")
    assert code == 0
    assert [line for line in lines if line.startswith(("FAULT", "note"))] == []


def test_cases_are_counted(survived: set[str], tally: Tally) -> None:
    tables = [files.FAULTS, images.FAULTS, labels.FAULTS, names.FAULTS]
    tables += [odd_files.ODDITIES, odd_sets.ODDITIES]
    cases = [name for table in (*tables, recipes.RECIPES, recipes.OPTIONS) for name in table]
    assert len(cases) == len(set(cases))
    assert len(FAULTS) >= 140
    assert len(cases) >= 300
    tally(
        "semantic faults",
        len(cases),
        len(survived),
        found_by_check=len(survived & FAULTS.keys()),
        oddities_accepted=len(survived & ODDITIES.keys()),
    )
