"""The scripts that the documents show, run as a person would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
LONGEST_EXAMPLE_LINES = 60


def run(name: str, *arguments: str | Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("example") / "work"
    return folder, run("train_and_predict.py", folder)


def test_images_are_trained_on_predicted_and_scored(trained: tuple[Path, list[str]]) -> None:
    folder, lines = trained
    assert lines[0] == "images: 4 pages in 4 files"
    assert lines[-1].startswith("average_precision_50: ")
    assert (folder / "run" / "report.html").is_file()
    assert len(list((folder / "results").glob("cell*_labels.tif"))) == 2


def test_an_array_is_predicted_with_a_trained_model(trained: tuple[Path, list[str]]) -> None:
    lines = run("predict_one_array.py", trained[0] / "run")
    assert lines[0] == "classes: background, object"
    assert lines[-1].startswith("objects: ")


def test_arrays_are_scored_without_a_model() -> None:
    lines = run("score_arrays.py")
    names = [line.split(": ")[0] for line in lines[:4]]
    assert names == ["average_precision_50", "missed objects", "rand_error", "pixel_error"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_can_be_read_at_a_glance(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_EXAMPLE_LINES
