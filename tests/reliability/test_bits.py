"""Damage to our own files: whatever one bit, cut or exchange does to them, it is noticed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import Amount, Tally

from overtile.errors import OvertileError
from overtile.model.file import load_model
from overtile.model.tensor_file import open_tensor_file
from overtile.training.run import RunFolder
from overtile.workflows.predict import predict
from overtile.workflows.results import PredictRequest
from overtile.workflows.verify import verify_results


@dataclass(frozen=True)
class Watched:
    """A file, and the reader that must notice what happened to it."""

    path: Path
    read: Callable[[], object]

    def is_noticed(self, damaged: bytes) -> bool:
        """Say whether the reader refuses other content, which is taken back."""
        whole = self.path.read_bytes()
        self.path.write_bytes(damaged)
        try:
            self.read()
        except OvertileError:
            return True
        finally:
            self.path.write_bytes(whole)
        return False


@pytest.fixture(scope="module")
def watched(
    trained: Path, cells: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Watched]:
    """One file of each kind that overtile writes to be read again."""
    run = shutil.copytree(trained, tmp_path_factory.mktemp("bits") / "run")
    results = run.parent / "results"
    image = cells / "images" / "cell0.tif"
    predict(PredictRequest(model=run, inputs=[str(image)], out=results, save=("labels",)))
    model, checkpoint = run / "model.safetensors", max((run / "checkpoints").iterdir())
    return {
        "model": Watched(model, lambda: load_model(model)),
        "checkpoint": Watched(checkpoint, lambda: open_tensor_file(checkpoint).tensors()),
        "run": Watched(run / "run.json", RunFolder(run).record),
        "history": Watched(run / "history.json", RunFolder(run).history),
        "predictions": Watched(results / "predictions.json", lambda: _verify(results)),
        "result": Watched(results / "cell0_labels.tif", lambda: _verify(results)),
    }


def _verify(results: Path) -> None:
    if not verify_results(results).complete:
        raise OvertileError("is damaged")


def test_whole_files_are_read(watched: dict[str, Watched]) -> None:
    for one in watched.values():
        one.read()


def test_every_flipped_bit_is_noticed(
    watched: dict[str, Watched], amount: Amount, tally: Tally
) -> None:
    rng = np.random.default_rng(0)
    noticed = {
        name: [one.is_noticed(_flipped(one.path.read_bytes(), rng)) for _ in range(each)]
        for name, one in watched.items()
        for each in [amount(500, 10_000) // len(watched) + 1]
    }
    tried, found = (sum(map(count, noticed.values())) for count in (len, sum))
    tally("flipped bits", tried, found)
    assert {name: found.count(False) for name, found in noticed.items()} == dict.fromkeys(
        noticed, 0
    )


def test_every_cut_exchange_and_overwrite_is_noticed(
    watched: dict[str, Watched], amount: Amount
) -> None:
    rng = np.random.default_rng(1)
    unnoticed = [
        (name, damage.__name__)
        for name, one in watched.items()
        for damage in (_cut, _longer, _exchanged, _zeroed, _without_a_line)
        for damaged in _damages(one.path.read_bytes(), damage, rng, amount(5, 100))
        if not one.is_noticed(damaged)
    ]
    assert unnoticed == []


def test_a_file_in_the_place_of_another_is_noticed(watched: dict[str, Watched]) -> None:
    contents = {name: one.path.read_bytes() for name, one in watched.items()}
    unnoticed = [
        (name, other)
        for name, one in watched.items()
        for other, content in contents.items()
        if other != name and not one.is_noticed(content)
    ]
    # A reader of tensors alone cannot tell a model from a checkpoint; `Checkpoints` does.
    assert unnoticed == [("checkpoint", "model")]


def _damages(
    whole: bytes,
    damage: Callable[[bytes, np.random.Generator], bytes],
    rng: np.random.Generator,
    count: int,
) -> Iterator[bytes]:
    for _ in range(count):
        damaged = damage(whole, rng)
        if damaged != whole:
            yield damaged


def _flipped(whole: bytes, rng: np.random.Generator) -> bytes:
    bit = int(rng.integers(8 * len(whole)))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


def _cut(whole: bytes, rng: np.random.Generator) -> bytes:
    return whole[: rng.integers(len(whole))]


def _longer(whole: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(whole) + 1))
    return whole[:place] + rng.bytes(int(rng.integers(1, 9))) + whole[place:]


def _exchanged(whole: bytes, rng: np.random.Generator) -> bytes:
    first, second, third = sorted(int(place) for place in rng.integers(len(whole), size=3))
    return whole[:first] + whole[second:third] + whole[first:second] + whole[third:]


def _zeroed(whole: bytes, rng: np.random.Generator) -> bytes:
    place = int(rng.integers(len(whole)))
    length = len(whole[place : place + 512])
    return whole[:place] + bytes(length) + whole[place + length :]


def _without_a_line(whole: bytes, rng: np.random.Generator) -> bytes:
    lines = whole.splitlines(keepends=True)
    del lines[rng.integers(len(lines))]
    return b"".join(lines)
