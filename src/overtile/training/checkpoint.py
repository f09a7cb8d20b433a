"""Checkpoints: all that is needed to go on, in two generations, should one of them be damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field, ValidationError
from torch import Tensor

from overtile.config import Settings
from overtile.errors import ModelError
from overtile.model.tensor_file import open_tensor_file, pack
from overtile.storage import make_folder, remove, sweep, write_bytes
from overtile.training.history import History
from overtile.training.loop import TrainingState

FOLDER_NAME = "checkpoints"
GENERATIONS = 2
"""Checkpoints that are kept."""

_PAST = ("history", "unnoted")
_PAST_NAME = "past"
_BYTE = torch.uint8
_NAME = re.compile(r"step-\d{8,}\.safetensors")


class CheckpointRecord(Settings):
    """What a checkpoint holds beside its tensors."""

    format: Literal[1] = 1
    run: str
    """Identity of its run: the checkpoint of another run is refused."""

    step: Annotated[int, Field(ge=0)]
    history: History
    unnoted: tuple[tuple[float, bool], ...]
    """Loss of each step since the last entry of the history, and whether it predicted one class."""


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """Where a run goes on."""

    record: CheckpointRecord
    damaged: tuple[str, ...]
    """One line for each newer checkpoint that could not be used."""


class Checkpoints:
    """The checkpoints of one run.

    Parameters
    ----------
    run_folder : path
    run : str
        `RunFolder.identity`.
    """

    def __init__(self, run_folder: Path, run: str) -> None:
        self.folder, self.run = run_folder / FOLDER_NAME, run
        self._good: list[Path] = []

    def add(self, state: TrainingState, record: CheckpointRecord) -> None:
        """Write a checkpoint, then remove those that are older than the one before it.

        Raises
        ------
        DivergedError
            If anything is NaN or infinite; nothing is written then.
        OutputError
            If it cannot be written; the earlier ones stay.
        """
        path = self.folder / f"step-{record.step:08d}.safetensors"
        told = record.model_dump(mode="json")
        # Of any length, and the header of a file is not.
        past = json.dumps({name: told.pop(name) for name in _PAST}).encode()
        tensors = {**_tensors_of(state), _PAST_NAME: torch.frombuffer(bytearray(past), dtype=_BYTE)}
        content = pack(tensors, told)
        make_folder(self.folder)
        write_bytes(path, content)
        self._good = [*(one for one in self._good if one != path), path][-GENERATIONS:]
        for other in self._all():
            if other not in self._good:
                remove(other)

    def load(self, state: TrainingState) -> Resumed | None:
        """Put `state` back to the newest checkpoint that is whole; None if there never was one.

        Raises
        ------
        ModelError
            If there are checkpoints, and none of them can be used.
        """
        sweep(self.folder)
        damaged: list[str] = []
        for path in self._all():
            try:
                record = self._load(path, state)
            except ModelError as error:
                damaged.append(str(error))
                continue
            self._good = [path]
            return Resumed(record=record, damaged=tuple(damaged))
        if damaged:
            raise ModelError(
                f"none of {len(damaged)} checkpoints can be used ({'; '.join(damaged)})",
                remedy="bring them back from a copy, or start anew in another --out",
                path=self.folder,
            )
        return None

    def _all(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        names = (path for path in self.folder.iterdir() if _NAME.fullmatch(path.name))
        return sorted(names, key=lambda path: int(path.stem.removeprefix("step-")), reverse=True)

    def _load(self, path: Path, state: TrainingState) -> CheckpointRecord:
        file = open_tensor_file(path)
        tensors = file.tensors()
        try:
            past = json.loads(tensors.pop(_PAST_NAME).numpy().tobytes())
            record = CheckpointRecord.model_validate({**file.record, **past})
            if record.run != self.run:
                raise ModelError("belongs to another run", path=path)
            _restore(state, tensors, record.step)
        except (ValidationError, RuntimeError, KeyError, ValueError) as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError("does not fit the run", path=path) from error
        return record


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
