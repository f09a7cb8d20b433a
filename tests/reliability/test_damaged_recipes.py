"""A damaged recipe is read or refused by one line; a damaged record is always refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from harness.mutations import Seed, mutants

from overtile.cli.main import main
from overtile.config import Recipe, read_recipe, recipe_toml, shipped_recipes
from overtile.errors import OvertileError
from overtile.records import read_record
from overtile.training.history import History
from overtile.training.run import HISTORY_NAME, RECORD_NAME, RunRecord

Amount = Callable[[int, int], int]
Tally = Callable[..., None]

_SEEDS = [
    Seed(name=f"{name}.toml", content=recipe_toml(read_recipe(name)).encode())
    for name in shipped_recipes()
]
_OWN = 'extends = "paper"\nname = "µ"  # \n[network]\ndepth = 3\n[training]\ntile_output = 32\n'
_SEEDS.append(Seed(name="own.toml", content=_OWN.encode()))


def assert_refused_in_one_line(error: OvertileError, path: Path) -> None:
    line = str(error)
    assert line.startswith(f"{path}: "), line
    assert error.remedy, line
    assert line.isprintable(), ascii(line)


def test_damaged_recipes_are_read_or_refused_by_one_line(
    tmp_path: Path, amount: Amount, tally: Tally
) -> None:
    total, refused = amount(300, 10_000), 0
    for mutant in mutants(_SEEDS, total):
        path = tmp_path / mutant.seed.name.replace(".toml", "-damaged.toml")
        path.write_bytes(mutant.content)
        try:
            assert isinstance(read_recipe(path), Recipe)
        except OvertileError as error:
            refused += 1
            assert_refused_in_one_line(error, path)
    assert 0.3 < refused / total < 0.98
    tally("damaged recipes", total, total, refused=refused)


@pytest.mark.parametrize(("name", "schema"), [(RECORD_NAME, RunRecord), (HISTORY_NAME, History)])
def test_damaged_records_are_refused_by_one_line(
    trained: Path,
    tmp_path: Path,
    amount: Amount,
    name: str,
    schema: type[RunRecord] | type[History],
) -> None:
    seed = Seed(name=name, content=(trained / name).read_bytes())
    path = tmp_path / name
    for mutant in mutants([seed], amount(150, 5_000)):
        path.write_bytes(mutant.content)
        if mutant.content == seed.content:
            continue
        with pytest.raises(OvertileError) as caught:
            read_record(path, schema)
        assert_refused_in_one_line(caught.value, path)


@pytest.mark.parametrize("number", range(6))
def test_train_refuses_a_damaged_recipe_before_it_makes_a_folder(
    cells: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    number: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    content = _SEEDS[number % len(_SEEDS)].content
    Path("bad.toml").write_bytes(content[:40] + b"\0" + content[40:] * (number + 1))
    places = (str(cells / "images"), str(cells / "labels"))
    assert main(["train", *places, "--out", "run", "--recipe", "bad.toml", "--steps", "1"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("error: bad.toml: ")
    assert not Path("run").exists()
