"""The run folder: what was decided, what happened, and what is needed to go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from overtile.choices import LabelKind
from overtile.config import Recipe, Settings, recipe_toml
from overtile.errors import ModelError, OutputError
from overtile.storage import make_folder, sweep, write_bytes, write_json, write_text
from overtile.training.loop import TrainingState

RECORD_NAME = "run.json"
HISTORY_NAME = "history.json"
RECIPE_NAME = "recipe.toml"
CHECKPOINT_NAME = "checkpoint.safetensors"
LAST_MODEL_NAME = "last.safetensors"
REPORT_NAME = "report.html"

_Schema = TypeVar("_Schema", bound=Settings)

Loss = tuple[int, float, float, float]
"""Step, seconds, mean loss since the last entry, learning rate."""


class RunRecord(Settings):
    """What was understood and decided before the first step; never changes after it."""

    format: Literal[1] = 1
    version: str
    created: str
    """UTC, ISO 8601."""

    images: str
    labels: str
    axes: str | None
    label_kind: LabelKind
    class_names: tuple[str, ...]
    in_channels: Annotated[int, Field(ge=1)]
    training: tuple[str, ...]
    """Names of the images that are trained on."""

    validation: tuple[str, ...]
    """Names of the images that are held out."""

    validation_images: str | None = None
    validation_labels: str | None = None
    data_digest: str
    """SHA-256 over all pixels and labels."""

    facts: tuple[tuple[str, str], ...]
    """The data as understood, for people."""

    decisions: tuple[str, ...]
    """Why the recipe is what it is, for people."""

    recipe: Recipe
    steps: int | None
    minutes: float | None
    seed: int
    device: str
    device_name: str
    """The device in words."""

    threads: int
    torch: str
    """Release of torch."""

    pixel_size_um: tuple[float, float] | None = None
    """(y, x) of the training images, if they tell it."""


class History(Settings):
    """What happened so far."""

    losses: tuple[Loss, ...] = ()
    validations: tuple[dict[str, float], ...] = ()
    """Each holds `step`, `seconds` and the summary of its scores."""

    best: float | None = None
    """Best validation score so far, higher is better."""

    best_step: int | None = None
    step: int = 0
    """Steps taken."""

    seconds: float = 0.0
    finished: bool = False
    peak_memory_mb: float = 0.0


class RunFolder:
    """One training run on disk.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def start(self, record: RunRecord) -> None:
        """Take the folder for a new run.

        Raises
        ------
        OutputError
            If it holds other work, or cannot be written to.
        """
        self.refuse_occupied()
        make_folder(self.path)
        write_text(self.path / RECIPE_NAME, recipe_toml(record.recipe))
        write_json(self.path / RECORD_NAME, record.model_dump(mode="json"))

    def refuse_occupied(self) -> None:
        """Refuse a place that holds other work: nothing there is ever overwritten by a new run."""
        try:
            if (self.path / RECORD_NAME).exists():
                raise OutputError(
                    "already holds a run",
                    remedy="go on with --resume, or choose another --out",
                    path=self.path,
                )
            if self.path.exists() and not self.path.is_dir():
                raise OutputError("is a file", remedy="choose a new folder", path=self.path)
            if self.path.is_dir() and any(self.path.iterdir()):
                raise OutputError("holds other work", remedy="choose a new folder", path=self.path)
        except OSError as error:
            raise OutputError(
                f"cannot be looked into ({error.strerror})",
                remedy="choose another folder",
                path=self.path,
            ) from error

    def record(self) -> RunRecord:
        """Read what was decided. Raises `ModelError` if this is no run folder."""
        return self._parsed(RECORD_NAME, RunRecord)

    def history(self) -> History:
        """Read what happened. Raises `ModelError` if there is none."""
        return self._parsed(HISTORY_NAME, History)

    def write_history(self, history: History) -> None:
        """Write what happened so far."""
        write_json(self.path / HISTORY_NAME, history.model_dump(mode="json"))

    def save_checkpoint(self, state: TrainingState, history: History) -> None:
        """Write all that is needed to go on: weights, averages, optimiser, step and history."""
        metadata = {"step": str(state.step), "history": history.model_dump_json()}
        tensors = {name: value.contiguous() for name, value in _tensors_of(state).items()}
        write_bytes(self.path / CHECKPOINT_NAME, tensors_to_bytes(tensors, metadata))
        self.write_history(history)

    def load_checkpoint(self, state: TrainingState) -> History:
        """Put `state` back to where the checkpoint was taken.

        Raises
        ------
        ModelError
            If there is no checkpoint, or it is damaged.
        """
        sweep(self.path)
        path = self.path / CHECKPOINT_NAME
        try:
            content = path.read_bytes()
            length = int.from_bytes(content[:8], "little")
            metadata = json.loads(content[8 : 8 + length])["__metadata__"]
            history = History.model_validate_json(metadata["history"])
            _restore(state, tensors_from_bytes(content), int(metadata["step"]))
        except OSError as error:
            raise ModelError(
                f"there is no checkpoint to resume from ({error.strerror})",
                remedy="start anew without --resume in another folder",
                path=path,
            ) from error
        except (ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                "is damaged", remedy="start anew without --resume in another folder", path=path
            ) from error
        return history

    def _parsed(self, name: str, schema: type[_Schema]) -> _Schema:
        path = self.path / name
        try:
            return schema.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ModelError(
                f"is not a run folder: no {name} ({error.strerror})",
                remedy="give the --out folder of `overtile train`",
                path=self.path,
            ) from error
        except ValidationError as error:
            raise ModelError(
                "is damaged, or was written by another release",
                remedy="update overtile, or train again",
                path=path,
            ) from error


def _tensors_of(state: TrainingState) -> dict[str, Tensor]:
    tensors = {f"network.{name}": value for name, value in state.network.state_dict().items()}
    if state.averaged is not None:
        tensors |= {f"averaged.{name}": v for name, v in state.averaged.state_dict().items()}
    for index, slots in state.optimiser.state_dict()["state"].items():
        tensors |= {
            f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in slots.items()
        }
    return tensors


def _restore(state: TrainingState, tensors: Mapping[str, Tensor], step: int) -> None:
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "averaged": {}, "optimiser": {}}
    for key, value in tensors.items():
        part, name = key.split(".", 1)
        parts[part][name] = value
    state.network.load_state_dict(parts["network"])
    if state.averaged is not None:
        state.averaged.load_state_dict(parts["averaged"])
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in parts["optimiser"].items():
        index, name = key.split(".", 1)
        slots.setdefault(int(index), {})[name] = value
    optimiser = state.optimiser.state_dict()
    state.optimiser.load_state_dict({**optimiser, "state": slots})
    state.step = step
