from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from overtile.errors import DivergedError, ModelError
from overtile.model.tensor_file import LARGEST_HEADER_BYTES, kinds_of, open_tensor_file, pack
from overtile.seal import UNSEALED, seal

TENSORS = {
    "bytes": torch.arange(5, dtype=torch.uint8),
    "count": torch.tensor(7),
    "exact": torch.rand(2, 3, dtype=torch.float64),
    "weight": torch.rand(2, 3, 3),
    "nothing": torch.zeros(0),
}


def layout(**changes: object) -> dict[str, Any]:
    """Describe one tensor of six float32, as safetensors does."""
    return {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | changes


def content(tensors: Mapping[str, Any], data: bytes = bytes(24)) -> bytes:
    record = json.dumps({"seal": UNSEALED})
    text = json.dumps({"__metadata__": {"overtile": record}, **tensors}).encode()
    return seal(len(text).to_bytes(8, "little") + text + data)


def test_tensors_and_record_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(pack(TENSORS, {"step": 3, "names": ["é"]}))
    file = open_tensor_file(path)
    assert file.record == {"step": 3, "names": ["é"]}
    assert file.kinds == kinds_of(TENSORS)
    assert all(torch.equal(value, TENSORS[name]) for name, value in file.tensors().items())


def test_strided_tensors_are_written_in_order(tmp_path: Path) -> None:
    strided = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    (tmp_path / "a").write_bytes(pack({"a": strided}, {}))
    assert torch.equal(open_tensor_file(tmp_path / "a").tensors()["a"], strided)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_not_packed(value: float) -> None:
    with pytest.raises(DivergedError, match="weight became NaN or infinite, and is not saved"):
        pack({**TENSORS, "weight": torch.tensor([1.0, value])}, {})


def test_the_smallest_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content({"a": layout()}))
    assert torch.equal(open_tensor_file(tmp_path / "a").tensors()["a"], torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("tensors", "data", "fault"),
    [
        ({"a": layout()}, bytes(23), "is damaged"),
        ({"a": layout()}, bytes(25), "is damaged"),
        ({"a": layout(shape=[1 << 40])}, bytes(24), "is damaged"),
        ({"a": layout(dtype="F64")}, bytes(24), "is damaged"),
        ({"a": layout(dtype="F16")}, bytes(12), "is not a model file"),
        ({"a": layout(shape=[-2, -3])}, bytes(24), "is not a model file"),
        ({"a": layout(shape=["aaaa", 1 << 40])}, bytes(24), "is not a model file"),
        ({"a": layout(shape=[1] * 9 + [6])}, bytes(24), "is not a model file"),
        ({"a": layout(more=1)}, bytes(24), "is not a model file"),
        ({"a": layout(data_offsets=[0])}, bytes(24), "is not a model file"),
        ({"a": 3}, bytes(24), "is not a model file"),
    ],
)
def test_a_header_that_does_not_describe_the_rest_is_refused_before_the_rest_is_read(
    tmp_path: Path, tensors: dict[str, Any], data: bytes, fault: str
) -> None:
    (tmp_path / "a").write_bytes(content(tensors, data))
    with pytest.raises(ModelError, match=f"a: {fault}"):
        open_tensor_file(tmp_path / "a")


@pytest.mark.parametrize("offsets", [[1, 25], [24, 0], [0, 12], [0, 1 << 60]])
def test_tensors_that_do_not_lie_where_they_should_are_refused(
    tmp_path: Path, offsets: list[int]
) -> None:
    (tmp_path / "a").write_bytes(content({"a": layout(data_offsets=offsets)}))
    with pytest.raises(ModelError, match="is damaged"):
        open_tensor_file(tmp_path / "a").tensors()


def test_a_name_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    twice = content({"a": layout(), "b": layout()}, bytes(48)).replace(b'"b"', b'"a"')
    (tmp_path / "a").write_bytes(twice)
    with pytest.raises(ModelError, match="is not a model file"):
        open_tensor_file(tmp_path / "a")


def test_a_long_header_is_refused_by_its_length_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes((LARGEST_HEADER_BYTES + 1).to_bytes(8, "little"))
    with pytest.raises(ModelError, match="is not a model file"):
        open_tensor_file(tmp_path / "a")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(ModelError, match="is not a model file"):
        open_tensor_file(tmp_path / "a")


def test_a_file_that_shrank_after_its_header_was_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(pack(TENSORS, {}))
    file = open_tensor_file(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="is damaged"):
        file.tensors()


def test_a_file_that_vanishes_after_its_header_was_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(pack(TENSORS, {}))
    file = open_tensor_file(path)
    path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        file.tensors()
