"""A sealed safetensors file: tensors and one JSON record; it cannot hold code, and none is run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from overtile.errors import DivergedError, ModelError
from overtile.seal import UNSEALED, is_whole, seal

Kinds: TypeAlias = Mapping[str, tuple[str, tuple[int, ...]]]
"""Name of each tensor: its type as safetensors writes it, such as ``F32``, and its shape."""

LARGEST_HEADER_BYTES = 1 << 20
_RECORD_KEY = "overtile"
_FETCH_AGAIN = "fetch the file again, or train again"


@dataclass(frozen=True, kw_only=True)
class TensorFile:
    """A file whose header was read, and nothing else yet."""

    path: Path
    record: Mapping[str, Any]
    """What the file says about itself; not yet held against any schema."""

    kinds: Kinds

    def tensors(self) -> dict[str, Tensor]:
        """Read everything.

        Raises
        ------
        ModelError
            If a single bit is not what was written.
        """
        content = _read(self.path)
        if not is_whole(content):
            raise ModelError("is damaged", remedy=_FETCH_AGAIN, path=self.path)
        try:
            return dict(tensors_from_bytes(content))
        except (SafetensorError, ValueError, KeyError) as error:
            raise ModelError("is damaged", remedy=_FETCH_AGAIN, path=self.path) from error


def pack(tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> bytes:
    """Give the bytes of a sealed file.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        On any device.
    record : mapping
        JSON values; no NaN.

    Returns
    -------
    content : bytes
        Equal for equal arguments.

    Raises
    ------
    DivergedError
        If a tensor holds NaN or infinity: what is not a number is never written.
    """
    broken = [name for name, value in tensors.items() if not torch.isfinite(value).all()]
    if broken:
        raise DivergedError(
            f"{broken[0]} became NaN or infinite, and is not saved",
            remedy="lower `learning_rate` in the recipe, or set `largest_gradient = 1.0`",
        )
    text = json.dumps({"seal": UNSEALED, **record}, allow_nan=False, ensure_ascii=False)
    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    return seal(tensors_to_bytes(on_cpu, {_RECORD_KEY: text}))


def open_tensor_file(path: Path) -> TensorFile:
    """Read the header of a file written from `pack`.

    Raises
    ------
    ModelError
        If it cannot be read, is not such a file, or its header is out of all proportion.
    """
    header = _header(path)
    try:
        record = json.loads(header.pop("__metadata__")[_RECORD_KEY])
        record.pop("seal")
        kinds = {name: (one["dtype"], tuple(one["shape"])) for name, one in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _foreign(path) from error
    return TensorFile(path=path, record=record, kinds=kinds)


def _header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= LARGEST_HEADER_BYTES:
                raise _foreign(path)
            header = json.loads(file.read(length))
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise _foreign(path) from error
    if not isinstance(header, dict):
        raise _foreign(path)
    return header


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(
        f"cannot be read ({error.strerror or error})",
        remedy="give a run folder of `overtile train`, or a model file",
        path=path,
    )


def _foreign(path: Path) -> ModelError:
    return ModelError(
        "is not a model file of overtile",
        remedy="give a run folder of `overtile train`, or the model.safetensors in it",
        path=path,
    )
