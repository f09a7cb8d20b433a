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
from overtile.workflows.annotated import Source, image_digest, read_annotated

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
    return [name for name, *_ in record["validation"]]


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


def load_digest(name: str) -> str:
    found = read_annotated(Source(images="images", labels="labels"))
    return next(image_digest(page) for page in found.pages if page.name == name)


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
    told(capsys, *TRAIN, "--from", "first", "--out", "r", "--steps", "1")
    assert held_out("r") == ["cell2.tif"]
    told(capsys, *TRAIN, "--from", "first", "--out", "q", "--steps", "1", "--validation", "0.5")
    assert held_out("q") == ["cell2.tif", "new8.tif"]
    second = load_model("q")[1].origin
    assert second is not None
    assert len(second.pages) == 4
    assert set(origin.learnt) < set(second.learnt)
    assert {*origin.judges} == {load_digest("cell2.tif")} < {*second.judges}


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
    shutil.rmtree(place / "first")
    share = ("--validation", "0.2")  # Which images that was, the lost model alone could tell.
    assert main((*TRAIN, "--from", "first", *share, "--out", "r", "--resume")) == 0
    assert digest("r/last.safetensors") == expected


def test_the_kind_of_the_labels_is_that_of_the_model(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (place / "labels").iterdir():
        tifffile.imwrite(path, ((tifffile.imread(path) > 0) * 255).astype(np.uint8))
    told(capsys, *TRAIN, "--out", "anew", "--steps", "1")
    told(capsys, *TRAIN, "--from", "first", "--out", "r", "--steps", "1")
    assert load_model("anew")[1].label_kind == "binary"
    assert load_model("r")[1].label_kind == "instances"


def test_names_and_colours_of_classes_are_handed_on(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (place / "labels").iterdir():
        labels = tifffile.imread(path)
        tifffile.imwrite(path, np.where(labels > 0, 1 + labels % 2, 0).astype(np.uint8))
    classes = ("--labels", "classes", "--steps", "1")
    names = ("--class-names", "background,odd,even", "--class-colours", "#112233,#445566")
    told(capsys, *TRAIN, *classes, *names, "--out", "named")
    told(capsys, *TRAIN, "--steps", "1", "--from", "named", "--out", "r")
    named, second = (load_model(path)[1] for path in ("named", "r"))
    assert second.class_names == ("background", "odd", "even")
    assert second.region_colours == named.region_colours
    assert main((*TRAIN, "--from", "named", "--out", "r", "--resume")) == 0
    told(
        capsys, *TRAIN, *classes, "--from", "named", "--class-names", "none,one,two", "--out", "own"
    )
    assert load_model("own")[1].class_names == ("none", "one", "two")


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
