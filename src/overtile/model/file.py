"""The model file: safetensors weights and one JSON record. It cannot hold code, and none is run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field, ValidationError
from torch import Tensor

from overtile.choices import LabelKind, Precision
from overtile.colours import REGION_COLOURS, RGB, class_colours
from overtile.config import Line, NetworkConfig, PredictionConfig, Settings
from overtile.errors import ModelError
from overtile.model.origin import Origin
from overtile.model.self_test import (
    EXPECTED_NAME,
    LARGEST_DIFFERENCE,
    answer,
    answer_shape,
    difference,
)
from overtile.model.tensor_file import (
    Kinds,
    TensorFile,
    first_not_finite,
    kinds_of,
    open_tensor_file,
    pack,
)
from overtile.model.unet import UNet
from overtile.seal import file_digest
from overtile.storage import write_bytes

MODEL_NAME = "model.safetensors"
"""Name of the best model in a run folder."""

_NEWEST_FORMAT = 1
_LARGEST_MODEL_PARAMETERS = 1 << 31
_LONGEST_QUOTE = 80


class ModelRecord(Settings):
    """What a model file says about itself: all that prediction needs beside the weights."""

    format: Literal[1] = 1
    version: Line
    """Release of overtile that wrote the file."""

    in_channels: Annotated[int, Field(ge=1, le=1024)]
    class_names: Annotated[tuple[Line, ...], Field(min_length=2, max_length=256)]
    """Background first."""

    label_kind: LabelKind
    network: NetworkConfig
    prediction: PredictionConfig
    precision: Precision
    """Arithmetic that the network was trained and validated in."""

    pixel_size_um: tuple[float, float] | None = None
    """(y, x) of the training images, if they said it."""

    recipe: Line
    step: Annotated[int, Field(ge=0)]
    """Optimisation steps behind the weights."""

    scores: dict[Line, float] = Field(default_factory=dict)
    """Validation scores of these weights; empty if nothing was held out."""

    origin: Origin | None = None
    """How the weights came to be; None where nobody says it."""

    @property
    def region_colours(self) -> tuple[RGB, ...]:
        """What objects, or the classes behind the background, are shown in."""
        if self.label_kind != "classes":
            return REGION_COLOURS
        chosen = self.origin.recipe.class_colours if self.origin else ()
        return class_colours(chosen, len(self.class_names))

    @property
    def label_offset_px(self) -> tuple[float, float]:
        """How far down and right of what they show the labels of the training lay, in pixels."""
        return self.origin.recipe.augmentation.label_offset_px if self.origin else (0.0, 0.0)


class VerifiedModel(Settings):
    """What was found when a model file was verified; serialises to JSON."""

    sha256: str
    """Of the file."""

    weights_sha256: str
    """Of the weights alone: `weights_digest`."""

    self_test: float | None
    """How far the answer to the self-test is from the one in the file, as a share of its largest
    value; None for a network whose smallest tile takes more than 1 GiB, which has no self-test."""


@dataclass(frozen=True, kw_only=True)
class _Content:
    record: ModelRecord
    network: UNet
    """With its weights, in evaluation mode."""

    tensors: Mapping[str, Tensor]
    """All of them: the weights, and the answer to the self-test."""


def save_model(path: Path, network: UNet, record: ModelRecord) -> None:
    """Write weights, record and self-test to `path`, whole or not at all, then verify the file.

    Raises
    ------
    DivergedError
        If a weight is NaN or infinite; nothing is written then.
    OutputError
        If it cannot be written.
    ModelError
        If what is read back is not what was saved.
    """
    tensors = network.state_dict()
    if answer_shape(network) is not None:
        tensors[EXPECTED_NAME] = answer(network)
    write_bytes(path, pack(tensors, record.model_dump(mode="json")))
    kept = _read(path)
    if _digest(kept.tensors) != _digest(tensors):
        raise ModelError("does not hold what was saved", remedy="check the disk", path=path)


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
    content = _read(model_path(path))
    return content.network, content.record


def verify_model(path: str | Path) -> VerifiedModel:
    """Read a model file as `load_model` does, and let the network answer its self-test.

    Raises
    ------
    ModelError
        Like `load_model`, and if the network does not answer as it did when it was saved.
    """
    path = model_path(path)
    content = _read(path)
    found = None
    if EXPECTED_NAME in content.tensors:
        found = difference(answer(content.network), content.tensors[EXPECTED_NAME])
        if not found <= LARGEST_DIFFERENCE:
            raise ModelError(
                f"does not answer its self-test as it did when it was saved (off by {found:.2g})",
                remedy="its weights were changed, or this machine miscalculates: do not use it",
                path=path,
            )
    return VerifiedModel(
        sha256=file_digest(path), weights_sha256=weights_digest(content.network), self_test=found
    )


def demand_digest(path: str | Path, sha256: str) -> None:
    """Refuse another model file than the one that is meant.

    Raises
    ------
    ModelError
        If the SHA-256 of the file is not `sha256`.
    """
    path = model_path(path)
    try:
        found = file_digest(path)
    except OSError as error:
        raise ModelError(
            f"cannot be read ({error.strerror or error})", remedy="give a model file", path=path
        ) from error
    if found != sha256.lower():
        raise ModelError(
            f"has another SHA-256: {found}", remedy="fetch the file again, or ask for it", path=path
        )


def weights_digest(network: UNet) -> str:
    """Give the SHA-256 over the names, types, shapes and bytes of all weights: what a model is."""
    return _digest(network.state_dict())


def model_path(path: str | Path) -> Path:
    """Find the model file that is meant by a file or a run folder."""
    path = Path(path)
    if path.is_dir():
        if not (path / MODEL_NAME).is_file():
            raise ModelError(
                f"holds no {MODEL_NAME}",
                remedy="give a run folder of `overtile train`, after --folds its folder `all`, or "
                "a model file",
                path=path,
            )
        return path / MODEL_NAME
    return path


def _read(path: Path) -> _Content:
    file = open_tensor_file(path)
    record = _parsed(file)
    network = _described(record, path)
    # Compared before any memory is taken: a small file may describe a network of gigabytes.
    if file.kinds != _kinds(network):
        raise ModelError(
            "its weights do not fit the network that it describes",
            remedy="train again or fetch the file again",
            path=path,
        )
    tensors = file.tensors()
    _refuse_nan(tensors, path)
    weights = {name: value for name, value in tensors.items() if name != EXPECTED_NAME}
    network.load_state_dict(weights, strict=True, assign=True)
    return _Content(record=record, network=network.eval(), tensors=tensors)


def _parsed(file: TensorFile) -> ModelRecord:
    _refuse_newer(file)
    try:
        return ModelRecord.model_validate(dict(file.record))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))[:_LONGEST_QUOTE]
        raise ModelError(
            f"its record is not understood ({where}: {first['msg']})",
            remedy="update overtile, or train again",
            path=file.path,
        ) from error


def _refuse_newer(file: TensorFile) -> None:
    format_number = file.record.get("format")
    if isinstance(format_number, int) and format_number > _NEWEST_FORMAT:
        writer = str(file.record.get("version"))[:_LONGEST_QUOTE]
        raise ModelError(
            f"was written by overtile {writer}, and needs a newer release",
            remedy="update overtile",
            path=file.path,
        )


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


def _kinds(network: UNet) -> Kinds:
    """Tell what a file of this network must hold."""
    kinds = kinds_of(network.state_dict())
    shape = answer_shape(network)
    return kinds if shape is None else {**kinds, EXPECTED_NAME: ("F64", shape)}


def _refuse_nan(tensors: Mapping[str, Tensor], path: Path) -> None:
    broken = first_not_finite(tensors)
    if broken:
        raise ModelError(
            f"holds NaN or infinite weights in {broken}", remedy="train again", path=path
        )


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
