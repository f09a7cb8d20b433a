"""A sealed safetensors file: tensors and one JSON record; it cannot hold code, and none is run."""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import torch
from pydantic import Field, TypeAdapter
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from overtile.config import Settings
from overtile.errors import DivergedError, ModelError
from overtile.seal import UNSEALED, is_whole, seal

Kinds: TypeAlias = Mapping[str, tuple[str, tuple[int, ...]]]
"""Name of each tensor: its type as safetensors writes it, such as ``F32``, and its shape."""

LARGEST_HEADER_BYTES = 1 << 20
_LENGTH_BYTES = 8
_MOST_AXES = 8
_RECORD_KEY = "overtile"
_FETCH_AGAIN = "fetch the file again, or train again"
_TYPES = {torch.uint8: "U8", torch.int64: "I64", torch.float32: "F32", torch.float64: "F64"}
_BYTES = {name: kind.itemsize for kind, name in _TYPES.items()}

_NotNegative = Annotated[int, Field(ge=0)]


class _Entry(Settings):
    """What the header says of one tensor."""

    dtype: str
    shape: Annotated[tuple[_NotNegative, ...], Field(max_length=_MOST_AXES)]
    data_offsets: tuple[_NotNegative, _NotNegative]


_Entries = TypeAdapter(dict[str, _Entry])


@dataclass(frozen=True, kw_only=True)
class TensorFile:
    """A file whose header was read, and nothing else yet."""

    path: Path
    record: Mapping[str, Any]
    """What the file says about itself; not yet held against any schema."""

    kinds: Kinds
    size: int
    """Bytes of the file: as many as its header and tensors of these kinds take."""

    def tensors(self) -> dict[str, Tensor]:
        """Read everything.

        Raises
        ------
        ModelError
            If a single bit is not what was written.
        """
        content = _read(self.path, self.size)
        if not is_whole(content):
            raise _damaged(self.path)
        try:
            return dict(tensors_from_bytes(content))
        except (SafetensorError, ValueError, KeyError) as error:
            raise _damaged(self.path) from error


def pack(tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> bytes:
    """Give the bytes of a sealed file.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        Of uint8, int64, float32 or float64, on any device.
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
    broken = first_not_finite(tensors)
    if broken:
        raise DivergedError(
            f"{broken} became NaN or infinite, and is not saved",
            remedy="lower `learning_rate` in the recipe, or `largest_gradient`, which is 1",
        )
    text = json.dumps({"seal": UNSEALED, **record}, allow_nan=False, ensure_ascii=False)
    on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    return seal(tensors_to_bytes(on_cpu, {_RECORD_KEY: text}))


def open_tensor_file(path: Path) -> TensorFile:
    """Read the header of a file written from `pack`.

    Raises
    ------
    ModelError
        If it cannot be read, is not such a file, or its header does not describe the rest of it.
    """
    size = _size(path)
    text = _read_header(path)
    try:
        header = json.loads(text, object_pairs_hook=_without_twins)
        record_text = header.pop("__metadata__")[_RECORD_KEY]
        record = json.loads(record_text, object_pairs_hook=_without_twins)
        record.pop("seal")
        entries = _Entries.validate_python(header)
        needed = sum(_BYTES[one.dtype] * math.prod(one.shape) for one in entries.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _foreign(path) from error
    if size != _LENGTH_BYTES + len(text) + needed:
        raise _damaged(path)
    kinds = {name: (one.dtype, one.shape) for name, one in entries.items()}
    return TensorFile(path=path, record=record, kinds=kinds, size=size)


def kinds_of(tensors: Mapping[str, Tensor]) -> Kinds:
    """Give the kinds of tensors as a file that holds them would."""
    return {name: (_TYPES[value.dtype], tuple(value.shape)) for name, value in tensors.items()}


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Name a tensor that holds NaN or infinity."""
    return next((name for name, one in tensors.items() if not torch.isfinite(one).all()), None)


def _size(path: Path) -> int:
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(found.st_mode):  # A pipe would be waited for, and a device never ends.
        raise _foreign(path)
    return found.st_size


def _read_header(path: Path) -> bytes:
    length = int.from_bytes(_read(path, _LENGTH_BYTES), "little")
    if not 2 <= length <= LARGEST_HEADER_BYTES:
        raise _foreign(path)
    return _read(path, _LENGTH_BYTES + length)[_LENGTH_BYTES:]


def _read(path: Path, count: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise _unreadable(path, error) from error


def _without_twins(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that is given twice: two readers might take another one each."""
    pairs = list(pairs)
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key is given twice")
    return table


def _damaged(path: Path) -> ModelError:
    return ModelError("is damaged", remedy=_FETCH_AGAIN, path=path)


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
