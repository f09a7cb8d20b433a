"""Folders full of hostile model files, and how each was met by the product, watched by a hook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.hostile_code import EVIL_MODULE, code_files, pickles
from harness.hostile_tensors import Model, lying_files, lying_records, sparse_files, write_sparse

_LIMIT_S = 240


@dataclass(frozen=True, kw_only=True)
class Met:
    """How a command ended that was given one hostile file."""

    file: str
    command: str
    code: int
    output: str
    """Standard output and standard error."""

    seconds: float
    """Of computing: neighbours on the machine do not count."""

    largest_growth: int
    """Bytes of memory at its largest, above the level before."""

    events: tuple[str, ...]
    """What the audit hook saw and no reader of models may do."""


def write_hostile_files(folder: Path, good: Path) -> list[Path]:
    """Write all of them, and beside them a module that must not be imported."""
    canary = _canary(folder)
    model = Model(good.read_bytes())
    written = []
    files = [
        *code_files(canary),
        *((f"{name}.safetensors", content) for name, content in lying_files(model)),
        *((f"{name}.safetensors", content) for name, content in lying_records(model)),
    ]
    for name, content in files:
        written.append(folder / name)
        written[-1].write_bytes(content)
    for name, begin in sparse_files(model):
        written.append(folder / f"{name}.safetensors")
        write_sparse(written[-1], begin)
    polyglot = good.read_bytes() + (folder / "torch zip.safetensors").read_bytes()
    written.append(folder / "model and torch zip.safetensors")
    written[-1].write_bytes(polyglot)
    written.append(folder / "pipe.safetensors")
    os.mkfifo(written[-1])
    return written


def write_pickles(folder: Path) -> list[Path]:
    """Write one pickle for each way to run code."""
    paths = []
    for way, content in pickles(_canary(folder)).items():
        paths.append(folder / f"{way}.pkl")
        paths[-1].write_bytes(content)
    return paths


def _canary(folder: Path) -> Path:
    canary = folder / "canary"
    (folder / f"{EVIL_MODULE}.py").write_text(f"open({str(canary)!r}, 'w')", "utf-8")
    return canary


def meet(files: list[Path], *, good: Path, image: Path, unpickle: bool = False) -> list[Met]:
    """Give each file to the product in one child process; to `pickle.loads` to try the hook."""
    folder = files[0].parent
    asked = {
        "files": [str(path) for path in files],
        "good": str(good),
        "image": str(image),
        "out": str(folder / "out"),
        "unpickle": unpickle,
    }
    paths = [str(folder), *(path for path in sys.path if path)]
    done = subprocess.run(
        [sys.executable, "-m", "harness.hostile_reader"],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        timeout=_LIMIT_S,
        text=True,
        check=True,
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return [Met(**one | {"events": tuple(one["events"])}) for one in answers]
