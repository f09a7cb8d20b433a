from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from overtile.config import NetworkConfig, OptimiserConfig, Recipe, read_recipe
from overtile.errors import OutputError, RecordError
from overtile.locks import LOCK_NAME
from overtile.storage import TEMPORARY_SUFFIX
from overtile.training.history import History, LossEntry
from overtile.training.run import (
    HISTORY_NAME,
    RECIPE_NAME,
    RECORD_NAME,
    PageRecord,
    RunFolder,
    RunRecord,
)
from overtile.training.schedule import Point

HISTORY = History(
    losses=(LossEntry(10, 1.5, 0.25, 1e-3, 0.0), LossEntry(20, 3.0, 1 / 3, 1e-3, 0.5)),
    schedule=(Point(0, 0.0), Point(7, 1 / 3)),
    warnings=("flat",),
    validations=({"rand_error": 0.1, "step": 20.0, "seconds": 3.1},),
    best=-0.1,
    best_step=20,
    seconds=3.14,
    peak_memory_mb=512.5,
)


def recipe_of(**network: Any) -> Recipe:  # noqa: ANN401 - settings of a network
    return Recipe(
        network=NetworkConfig(base_channels=4, depth=1, **network),
        optimiser=OptimiserConfig(learning_rate=0.01),
    )


def record_of(recipe: Recipe) -> RunRecord:
    return RunRecord(
        version="0.1.0",
        created="2025-01-31T12:00:00+00:00",
        images="in µ/images",
        labels="in µ/labels",
        axes=None,
        label_kind="instances",
        class_names=("background", "cell"),
        in_channels=1,
        training=(PageRecord("a.tif, page 0", "00", "10"), PageRecord("a.tif, page 2", "02", "12")),
        validation=(PageRecord("a.tif, page 1", "01", "11"),),
        facts=(("images", "3 of 40 × 40 px"),),
        decisions=("tile_output 16: fits the images",),
        recipe=recipe,
        steps=6,
        minutes=None,
        seed=7,
        device="cpu",
        device_name="CPU, 2 cores",
        threads=1,
        torch=torch.__version__,
    )


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "runs" / "first")
    with run.held():
        run.start(record_of(recipe_of()))
    return run


def test_a_record_is_read_back_equal(folder: RunFolder) -> None:
    assert folder.record() == record_of(recipe_of())


def test_the_recipe_of_a_run_is_one_that_can_be_trained_with_again(folder: RunFolder) -> None:
    assert read_recipe(folder.path / RECIPE_NAME) == recipe_of()


def test_a_record_is_json_for_people(folder: RunFolder) -> None:
    content = json.loads((folder.path / RECORD_NAME).read_text("utf-8"))
    assert content["images"] == "in µ/images"
    assert content["facts"] == [["images", "3 of 40 × 40 px"]]


def test_a_history_is_read_back_equal(folder: RunFolder) -> None:
    folder.write_history(HISTORY)
    assert folder.history() == HISTORY


def test_a_fresh_history_is_read_back_equal(folder: RunFolder) -> None:
    folder.write_history(History())
    assert folder.history() == History()


def test_a_history_holds_numbers_only() -> None:
    with pytest.raises(ValueError, match="best"):
        History(best=math.nan)


def test_a_new_run_may_take_an_empty_folder(tmp_path: Path) -> None:
    RunFolder(tmp_path).start(record_of(recipe_of()))
    assert {path.name for path in tmp_path.iterdir()} == {RECIPE_NAME, RECORD_NAME}


def test_a_new_run_never_overwrites_another(folder: RunFolder) -> None:
    before = (folder.path / RECORD_NAME).read_bytes()
    with pytest.raises(OutputError, match="first: already holds a run; go on with --resume"):
        folder.start(record_of(recipe_of(dropout=0.1)))
    assert (folder.path / RECORD_NAME).read_bytes() == before


def test_a_new_run_takes_no_folder_with_other_work(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(OutputError, match="holds other work; choose a new folder"):
        RunFolder(tmp_path).start(record_of(recipe_of()))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_new_run_takes_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="a: is a file; choose a new folder"):
        RunFolder(tmp_path / "a").refuse_occupied()
    assert (tmp_path / "a").read_text("utf-8") == "mine"


def test_what_a_killed_start_left_is_no_other_work(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).touch()
    (tmp_path / f".0{TEMPORARY_SUFFIX}").touch()
    run = RunFolder(tmp_path)
    run.refuse_occupied()
    with run.held():
        run.start(record_of(recipe_of()))
    assert {path.name for path in tmp_path.iterdir()} == {RECIPE_NAME, RECORD_NAME}


def test_what_is_no_run_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"is not a run folder: .* no run\.json; give the --out"):
        RunFolder(tmp_path).record()
    with pytest.raises(RecordError, match=r"history\.json: cannot be read"):
        RunFolder(tmp_path / "none").history()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"null", b'{"format": 2}'])
@pytest.mark.parametrize("name", [RECORD_NAME, HISTORY_NAME])
def test_damage_of_record_or_history_is_told_in_one_line(
    folder: RunFolder, name: str, content: bytes
) -> None:
    (folder.path / name).write_bytes(content)
    with pytest.raises(RecordError, match=rf"{name}: is damaged, or was changed") as refusal:
        folder.record() if name == RECORD_NAME else folder.history()
    assert len(str(refusal.value).splitlines()) == 1


def test_a_record_that_was_edited_is_refused(folder: RunFolder) -> None:
    path = folder.path / RECORD_NAME
    path.write_text(path.read_text("utf-8").replace('"seed": 7', '"seed": 8'), "utf-8")
    with pytest.raises(RecordError, match="was changed by hand"):
        folder.record()


def test_two_runs_are_told_apart_by_their_records(folder: RunFolder, tmp_path: Path) -> None:
    other = RunFolder(tmp_path / "other")
    for seed in (7, 8):
        with other.held():
            other.start(record_of(recipe_of()).model_copy(update={"seed": seed}))
        assert (other.identity() == folder.identity()) is (seed == 7)
        shutil.rmtree(other.path)


def test_a_folder_that_is_held_is_refused_naming_the_holder(folder: RunFolder) -> None:
    told = rf"first: is in use by process {os.getpid()} on \S+ since \d{{4}}-"
    with folder.held():
        for take in (folder.refuse_occupied, folder.held().__enter__):
            with pytest.raises(OutputError, match=told):
                take()


def test_a_holder_that_was_killed_holds_nothing(folder: RunFolder) -> None:
    code = (
        "import os, pathlib, sys; from overtile.training.run import RunFolder\n"
        "with RunFolder(pathlib.Path(sys.argv[1])).held(): os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, folder.path], check=False)
    assert done.returncode == 9
    assert (folder.path / LOCK_NAME).exists()
    with folder.held():
        pass
    assert not (folder.path / LOCK_NAME).exists()
