"""Training that starts from a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from overtile.cli.main import main
from overtile.model.file import load_model, weights_digest

TRAIN = ("train", "images", "labels", "--recipe", "tiny.toml", "--seed", "1")


@pytest.fixture
def place(
    cells: Path, tiny_recipe: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Images that a model was trained on, and the model."""
    shutil.copytree(cells, tmp_path, dirs_exist_ok=True)
    shutil.copy(tiny_recipe, tmp_path / "tiny.toml")
    (tmp_path / "first").mkdir()
    shutil.copy(trained / "model.safetensors", tmp_path / "first")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:  # noqa: ANN401
    capsys.readouterr()
    assert main((*arguments, "--json", "-")) == 0
    return json.loads(capsys.readouterr().out)


def digest(path: str) -> str:
    return weights_digest(load_model(path)[0])


def held_out(run: str) -> list[str]:
    record = json.loads((Path(run) / "run.json").read_text())
    return [name for name, _ in record["validation"]]


def test_a_run_starts_with_the_weights_of_the_model(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "still.toml").write_text(
        'extends = "paper"\nname = "still"\n[optimiser]\nlearning_rate = 1e-30\n', "utf-8"
    )
    told(capsys, *TRAIN, "--recipe", "still.toml", "--from", "first", "--out", "r", "--steps", "1")
    before, after = (
        [value.double() for value in load_model(path)[0].parameters()] for path in ("first", "r")
    )
    assert all((one - other).abs().max() < 1e-12 for one, other in zip(before, after, strict=True))


def test_what_the_model_has_seen_is_not_held_out(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (7, 8):
        for kind in ("images", "labels"):
            new = np.rot90(tifffile.imread(place / kind / "cell0.tif"), number - 6)
            tifffile.imwrite(place / kind / f"new{number}.tif", new)
    origin = load_model("first")[1].origin
    assert origin is not None
    assert len(origin.pages) == 3
    told(capsys, *TRAIN, "--from", "first", "--out", "r", "--steps", "1", "--validation", "0.5")
    assert held_out("r") == ["cell2.tif", "new7.tif", "new8.tif"]


def test_a_model_that_has_seen_the_named_pages_is_told_to_flatter(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (*TRAIN, "--from", "first", "--out", "r", "--steps", "1")
    decisions = told(capsys, *arguments, "--validation-pages", "0,2")["decisions"]
    (start,) = [decision for decision in decisions if decision.startswith("start: ")]
    assert "it was trained on 1 of the validation images, which flatters scores" in start


def test_a_model_that_started_from_another_is_reproduced_with_it_only(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, *TRAIN, "--from", "first", "--out", "r", "--steps", "2")
    again = ("reproduce", "r", "--data", "images", "labels")
    assert main(again) == 2
    assert "was trained from another model; give that one, too, by --from MODEL" in (
        capsys.readouterr().err
    )
    assert main((*again, "--from", "r")) == 2
    assert "does not hold the weights that training started from" in capsys.readouterr().err
    assert told(capsys, *again, "--from", "first")["equal"]


def test_a_run_that_is_stopped_goes_on_without_the_model_it_started_from(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, *TRAIN, "--from", "first", "--out", "r", "--steps", "3")
    expected = digest("r/last.safetensors")
    (place / "first" / "model.safetensors").unlink()
    assert main((*TRAIN, "--out", "r", "--resume")) == 0
    assert digest("r/last.safetensors") == expected


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("--from", "none"), "none: cannot be read"),
        (("--from", "colour"), "is for 1 channel, and these images have 3"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], fault: str
) -> None:
    if arguments[1] == "colour":
        shutil.move(place / "first", place / "colour")
        for path in (place / "images").iterdir():
            grey = tifffile.imread(path)
            tifffile.imwrite(path, np.stack([grey, grey, grey], axis=-1), photometric="rgb")
    assert main((*TRAIN, *arguments, "--out", "r", "--steps", "1")) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ")
    assert fault in last
    assert not (place / "r").exists()
