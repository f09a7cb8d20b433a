"""The model file: safetensors weights and one JSON record. It cannot hold code, and none is run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field, ValidationError
from torch import Tensor

from overtile.choices import LabelKind, Precision
from overtile.config import NetworkConfig, PredictionConfig, Settings
from overtile.errors import ModelError
from overtile.model.origin import Origin
from overtile.model.tensor_file import TensorFile, open_tensor_file, pack
from overtile.model.unet import UNet
from overtile.storage import write_bytes

MODEL_NAME = "model.safetensors"
"""Name of the best model in a run folder."""

_TYPES = {torch.float32: "F32", torch.int64: "I64"}
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

    scores: dict[str, float] = Field(default_factory=dict)
    """Validation scores of these weights; empty if nothing was held out."""

    origin: Origin | None = None
    """How the weights came to be; None where nobody says it."""


def save_model(path: Path, network: UNet, record: ModelRecord) -> None:
    """Write weights and record to `path`, whole or not at all.

    Raises
    ------
    DivergedError
        If a weight is NaN or infinite; nothing is written then.
    OutputError
        If it cannot be written.
    """
    write_bytes(path, pack(network.state_dict(), record.model_dump(mode="json")))


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
    file = open_tensor_file(path)
    record = _parsed(file)
    # Compared before any memory is taken: a small file may describe a network of gigabytes.
    network = _described(record, path)
    if file.kinds != _kinds(network.state_dict()):
        raise ModelError(
            "its weights do not fit the network that it describes",
            remedy="train again or fetch the file again",
            path=path,
        )
    tensors = file.tensors()
    _refuse_nan(tensors, path)
    network.load_state_dict(tensors, strict=True, assign=True)
    return network.eval(), record


def weights_digest(network: UNet) -> str:
    """Give the SHA-256 over the names, shapes and values of all weights: what a model is."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name}{value.dtype}{tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def read_record(path: str | Path) -> ModelRecord:
    """Read only what a model file says about itself. Raises `ModelError` like `load_model`."""
    path = model_path(path)
    return _parsed(open_tensor_file(path))


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


def _parsed(file: TensorFile) -> ModelRecord:
    try:
        return ModelRecord.model_validate(dict(file.record))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ModelError(
            f"its record is not understood ({'.'.join(map(str, first['loc']))}: {first['msg']})",
            remedy="update overtile, or train again",
            path=file.path,
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


def _kinds(tensors: Mapping[str, Tensor]) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {name: (_TYPES[values.dtype], tuple(values.shape)) for name, values in tensors.items()}


def _refuse_nan(tensors: Mapping[str, Tensor], path: Path) -> None:
    broken = [name for name, values in tensors.items() if not torch.isfinite(values).all()]
    if broken:
        raise ModelError(
            f"holds NaN or infinite weights in {broken[0]}", remedy="train again", path=path
        )
