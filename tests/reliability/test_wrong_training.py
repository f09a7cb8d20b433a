"""Training that goes wrong says so, names what it saw, and leaves only files that are sound."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from overtile.cli.main import main
from overtile.data.sample import Sampler, TrainingTile
from overtile.model.tensor_file import open_tensor_file
from overtile.training import keeper, tiles_ahead
from overtile.training.loop import TrainingState

Draw = Callable[..., TrainingTile]
BAD_STEP = 7

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def words(cells: Path, tiny_recipe: Path, tmp_path: Path) -> list[str]:
    folders = [str(cells / "images"), str(cells / "labels"), "--out", str(tmp_path / "run")]
    return ["train", *folders, "--recipe", str(tiny_recipe), "--steps", "30", "--device", "cpu"]


@pytest.fixture(autouse=True)
def save_after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(keeper, "LONGEST_CHECKPOINT_SECONDS", 0.0)


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Give the last line on standard error, which tells how it ended."""
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    return shown.splitlines()[-1]


def assert_all_files_are_sound(run: Path) -> None:
    files = list(run.rglob("*.safetensors"))
    assert files
    for file in files:
        for name, value in open_tensor_file(file).tensors().items():
            assert torch.isfinite(value.float()).all(), (file, name)


def bad_tile(what: str, value: float) -> Draw:
    """Draw tiles of which one holds a value that is no number."""
    draw = Sampler.draw

    def drawn(self: Sampler, step: int, index: int = 0) -> TrainingTile:
        tile = draw(self, step, index)
        if step != BAD_STEP:
            return tile
        array = np.array(getattr(tile, what))
        array.flat[0] = value
        return replace(tile, pixels=array) if what == "pixels" else replace(tile, weights=array)

    return drawn


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("what", ["pixels", "weights"])
def test_a_value_that_is_no_number_stops_the_run_at_that_step_and_names_the_tile(
    words: list[str],
    tmp_path: Path,
    what: str,
    value: float,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Sampler, "draw", bad_tile(what, value))
    assert main(words) == 2
    line = last_line(capsys)
    assert f"NaN or infinite at step {BAD_STEP + 1} (cell" in line
    assert_all_files_are_sound(tmp_path / "run")


def test_a_rate_far_too_high_ends_with_its_step_tiles_and_remedy(
    words: list[str], tiny_recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "hot.toml"
    text = tiny_recipe.read_text("utf-8").replace("learning_rate = 1e-2", "learning_rate = 1e30")
    recipe.write_text(text.replace("batch_norm = true", "batch_norm = false"), "utf-8")
    assert main([str(recipe) if word == str(tiny_recipe) else word for word in words]) == 2
    line = last_line(capsys)
    assert " at step " in line
    assert "(cell" in line
    assert "lower `learning_rate`" in line
    assert_all_files_are_sound(tmp_path / "run")


def test_a_gradient_that_is_no_number_stops_the_run_before_it_is_followed(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    learn = TrainingState.learn

    def spoil(self: TrainingState, *, tile_statistics: bool) -> None:
        learn(self, tile_statistics=tile_statistics)
        if self.step == BAD_STEP:
            self.network.classify.weight.register_hook(lambda gradient: gradient * math.nan)

    monkeypatch.setattr(TrainingState, "learn", spoil)
    assert main(words) == 2
    assert f"the gradient became nan at step {BAD_STEP + 1} (cell" in last_line(capsys)
    assert_all_files_are_sound(tmp_path / "run")


def test_a_worker_that_hangs_ends_the_run_with_its_place_and_the_run_goes_on_later(
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    draw, gate = Sampler.draw, threading.Event()

    def hang(self: Sampler, step: int, index: int = 0) -> TrainingTile:
        if step == BAD_STEP:
            gate.wait()
        return draw(self, step, index)

    monkeypatch.setattr(tiles_ahead, "SECONDS_OF_PATIENCE", 2)
    monkeypatch.setattr(Sampler, "draw", hang)
    assert main(words) == 3
    line = last_line(capsys)
    assert line.startswith("stopped: no training tile came for 2 s; the worker hangs in overtile.")
    assert line.endswith("--resume; report it if it happens again")
    gate.set()
    assert main([*words, "--resume"]) == 0
    assert f"resuming at step {BAD_STEP}, " in capsys.readouterr().err


def test_a_worker_that_dies_ends_the_run_with_its_cause(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def die(self: Sampler, step: int, index: int = 0) -> TrainingTile:
        raise MemoryError("cannot allocate 8 GiB")

    monkeypatch.setattr(Sampler, "draw", die)
    assert main(words) == 2
    assert last_line(capsys).startswith("error: memory ran out; predict with less --memory")


def test_a_loss_that_stays_flat_is_told_in_the_log_and_in_the_report(
    words: list[str], tiny_recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "cold.toml"
    text = tiny_recipe.read_text("utf-8").replace("learning_rate = 1e-2", "learning_rate = 1e-12")
    recipe.write_text(text, "utf-8")
    assert main([str(recipe) if word == str(tiny_recipe) else word for word in words]) == 0
    told = "the loss has not fallen since the beginning: likely images and labels do not"
    assert told in capsys.readouterr().err
    assert told in (tmp_path / "run" / "report.html").read_text("utf-8")
