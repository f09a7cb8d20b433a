from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from overtile.errors import OutputError
from overtile.io import read_image, read_labels
from overtile.training import plan
from overtile.workflows import demo as demonstration
from overtile.workflows.demo import demo


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo of a second: three small images, one fresh one."""
    for name, value in {"ANNOTATED": 3, "FRESH": 1, "SIDE_PX": 64, "MINUTES": 0.01}.items():
        monkeypatch.setattr(demonstration, name, value)
    monkeypatch.setattr(plan, "STEPS_WANTED", {4: 0})
    monkeypatch.setattr(plan, "_PIXELS_PER_STEP", {"cpu": 5000, "cuda": 5000})


def test_the_demo_runs_the_whole_job_on_images_that_it_makes(tmp_path: Path, tiny: None) -> None:
    result = demo(tmp_path / "my demo")
    assert len(list((tmp_path / "my demo" / "annotated" / "images").iterdir())) == 3
    assert Path(result.report).is_file()
    assert (Path(result.results) / "cells00_labels.tif").is_file()
    assert 0 <= result.average_precision_50 <= 1
    assert [shlex.split(command)[1] for command in result.commands] == [
        "train",
        "predict",
        "evaluate",
    ]
    assert shlex.split(result.commands[0])[2] == str(tmp_path / "my demo" / "annotated" / "images")


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_fresh_images_are_none_of_the_annotated_ones(
    tmp_path: Path, tiny: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demonstration, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        demo(tmp_path)
    annotated, fresh = (
        [
            read_image(path).pixels.tobytes()
            for path in sorted((tmp_path / one / "images").iterdir())
        ]
        for one in ("annotated", "fresh")
    )
    assert len({*annotated, *fresh}) == 3 + 1
    labels = read_labels(tmp_path / "annotated" / "labels" / "cells00.tif")
    assert labels.pixels.any()


def test_the_demo_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(OutputError, match="holds other work; remove it, or choose another --out"):
        demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
