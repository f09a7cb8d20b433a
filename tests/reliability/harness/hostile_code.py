"""Files that carry code, each under the name of a model; run, any of them touches a canary file.

They are made when a test runs and never kept. Each payload is as harmless as it can be.
"""

from __future__ import annotations

import base64
import ctypes
import gzip
import importlib
import importlib.util
import io
import json
import marshal
import os
import pickle
import socket
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

EVIL_MODULE = "overtile_canary_module"
"""A module beside the files, which touches the canary when it is imported."""


class Payload:
    """What calls a function, or what another payload gives, when it is unpickled."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.reduced

    def __call__(self) -> None:
        """Look callable to the pickler."""


def pickles(canary: Path) -> Mapping[str, bytes]:
    """Give pickles by the way that they take to run code."""
    touch, source = f"touch '{canary}'", f"open({str(canary)!r}, 'w')"
    code = marshal.dumps(compile(source, "canary", "exec"))
    system = Payload(getattr, Payload(importlib.import_module, "os"), "system")
    function_type = Payload(getattr, Payload(importlib.import_module, "types"), "FunctionType")
    function = Payload(function_type, Payload(marshal.loads, code), {"open": open})
    ways = {
        "system call": Payload(os.system, touch),
        "exec": Payload(exec, source),
        "eval": Payload(eval, source),
        "open for writing": Payload(open, str(canary), "w"),
        "process": Payload(subprocess.run, ["touch", str(canary)]),
        "getattr chain": Payload(system, touch),
        "marshalled code": Payload(function),
        "socket": Payload(socket.create_connection, ("127.0.0.1", 9)),
        "library": Payload(ctypes.CDLL, None),
    }
    imports = f"c{EVIL_MODULE}\nrun\n.".encode()
    return {name: pickle.dumps(way) for name, way in ways.items()} | {"import": imports}


def code_files(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Give the name and content of each file."""
    ways = pickles(canary)
    for way, content in ways.items():
        yield f"pickle, {way}.safetensors", content
    for ending in ("pt", "pth", "pkl", "ckpt", "bin", "joblib"):
        yield f"pickle.{ending}", ways["system call"]
    payload = ways["system call"]
    yield "old pickle.safetensors", pickle.dumps(Payload(os.system, f"touch '{canary}'"), 0)
    yield "pickle, gzip.safetensors", gzip.compress(payload)
    yield "pickle, zlib as joblib does.safetensors", zlib.compress(payload)
    yield from _torch_files(canary, payload)
    yield from _numpy_files(canary)
    yield from _other_formats(canary, payload)
    yield from _archives(canary, payload)


def _torch_files(canary: Path, payload: bytes) -> Iterator[tuple[str, bytes]]:
    state = {"weight": torch.zeros(2), "run": Payload(os.system, f"touch '{canary}'")}
    for name, new in (("torch zip", True), ("torch before zip", False)):
        buffer = io.BytesIO()
        torch.save(state, buffer, _use_new_zipfile_serialization=new)
        yield f"{name}.safetensors", buffer.getvalue()
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(2)}, buffer)
    yield "torch zip with one pickle more.safetensors", _zip({"more/data.pkl": payload}, buffer)
    script = {
        "model/code/__torch__.py": b"class M(Module):\n  def forward(self): return 1\n",
        "model/data.pkl": payload,
        "model/constants.pkl": payload,
        "model/version": b"6\n",
    }
    yield "TorchScript.safetensors", _zip(script)
    package = {
        "package/.data/version": b"6\n",
        "package/.data/python_version": b"3.11",
        "package/evil/__init__.py": f"open({str(canary)!r}, 'w')".encode(),
        "package/model/model.pkl": b"cevil\nrun\n.",
    }
    yield "torch.package.safetensors", _zip(package)


def _numpy_files(canary: Path) -> Iterator[tuple[str, bytes]]:
    array = np.array([Payload(os.system, f"touch '{canary}'")], dtype=object)
    for name, write in (("npy", np.save), ("npz", np.savez)):
        buffer = io.BytesIO()
        write(buffer, array)
        yield f"object array, {name}.safetensors", buffer.getvalue()


def _other_formats(canary: Path, payload: bytes) -> Iterator[tuple[str, bytes]]:
    source = f"open({str(canary)!r}, 'w')\n"
    code = compile(source, "canary", "exec")
    code64 = base64.b64encode(marshal.dumps(code)).decode()
    layer = {"class_name": "Lambda", "config": {"function": [code64, None, None]}}
    config = {"class_name": "Sequential", "config": {"layers": [layer]}}
    keras = {"config.json": json.dumps(config).encode(), "model.weights.h5": b"\x89HDF\r\n\x1a\n"}
    yield "Keras Lambda.keras", _zip(keras)
    yield "Keras Lambda.safetensors", _zip(keras)
    yield "HDF5.safetensors", b"\x89HDF\r\n\x1a\n" + payload
    tag = f"!!python/object/apply:os.system ['touch {canary}']\n"
    yield "YAML tag.safetensors", tag.encode()
    yield "YAML tag.yaml", f"weights: {tag}".encode()
    yield "Python.safetensors", source.encode()
    yield (
        "compiled Python.safetensors",
        importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code),
    )
    yield "shell script.safetensors", f"#!/bin/sh\ntouch '{canary}'\n".encode()
    yield "shared object.safetensors", b"\x7fELF\x02\x01\x01" + bytes(57)
    yield "page.safetensors", b"<script>fetch('http://127.0.0.1:9')</script>"


def _archives(canary: Path, payload: bytes) -> Iterator[tuple[str, bytes]]:
    names = {"parent": "../canary", "absolute": str(canary), "backslash": "..\\canary"}
    for kind, name in names.items():
        yield f"zip with {kind}.safetensors", _zip({"model.safetensors": payload, name: payload})
    device = {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}
    link = {"type": tarfile.SYMTYPE, "linkname": str(canary)}
    regular = {"type": tarfile.REGTYPE}
    members: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
        ("parent", "../canary", regular),
        ("absolute", str(canary), regular),
        ("symlink", "model.safetensors", link),
        ("hard link", "model.safetensors", {**link, "type": tarfile.LNKTYPE}),
        ("device", "model.safetensors", device),
        ("pipe", "model.safetensors", {"type": tarfile.FIFOTYPE}),
    )
    for kind, name, fields in members:
        yield f"tar with {kind}.safetensors", _tar(name, fields, payload)
    yield "nested zip.safetensors", _zip({"a.zip": _zip({"b.zip": _zip({"c.pkl": payload})})})


def _zip(members: Mapping[str, bytes], buffer: io.BytesIO | None = None) -> bytes:
    buffer = buffer or io.BytesIO()
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _tar(name: str, fields: Mapping[str, Any], content: bytes) -> bytes:
    buffer = io.BytesIO()
    member = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(member, field, value)
    member.size = len(content) if member.isreg() else 0
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
