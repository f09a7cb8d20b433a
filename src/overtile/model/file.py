"""The model file: safetensors weights and one JSON record. It cannot hold code, and none is run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from overtile.choices import LabelKind, Precision
from overtile.config import NetworkConfig, PredictionConfig, Settings
from overtile.errors import ModelError
from overtile.model.unet import UNet
from overtile.storage import write_bytes

MODEL_NAME = "model.safetensors"
"""Name of the best model in a run folder."""

_RECORD_KEY = "overtile"
_LARGEST_HEADER_BYTES = 1 << 20
_LARGEST_MODEL_PARAMETERS = 1 << 31


class ModelRecord(Settings):
    """What a model file says about itself: all that prediction needs beside the weights."""

    format: Literal[1] = 1
    version: str
    """Release of overtile that wrote the file."""

    in_channels: Annotated[int, Field(ge=1, le=1024)]
    class_names: Annotated[tuple[str, ...], Field(min_length=2, max_length=256)]
    """Background first."""

    label_kind: LabelKind
    network: NetworkConfig
    prediction: PredictionConfig
    precision: Precision
    tile_output: Annotated[int, Field(ge=4)]
    """Largest side of the labelled part of a tile at prediction, in pixels."""

    pixel_size_um: tuple[float, float] | None = None
    """(y, x) of the training images, if they said it."""

    recipe: str
    step: Annotated[int, Field(ge=0)]
    """Optimisation steps behind the weights."""

    seconds: Annotated[float, Field(ge=0)]
    """Wall-clock seconds of training behind the weights."""

    scores: dict[str, float] = Field(default_factory=dict)
    """Validation scores of these weights; empty if nothing was held out."""


def save_model(path: Path, network: UNet, record: ModelRecord) -> None:
    """Write weights and record to `path`, whole or not at all."""
    metadata = {_RECORD_KEY: record.model_dump_json()}
    tensors = {
        name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()
    }
    write_bytes(path, tensors_to_bytes(tensors, metadata))


def load_model(path: str | Path) -> tuple[UNet, ModelRecord]:
    """Read a model file, or the best model of a run folder.

    Parameters
    ----------
    path : path
        A model file, or a run folder that holds `MODEL_NAME`.

    Returns
    -------
    network : UNet
        In evaluation mode, on the CPU.
    record : ModelRecord

    Raises
    ------
    ModelError
        If it is not a model of overtile, is damaged, or was written by a newer release.
    """
    path = model_path(path)
    content = _read(path)
    record = _parse_record(content, path)
    tensors = _tensors(content, path)
    # Compared before any memory is taken: a small file may describe a network of gigabytes.
    network = _described(record, path)
    if _kinds(tensors) != _kinds(network.state_dict()):
        raise ModelError(
            "its weights do not fit the network that it describes",
            remedy="train again or fetch the file again",
            path=path,
        )
    _refuse_nan(tensors, path)
    network.load_state_dict(tensors, strict=True, assign=True)
    return network.eval(), record


def read_record(path: str | Path) -> ModelRecord:
    """Read only what a model file says about itself. Raises `ModelError` like `load_model`."""
    path = model_path(path)
    return _parse_record(_read(path), path)


def model_path(path: str | Path) -> Path:
    """Find the model file that is meant by a file or a run folder."""
    path = Path(path)
    if path.is_dir():
        if not (path / MODEL_NAME).is_file():
            raise ModelError(
                f"holds no {MODEL_NAME}",
                remedy="give a run folder of `overtile train`, or a model file",
                path=path,
            )
        return path / MODEL_NAME
    return path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot be read ({error.strerror or error})",
            remedy="give a run folder of `overtile train`, or a model file",
            path=path,
        ) from error


def _parse_record(content: bytes, path: Path) -> ModelRecord:
    length = int.from_bytes(content[:8], "little")
    try:
        if not 2 <= length <= min(_LARGEST_HEADER_BYTES, len(content) - 8):
            raise ValueError("no header")
        header = json.loads(content[8 : 8 + length])
        record = json.loads(header["__metadata__"][_RECORD_KEY])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(
            "is not a model file of overtile",
            remedy="give a run folder of `overtile train`, or the model.safetensors in it",
            path=path,
        ) from error
    try:
        return ModelRecord.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ModelError(
            f"its record is not understood ({'.'.join(map(str, first['loc']))}: {first['msg']})",
            remedy="update overtile, or train again",
            path=path,
        ) from error


def _described(record: ModelRecord, path: Path) -> UNet:
    """Make the network of a record without memory for its parameters; giants are refused."""
    with torch.device("meta"):
        network = UNet(record.in_channels, len(record.class_names), record.network)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    if parameters > _LARGEST_MODEL_PARAMETERS:
        raise ModelError(
            f"describes a network of {parameters} parameters",
            remedy=f"at most {_LARGEST_MODEL_PARAMETERS} are accepted",
            path=path,
        )
    return network


def _kinds(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (values.shape, values.dtype) for name, values in tensors.items()}


def _tensors(content: bytes, path: Path) -> dict[str, Tensor]:
    try:
        return dict(tensors_from_bytes(content))
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(
            "is damaged", remedy="train again or fetch the file again", path=path
        ) from error


def _refuse_nan(tensors: Mapping[str, Tensor], path: Path) -> None:
    broken = [name for name, values in tensors.items() if not torch.isfinite(values).all()]
    if broken:
        raise ModelError(
            f"holds NaN or infinite weights in {broken[0]}", remedy="train again", path=path
        )
