from __future__ import annotations

import itertools
import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from overtile.config import NetworkConfig, OptimiserConfig, Recipe, TrainingConfig, read_recipe
from overtile.data.sample import Sampler
from overtile.errors import ModelError, OutputError
from overtile.storage import TEMPORARY_SUFFIX
from overtile.training.loop import TrainingState, train_steps
from overtile.training.run import (
    CHECKPOINT_NAME,
    HISTORY_NAME,
    RECIPE_NAME,
    RECORD_NAME,
    History,
    RunFolder,
    RunRecord,
)
from overtile.training.schedule import Clock, RunLength

StateOf = Callable[[Recipe], TrainingState]

HISTORY = History(
    losses=((10, 1.5, 0.25, 1e-3), (20, 3.0, 1 / 3, 1e-3)),
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
        training=("a.tif, page 0", "a.tif, page 2"),
        validation=("a.tif, page 1",),
        data_digest="00ff",
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


def train(state: TrainingState, sampler: Sampler, recipe: Recipe, until: int) -> None:
    """Go on to step `until` of a run of six steps."""
    steps = train_steps(state, sampler, recipe, RunLength(steps=6), Clock())
    for _ in itertools.islice(steps, until - state.step):
        pass


def everything(state: TrainingState) -> dict[str, Tensor]:
    """All that changes while a network learns, copied."""
    found = {f"network.{name}": value for name, value in state.network.state_dict().items()}
    found |= {f"best.{name}": value for name, value in state.best_guess().state_dict().items()}
    for index, slots in state.optimiser.state_dict()["state"].items():
        found |= {f"{index}.{name}": torch.as_tensor(value) for name, value in slots.items()}
    return {name: value.clone() for name, value in found.items()}


def assert_bitwise_equal(state: TrainingState, expected: dict[str, Tensor]) -> None:
    found = everything(state)
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "runs" / "first")
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
        RunFolder(tmp_path / "a").start(record_of(recipe_of()))
    assert (tmp_path / "a").read_text("utf-8") == "mine"


def test_what_is_no_run_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is not a run folder: no run\.json .*; give the --out"):
        RunFolder(tmp_path).record()
    with pytest.raises(ModelError, match=r"is not a run folder: no history\.json"):
        RunFolder(tmp_path / "none").history()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"null", b'{"format": 2}'])
@pytest.mark.parametrize("name", [RECORD_NAME, HISTORY_NAME])
def test_damage_of_record_or_history_is_told_in_one_line(
    folder: RunFolder, name: str, content: bytes
) -> None:
    (folder.path / name).write_bytes(content)
    with pytest.raises(ModelError, match=rf"{name}: is damaged, or was written by") as refusal:
        folder.record() if name == RECORD_NAME else folder.history()
    assert len(str(refusal.value).splitlines()) == 1


def test_a_record_with_an_unknown_key_is_refused(folder: RunFolder) -> None:
    content = json.loads((folder.path / RECORD_NAME).read_text("utf-8")) | {"future": 1}
    (folder.path / RECORD_NAME).write_text(json.dumps(content), "utf-8")
    with pytest.raises(ModelError, match="was written by another release; update overtile"):
        folder.record()


@pytest.mark.parametrize(
    ("training", "network"),
    [
        (TrainingConfig(), {"dropout": 0.5}),
        (TrainingConfig(average_decay=0.5, batch=2), {"batch_norm": True, "dropout": 0.5}),
    ],
    ids=["paper", "average and batch norm"],
)
@pytest.mark.parametrize(
    "optimiser",
    [
        OptimiserConfig(learning_rate=0.01),
        OptimiserConfig(learning_rate=0.01, momentum=0),
        OptimiserConfig(name="adamw", learning_rate=0.01, schedule="cosine", weight_decay=0.1),
    ],
    ids=["sgd", "sgd without momentum", "adamw"],
)
def test_a_resumed_run_is_bitwise_the_uninterrupted_one(
    folder: RunFolder,
    sampler: Sampler,
    new_state: StateOf,
    optimiser: OptimiserConfig,
    training: TrainingConfig,
    network: dict[str, Any],
) -> None:
    recipe = recipe_of(**network).model_copy(update={"optimiser": optimiser, "training": training})
    whole, first, second = (new_state(recipe) for _ in range(3))
    train(whole, sampler, recipe, 6)
    train(first, sampler, recipe, 3)
    folder.save_checkpoint(first, HISTORY)
    torch.nn.init.zeros_(second.network.classify.weight)  # Nothing of the new state may stay.
    assert folder.load_checkpoint(second) == HISTORY
    assert_bitwise_equal(second, everything(first))
    train(second, sampler, recipe, 6)
    assert (second.step, whole.step) == (6, 6)
    assert_bitwise_equal(second, everything(whole))


def test_a_checkpoint_before_the_first_step_can_be_resumed(
    folder: RunFolder, new_state: StateOf
) -> None:
    state, other = new_state(recipe_of()), new_state(recipe_of())
    folder.save_checkpoint(state, History())
    assert folder.load_checkpoint(other) == History()
    assert other.step == 0
    assert_bitwise_equal(other, everything(state))


def test_saving_changes_nothing_in_the_run(
    folder: RunFolder, sampler: Sampler, new_state: StateOf
) -> None:
    state = new_state(recipe_of())
    train(state, sampler, recipe_of(), 2)
    before = everything(state)
    folder.save_checkpoint(state, History())
    assert_bitwise_equal(state, before)


def test_a_checkpoint_also_writes_the_history(folder: RunFolder, new_state: StateOf) -> None:
    folder.save_checkpoint(new_state(recipe_of()), HISTORY)
    assert folder.history() == HISTORY


def test_the_history_of_the_checkpoint_counts_and_not_a_later_one(
    folder: RunFolder, new_state: StateOf
) -> None:
    state = new_state(recipe_of())
    folder.save_checkpoint(state, HISTORY)
    folder.write_history(HISTORY.model_copy(update={"seconds": 99.0}))
    assert folder.load_checkpoint(state) == HISTORY


def test_a_killed_save_leaves_a_checkpoint_and_its_rest_is_swept(
    folder: RunFolder, new_state: StateOf
) -> None:
    state = new_state(recipe_of())
    folder.save_checkpoint(state, HISTORY)
    rest = folder.path / f".0{TEMPORARY_SUFFIX}"
    rest.write_bytes((folder.path / CHECKPOINT_NAME).read_bytes()[:100])
    assert folder.load_checkpoint(state) == HISTORY
    assert not rest.exists()


def test_a_run_without_a_checkpoint_cannot_be_resumed(
    folder: RunFolder, new_state: StateOf
) -> None:
    message = r"checkpoint\.safetensors: there is no checkpoint .*; start anew without --resume"
    with pytest.raises(ModelError, match=message):
        folder.load_checkpoint(new_state(recipe_of()))


def header(content: object) -> bytes:
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text


def small_checkpoint(**metadata: str) -> bytes:
    tensor = {"network.classify.bias": torch.zeros(2)}
    return bytes(tensors_to_bytes(tensor, metadata))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 8,
        b"not a checkpoint at all",
        b"\xff" * 100,
        header([]),
        header({"__metadata__": None}),
        header({"__metadata__": {"history": 3, "step": "1"}}),
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        small_checkpoint(),
        small_checkpoint(history="{}"),
        small_checkpoint(history="{}", step="three"),
        small_checkpoint(history="{}", step="3"),
        small_checkpoint(history="[", step="3"),
    ],
)
def test_a_damaged_checkpoint_is_told_in_one_line(
    folder: RunFolder, new_state: StateOf, content: bytes
) -> None:
    (folder.path / CHECKPOINT_NAME).write_bytes(content)
    with pytest.raises(ModelError, match=r"checkpoint\.safetensors: is damaged; ") as refusal:
        folder.load_checkpoint(new_state(recipe_of()))
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_checkpoint_cut_short_is_refused(
    folder: RunFolder, new_state: StateOf, share: float
) -> None:
    state = new_state(recipe_of())
    folder.save_checkpoint(state, HISTORY)
    path = folder.path / CHECKPOINT_NAME
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ModelError, match="is damaged"):
        folder.load_checkpoint(state)


def test_a_checkpoint_of_another_network_is_refused(folder: RunFolder, new_state: StateOf) -> None:
    folder.save_checkpoint(new_state(recipe_of(batch_norm=True)), HISTORY)
    with pytest.raises(ModelError, match="is damaged"):
        folder.load_checkpoint(new_state(recipe_of()))


def test_a_checkpoint_without_the_average_is_refused(folder: RunFolder, new_state: StateOf) -> None:
    folder.save_checkpoint(new_state(recipe_of()), HISTORY)
    averaging = recipe_of().model_copy(update={"training": TrainingConfig(average_decay=0.9)})
    with pytest.raises(ModelError, match="is damaged"):
        folder.load_checkpoint(new_state(averaging))
