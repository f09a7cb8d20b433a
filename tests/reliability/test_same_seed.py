"""Same seed, same model, byte for byte: whatever the process, place, names or interface."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from overtile import Source, TrainRequest, train

Amount = Callable[[int, int], int]
Tally = Callable[..., None]
MODELS = ("model.safetensors", "last.safetensors")
STEPS = "12"

pytestmark = pytest.mark.usefixtures("one_thread")


def models(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in MODELS]


def in_another_process(
    images: Path, labels: Path, recipe: Path, out: Path, **environment: str
) -> None:
    words = ["train", str(images), str(labels), "--out", str(out), "--recipe", str(recipe)]
    done = subprocess.run(
        [sys.executable, "-m", "overtile", *words, "--steps", STEPS, "--device", "cpu"],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        cwd=out.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def shuffled_copy(cells: Path, target: Path, seed: int) -> Path:
    """Copy the files in an order of its own, so that the folder lists them in another one."""
    files = sorted(path for path in cells.rglob("*.tif"))
    random.Random(seed).shuffle(files)
    for file in files:
        place = target / file.relative_to(cells)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    return target


def test_the_library_gives_the_model_of_the_command_line_in_any_environment(
    trained: Path, cells: Path, tiny_recipe: Path, tmp_path: Path, amount: Amount, tally: Tally
) -> None:
    environments = [
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "2", "TZ": "Australia/Lord_Howe", "LANG": "tr_TR.UTF-8"},
        {"PYTHONHASHSEED": "3", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        {"PYTHONHASHSEED": "4", "COLUMNS": "20", "NO_COLOR": "1"},
    ]
    tried = amount(1, 24)
    for number in range(tried):
        place = shuffled_copy(cells, tmp_path / f"place {number} µ", seed=number)
        out = place / "run"
        environment = environments[number % len(environments)]
        in_another_process(place / "images", place / "labels", tiny_recipe, out, **environment)
        assert models(out) == models(trained), environment
    tally("same seed in other environments", tried, tried)


def test_the_same_seed_gives_the_same_model_again_and_again(
    trained: Path, cells: Path, tiny_recipe: Path, tmp_path: Path, amount: Amount, tally: Tally
) -> None:
    tried = amount(2, 20)
    for number in range(tried):
        source = Source(images=str(cells / "images"), labels=str(cells / "labels"))
        out = tmp_path / f"run{number}"
        train(
            TrainRequest(
                source=source, out=out, recipe=str(tiny_recipe), steps=int(STEPS), device="cpu"
            )
        )
        assert models(out) == models(trained)
    tally("same seed again", tried, tried)


def test_the_thread_count_of_a_run_is_kept_and_restored(
    cells: Path, tiny_recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    two = {"OMP_NUM_THREADS": "2"}
    in_another_process(cells / "images", cells / "labels", tiny_recipe, out, **two)
    assert json.loads((out / "run.json").read_text("utf-8"))["threads"] == 2
    words = [sys.executable, "-m", "overtile", "reproduce", str(out), "--data"]
    done = subprocess.run(
        [*words, str(cells / "images"), str(cells / "labels")],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_place_that_is_no_text_in_the_locale_is_refused_in_one_line(
    cells: Path, tiny_recipe: Path, tmp_path: Path
) -> None:
    place = shuffled_copy(cells, tmp_path / "µ", seed=0)
    words = ["train", str(place / "images"), str(place / "labels"), "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-m", "overtile", *words, "--recipe", str(tiny_recipe), "--steps", "1"],
        env={**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"has a name that is no text in this locale; set LC_ALL=C.UTF-8" in done.stderr
    assert not (tmp_path / "run").exists()
