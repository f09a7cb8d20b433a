"""Training on strokes, and on labels of which some pixels are to be ignored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from overtile.cli.main import main

TRAIN = ("train", "images", "labels", "--out", "run", "--recipe", "tiny.toml", "--steps", "3")


@pytest.fixture
def place(cells: Path, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four images, and strokes on a twentieth of their pixels."""
    (tmp_path / "images").symlink_to(cells / "images")
    (tmp_path / "tiny.toml").write_bytes(tiny_recipe.read_bytes())
    paint(cells / "labels", tmp_path / "labels")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paint(whole: Path, strokes: Path, share: float = 0.05) -> None:
    """Paint single pixels: 0 for nothing, 1 for background, 2 and more for objects."""
    strokes.mkdir()
    rng = np.random.default_rng(0)
    for path in whole.iterdir():
        labels = tifffile.imread(path)
        painted = rng.random(labels.shape) < share
        tifffile.imwrite(strokes / path.name, np.where(painted, labels + 1, 0).astype(np.uint16))


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:  # noqa: ANN401
    """Run a command that is to succeed, and give what it says as JSON."""
    capsys.readouterr()
    assert main((*arguments, "--json", "-")) == code
    return json.loads(capsys.readouterr().out)


def test_strokes_are_enough_to_train_and_predict(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = told(capsys, *TRAIN, "--sparse")
    assert trained["steps"] == 3
    assert "mean_dice" in trained["scores"]
    record = json.loads((place / "run" / "run.json").read_text())
    assert record["partial"] == {"ignore": None, "sparse": True}
    predicted = told(capsys, "predict", "run", "images", "--out", "results")
    assert len(predicted["written"]) == 4
    assert told(capsys, "reproduce", "run", "--data", "images", "labels")["equal"]


def test_check_tells_how_much_is_labelled(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = dict(told(capsys, "check", "images", "labels", "--sparse")["facts"])
    share, rest = facts["labelled"].split(" ", 1)
    assert 4 < float(share) < 6
    assert rest == "% of the pixels; the others teach nothing"


def test_an_image_without_any_stroke_is_left_out(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tifffile.imwrite(place / "labels" / "cell1.tif", np.zeros((64, 64), np.uint8))
    notes = told(capsys, "check", "images", "labels", "--sparse")["notes"]
    assert any("none of their pixels is labelled: cell1.tif" in note for note in notes)
    told(capsys, *TRAIN, "--sparse")
    record = json.loads((place / "run" / "run.json").read_text())
    used = {name for name, *_ in (*record["training"], *record["validation"])}
    assert used == {"cell0.tif", "cell2.tif", "cell3.tif"}


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ((0, 0), "no pixel of any image is labelled"),
        ((0, 1), "no pixel of any image is labelled as objects or classes (values 2, 3, …)"),
        ((0, 3), "no pixel of any image is labelled as background (value 1)"),
    ],
)
def test_strokes_that_teach_nothing_are_refused(
    place: Path, capsys: pytest.CaptureFixture[str], values: tuple[int, int], fault: str
) -> None:
    for path in (place / "labels").iterdir():
        stroke = np.eye(64, dtype=np.uint8)
        tifffile.imwrite(path, np.where(stroke > 0, values[1], values[0]).astype(np.uint8))
    assert main((*TRAIN, "--sparse")) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: labels: {fault}; paint some pixels with 1 for background")
    assert not (place / "run").exists()


def test_a_value_that_is_all_the_foreground_cannot_be_ignored(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (place / "labels").iterdir():
        tifffile.imwrite(path, np.eye(64, dtype=np.uint8) * 255)
    assert main((*TRAIN, "--ignore", "255")) == 2
    assert "--ignore 255 leaves no foreground" in capsys.readouterr().err


def test_a_run_goes_on_only_with_the_labels_it_started_with(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main((*TRAIN, "--sparse", "--ignore", "9")) == 0
    assert main((*TRAIN, "--sparse", "--ignore", "8", "--resume")) == 2
    assert "started with --ignore 9, not 8" in capsys.readouterr().err
    assert main((*TRAIN, "--resume")) == 0
