from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from overtile.config import NetworkConfig, OptimiserConfig, Recipe, TrainingConfig
from overtile.data.sample import Sampler
from overtile.errors import DivergedError, ModelError, OutputError
from overtile.storage import TEMPORARY_SUFFIX
from overtile.training import checkpoint
from overtile.training.checkpoint import CheckpointRecord, Checkpoints
from overtile.training.history import History, LossEntry
from overtile.training.loop import TrainingState, train_steps
from overtile.training.schedule import Clock, Pace, RunLength

StateOf = Callable[[Recipe], TrainingState]

HISTORY = History(
    losses=(LossEntry(10, 1.5, 0.25, 1e-3, 0.0), LossEntry(20, 3.0, 1 / 3, 1e-3, 0.5)),
    validations=({"rand_error": 0.1, "step": 20.0, "seconds": 3.1},),
    best=-0.1,
    best_step=20,
    seconds=3.14,
)


def recipe_of(**network: Any) -> Recipe:  # noqa: ANN401 - settings of a network
    return Recipe(
        network=NetworkConfig(base_channels=4, depth=1, **network),
        optimiser=OptimiserConfig(learning_rate=0.01),
    )


def record_at(step: int, run: str = "this") -> CheckpointRecord:
    return CheckpointRecord(
        run=run, step=step, history=HISTORY, unnoted=((1 / 3, False), (0.1, True))
    )


def loaded(checkpoints: Checkpoints, state: TrainingState) -> CheckpointRecord:
    """Load from a folder that holds a checkpoint without a fault."""
    resumed = checkpoints.load(state)
    assert resumed is not None
    assert resumed.damaged == ()
    return resumed.record


def names(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name for path in checkpoints.folder.iterdir())


def train(state: TrainingState, sampler: Sampler, recipe: Recipe, until: int) -> None:
    """Go on to step `until` of a run of six steps."""
    steps = train_steps(state, sampler, recipe, Pace(RunLength(steps=6), Clock()))
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
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path, "this")


@pytest.fixture
def state(new_state: StateOf) -> TrainingState:
    return new_state(recipe_of())


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
    checkpoints: Checkpoints,
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
    checkpoints.add(first, record_at(3))
    torch.nn.init.zeros_(second.network.classify.weight)  # Nothing of the new state may stay.
    assert loaded(checkpoints, second) == record_at(3)
    assert_bitwise_equal(second, everything(first))
    train(second, sampler, recipe, 6)
    assert (second.step, whole.step) == (6, 6)
    assert_bitwise_equal(second, everything(whole))


def test_a_checkpoint_before_the_first_step_can_be_resumed(
    checkpoints: Checkpoints, new_state: StateOf
) -> None:
    state, other = new_state(recipe_of()), new_state(recipe_of())
    checkpoints.add(state, record_at(0))
    assert loaded(checkpoints, other).step == other.step == 0
    assert_bitwise_equal(other, everything(state))


def test_saving_changes_nothing_in_the_run(
    checkpoints: Checkpoints, sampler: Sampler, state: TrainingState
) -> None:
    train(state, sampler, recipe_of(), 2)
    before = everything(state)
    checkpoints.add(state, record_at(2))
    assert_bitwise_equal(state, before)


def test_two_generations_are_kept(checkpoints: Checkpoints, state: TrainingState) -> None:
    for step in (0, 9, 10, 123_456_789):
        checkpoints.add(state, record_at(step))
    assert names(checkpoints) == ["step-00000010.safetensors", "step-123456789.safetensors"]
    assert loaded(checkpoints, state).step == 123_456_789


def test_a_checkpoint_of_the_same_step_takes_the_place_of_the_earlier(
    checkpoints: Checkpoints, state: TrainingState
) -> None:
    for step in (1, 2, 2):
        checkpoints.add(state, record_at(step))
    assert names(checkpoints) == ["step-00000001.safetensors", "step-00000002.safetensors"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content + b"more",
        lambda content: bytes(len(content)),
        lambda content: content[:-9] + bytes([content[-9] ^ 16]) + content[-8:],
    ],
    ids=["empty", "half", "one byte less", "more", "zeros", "one bit"],
)
def test_damage_of_the_newest_falls_back_to_the_one_before_and_names_both(
    checkpoints: Checkpoints, state: TrainingState, spoil: Callable[[bytes], bytes]
) -> None:
    checkpoints.add(state, record_at(1))
    checkpoints.add(state, record_at(2))
    newest = checkpoints.folder / "step-00000002.safetensors"
    newest.write_bytes(spoil(newest.read_bytes()))
    resumed = checkpoints.load(state)
    assert resumed is not None
    assert (resumed.record.step, len(resumed.damaged)) == (1, 1)
    assert "step-00000002.safetensors: " in resumed.damaged[0]
    # What could not be used goes as soon as there is something better.
    checkpoints.add(state, record_at(2))
    checkpoints.add(state, record_at(3))
    assert names(checkpoints) == ["step-00000002.safetensors", "step-00000003.safetensors"]
    assert loaded(checkpoints, state).step == 3


def test_the_checkpoint_of_another_run_is_not_taken(
    checkpoints: Checkpoints, state: TrainingState, tmp_path: Path
) -> None:
    other = Checkpoints(tmp_path / "other", "other")
    other.add(state, record_at(2, "other"))
    checkpoints.add(state, record_at(1))
    shutil.copy(other.folder / "step-00000002.safetensors", checkpoints.folder)
    resumed = checkpoints.load(state)
    assert resumed is not None
    assert resumed.record.step == 1
    assert "step-00000002.safetensors: belongs to another run" in resumed.damaged[0]


def test_if_nothing_is_whole_the_run_does_not_start_over(
    checkpoints: Checkpoints, state: TrainingState
) -> None:
    for step in (1, 2):
        checkpoints.add(state, record_at(step))
    for path in checkpoints.folder.iterdir():
        path.write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"none of 2 checkpoints can be used .*start anew in"):
        checkpoints.load(state)
    assert len(names(checkpoints)) == 2


def test_where_no_checkpoint_ever_was_there_is_none(
    checkpoints: Checkpoints, state: TrainingState
) -> None:
    assert checkpoints.load(state) is None


def test_a_checkpoint_of_another_network_is_refused(
    checkpoints: Checkpoints, new_state: StateOf
) -> None:
    checkpoints.add(new_state(recipe_of(batch_norm=True)), record_at(1))
    with pytest.raises(ModelError, match="does not fit the run"):
        checkpoints.load(new_state(recipe_of()))


def test_a_history_of_any_length_is_kept(checkpoints: Checkpoints, state: TrainingState) -> None:
    long = record_at(9).model_copy(update={"unnoted": ((1 / 3, False),) * 100_000})
    checkpoints.add(state, long)
    assert loaded(checkpoints, state) == long


def test_a_killed_save_is_swept_at_the_next_start(
    checkpoints: Checkpoints, state: TrainingState
) -> None:
    checkpoints.add(state, record_at(1))
    (checkpoints.folder / f".0{TEMPORARY_SUFFIX}").write_bytes(b"half")
    assert loaded(checkpoints, state).step == 1
    assert names(checkpoints) == ["step-00000001.safetensors"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_never_saved(
    checkpoints: Checkpoints, state: TrainingState, value: float
) -> None:
    checkpoints.add(state, record_at(1))
    with torch.no_grad():
        state.network.classify.bias[0] = value
    with pytest.raises(DivergedError, match=r"network\.classify\.bias"):
        checkpoints.add(state, record_at(2))
    assert names(checkpoints) == ["step-00000001.safetensors"]


def test_a_save_that_fails_leaves_both_generations(
    checkpoints: Checkpoints, state: TrainingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (1, 2):
        checkpoints.add(state, record_at(step))

    def full(path: Path, content: bytes) -> None:
        raise OutputError("is full", path=path)

    monkeypatch.setattr(checkpoint, "write_bytes", full)
    with pytest.raises(OutputError):
        checkpoints.add(state, record_at(3))
    assert names(checkpoints) == ["step-00000001.safetensors", "step-00000002.safetensors"]
