"""Model files that lie: about their tensors, their record, their size. All are sealed as ours are.

A stranger can seal a file as well as we can, so that the seal alone must not be what refuses it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overtile.seal import UNSEALED, seal

Header = dict[str, Any]
WEIGHT, OTHER, ANSWER = "bottom.0.weight", "bottom.3.weight", "self_test.expected"
_DEEP = 100_000
_TEN_GB = 10 << 30


class Model:
    """A model file taken apart, to be put together otherwise."""

    def __init__(self, content: bytes) -> None:
        length = int.from_bytes(content[:8], "little")
        self.header: Header = json.loads(content[8 : 8 + length])
        self.record: dict[str, Any] = json.loads(self.header.pop("__metadata__")["overtile"])
        self.record["seal"] = UNSEALED
        self.data = content[8 + length :]

    def with_tensors(self, **more: object) -> bytes:
        """Let the header describe more tensors, or some otherwise."""
        return file_of(self._text({**self.header, **more}), self.data)

    def with_entry(self, **changes: object) -> bytes:
        """Let the header describe one of the weights otherwise."""
        return self.with_tensors(**{WEIGHT: {**self.header[WEIGHT], **changes}})

    def without(self, name: str) -> bytes:
        """Leave a tensor out, with its bytes."""
        start, end = self.header[name]["data_offsets"]
        kept = {}
        for other, entry in self.header.items():
            shift = end - start if entry["data_offsets"][0] >= end else 0
            offsets = [offset - shift for offset in entry["data_offsets"]]
            kept[other] = {**entry, "data_offsets": offsets}
        del kept[name]
        return file_of(self._text(kept), self.data[:start] + self.data[end:])

    def with_text(self, more: str) -> bytes:
        """Add to the JSON of the header, before its last brace."""
        return file_of(self._text(self.header)[:-1] + more + "}", self.data)

    def with_record(self, text: str) -> bytes:
        """Replace the JSON of the record."""
        metadata = {"__metadata__": {"overtile": text}}
        return file_of(json.dumps({**metadata, **self.header}), self.data)

    def with_fields(self, **changes: object) -> bytes:
        """Change the record."""
        return self.with_record(json.dumps({**self.record, **changes}))

    def with_data(self, name: str, content: bytes) -> bytes:
        """Overwrite the beginning of a tensor."""
        start = self.header[name]["data_offsets"][0]
        data = self.data[:start] + content + self.data[start + len(content) :]
        return file_of(self._text(self.header), data)

    def _text(self, header: Header) -> str:
        return json.dumps({"__metadata__": {"overtile": json.dumps(self.record)}, **header})


def file_of(header: str, data: bytes) -> bytes:
    """Seal a file, if there is a place for a seal."""
    content = len(header.encode()).to_bytes(8, "little") + header.encode() + data
    return seal(content) if UNSEALED.encode() in content[:256] else content


def lying_files(model: Model) -> Iterator[tuple[str, bytes]]:
    """Give the name and content of each file that lies about its tensors."""
    yield from _lying_lengths(model)
    yield from _lying_offsets(model)
    yield from _lying_shapes(model)
    yield from _strange_tensors(model)
    yield from _strange_headers(model)


def _lying_lengths(model: Model) -> Iterator[tuple[str, bytes]]:
    whole = model.with_tensors()
    for length in (0, 1, len(whole) - 7, 1 << 20, 1 << 40, (1 << 64) - 1):
        yield f"header of {length} bytes", length.to_bytes(8, "little") + whole[8:]
    yield "trailing bytes", whole + b"\0"
    yield "cut short", whole[:-1]
    yield "header of broken UTF-8", whole[:8] + b"\xff" * 200 + whole[208:]
    start = whole.index(b"sha256:")
    yield "without a seal", whole[:start] + UNSEALED.encode() + whole[start + len(UNSEALED) :]


def _lying_offsets(model: Model) -> Iterator[tuple[str, bytes]]:
    start, end = model.header[WEIGHT]["data_offsets"]
    far = 1 << 40
    for name, offsets in (
        ("overlapping", [start - 4, end]),
        ("with a hole", [start, end - 4]),
        ("negative", [-4, end]),
        ("of 65 bits", [start, (1 << 64) + end]),
        ("in reverse", [end, start]),
        ("behind the end", [start + far, end + far]),
        ("of three numbers", [start, end, end]),
        ("of text", [str(start), str(end)]),
        ("of another tensor", model.header[OTHER]["data_offsets"]),
        ("without end", None),
    ):
        yield f"offsets {name}", model.with_entry(data_offsets=offsets)
    digits = json.dumps(model.header[WEIGHT]).replace(str(end), "9" * 5000)
    yield "offsets of 5 000 digits", model.with_text(f', "more": {digits}')


def _lying_shapes(model: Model) -> Iterator[tuple[str, bytes]]:
    shape = model.header[WEIGHT]["shape"]
    for name, other in (
        ("transposed", [shape[1], shape[0], *shape[2:]]),
        ("flat", [math.prod(shape)]),
        ("of 10 GB", [_TEN_GB // 4]),
        ("that overflows", [1 << 62, 4, *shape]),
        ("negative", [-shape[0], -shape[1], *shape[2:]]),
        ("fractional", [0.5, *shape]),
        ("of text", ["a" * 1000, 1 << 40]),
        ("of ten thousand axes", [1 << 60] * 10_000),
    ):
        yield f"shape {name}", model.with_entry(shape=other)
    halved, doubled = [shape[0] // 2, *shape[1:]], [2 * shape[0], *shape[1:]]
    for dtype, other in (("F64", halved), ("I64", halved), ("F16", doubled), ("BF16", doubled)):
        yield f"type {dtype} in the same bytes", model.with_entry(dtype=dtype, shape=other)
    for lie in ("F64", "I64", "F31", ["F32"], 32):
        yield f"type {lie}", model.with_entry(dtype=lie)


def _strange_tensors(model: Model) -> Iterator[tuple[str, bytes]]:
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    yield "tensor that is a number", model.with_tensors(more=7)
    yield "tensor with one key more", model.with_entry(module="os")
    yield "tensor too many", model.with_tensors(more=empty)
    yield "tensor with a path for a name", model.with_tensors(**{"../../canary": empty})
    yield "tensor given twice", model.with_text(f', "{WEIGHT}": {json.dumps(model.header[WEIGHT])}')
    yield "tensor missing", model.without(WEIGHT)
    yield "self-test missing", model.without(ANSWER)
    yield "not finite, NaN", model.with_data(WEIGHT, b"\0\0\xc0\x7f")
    yield "not finite, infinity", model.with_data(WEIGHT, b"\0\0\x80\x7f")
    yield "not finite, answer", model.with_data(ANSWER, b"\0\0\0\0\0\0\xf8\x7f")
    yield "tensors, 15 thousand", model.with_tensors(**{f"t{n}": empty for n in range(15_000)})
    entry = json.dumps(empty)
    million = ",".join(f'"{number}":{entry}' for number in range(1_000_000))
    yield "tensors, a million", model.with_text("," + million)


def _strange_headers(model: Model) -> Iterator[tuple[str, bytes]]:
    yield "header of 99 MB", model.with_text(" " * 99_000_000)
    yield "header that is deep", file_of("[" * _DEEP + "]" * _DEEP, model.data)
    yield "header that is a list", file_of(f'["{UNSEALED}"]', model.data)
    yield "metadata given twice", model.with_text(', "__metadata__": {}')
    metadata = {"a": "b" * 300, "overtile": json.dumps(model.record)}
    yield (
        "seal far from the beginning",
        file_of(json.dumps({"__metadata__": metadata, **model.header}), model.data),
    )


def lying_records(model: Model) -> Iterator[tuple[str, bytes]]:
    """Give the name and content of each file that lies in its record."""
    network, origin = model.record["network"], model.record["origin"]
    text = json.dumps(model.record)
    yield "deep record", model.with_record(text[:-1] + ', "a": ' + "[" * _DEEP + "]" * _DEEP + "}")
    yield "record that is null", model.with_record("null")
    yield "record that is a list", model.with_record(f'["{UNSEALED}"]')
    yield "record that is no JSON", model.with_record(f"{UNSEALED} __import__('os')")
    yield "key given twice", model.with_record(text[:-1] + ', "in_channels": 1}')
    yield "number of 5 000 digits", model.with_record(text[:-1] + ', "a": ' + "9" * 5000 + "}")
    yield "number without end", model.with_record(text[:-1] + ', "a": 1e999}')
    unknown: dict[str, object] = {
        "module": "os",
        "architecture": "canary.Network",
        "__class__": "os.system",
        "__reduce__": ["os.system", ["true"]],
        "custom_objects": {"Lambda": "4wAAAA=="},
        "weights": "../../../etc/passwd",
        "script": "<script>alert(1)</script>",
        "k" * 900_000: 1,
    }
    for key, value in unknown.items():
        yield f"unknown key {key[:20]}", model.with_fields(**{key: value})
    fields: dict[str, object] = {
        "label_kind": "../../canary",
        "precision": "<script>alert(1)</script>",
        "version": "\033]0;canary\a",
        "recipe": "one\ntwo",
        "class_names": ["background", "\033[2J\033[1;1H"],
        "format": 2,
        "in_channels": 10**9,
        "step": -1,
        "pixel_size_um": [1, float("nan")],
        "scores": {"\x9b2J": 1.0},
    }
    for key, value in fields.items():
        yield f"wrong {key}", model.with_fields(**{key: value})
    yield "half a letter", model.with_record(text.replace("background", "\\ud800"))
    yield "class count", model.with_fields(class_names=10**9)
    yield "classes by the thousand", model.with_fields(class_names=["c"] * 50_000)
    sizes: dict[str, object] = {"base_channels": 10**9, "depth": 60, "dimensions": 4}
    for key, value in sizes.items():
        yield f"network of {key} {value}", model.with_fields(network=network | {key: value})
    giant = {"base_channels": 512, "depth": 6, "dimensions": 3}
    yield "giant", model.with_fields(network=network | giant, in_channels=1024)
    large = {"base_channels": 64, "depth": 5}
    yield "larger network than its weights", model.with_fields(network=network | large)
    yield "origin of another schema", model.with_fields(origin=origin | {"command": "sh"})
    yield "origin with threads", model.with_fields(origin=origin | {"threads": 10**9})


def sparse_files(model: Model) -> Iterator[tuple[str, bytes]]:
    """Give the name and beginning of each file that goes on with 10 GB that take no room."""
    offsets = [len(model.data), len(model.data) + _TEN_GB]
    entry = {"dtype": "F32", "shape": [_TEN_GB // 4], "data_offsets": offsets}
    yield "10 GB of nothing", b""
    yield "10 GB behind a model", model.with_tensors()
    yield "10 GB as declared", model.with_tensors(more=entry)


def write_sparse(path: Path, begin: bytes) -> None:
    """Write a file of 10 GB and some bytes."""
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(len(begin) + _TEN_GB)
