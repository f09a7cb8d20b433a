"""One tiny training set and one run on it, made once, for the tests of the upper floors."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import settings
from numpy.typing import NDArray

from overtile.data.synthetic import generate

WriteTiff = Callable[[Path, NDArray[Any]], Path]

# How long an example takes says nothing on a machine that others use as well.
settings.register_profile("overtile", deadline=None)
settings.load_profile("overtile")

# A shell lets its background jobs ignore Ctrl-C, `nohup` a terminal that closes, and so do commands
# that they start; the tests send both.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

TINY_RECIPE = """
extends = "paper"
name = "tiny"

[network]
base_channels = 4
depth = 1
batch_norm = true
dropout = 0.2

[optimiser]
name = "adamw"
momentum = 0.9
learning_rate = 1e-2

[training]
tile_output = 32
validations = 3
"""


def write(path: Path, array: NDArray[Any]) -> Path:
    """Write a TIFF of the array as it is, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, array, photometric="minisblack")
    return path


@pytest.fixture(scope="session")
def write_tiff() -> WriteTiff:
    return write


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images of 64 px and 0.5 µm a pixel, and their labels; to be read only."""
    folder = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels, labels = generate("cells", (64, 64), rng)
        path = write(folder / "images" / f"cell{number}.tif", pixels)
        tifffile.imwrite(path, pixels, imagej=True, resolution=(2, 2), metadata={"unit": "um"})
        write(folder / "labels" / f"cell{number}.tif", labels.astype(np.uint16))
    return folder


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that trains a step in milliseconds."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(TINY_RECIPE, "utf-8")
    return path


@pytest.fixture(scope="session")
def trained(cells: Path, tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of twelve steps on one thread; to be read only."""
    import torch

    from overtile.workflows.annotated import Source
    from overtile.workflows.train import train
    from overtile.workflows.train_request import TrainRequest

    out = tmp_path_factory.mktemp("run") / "run"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    request = TrainRequest(
        source=Source(images=str(cells / "images"), labels=str(cells / "labels")),
        out=out,
        recipe=str(tiny_recipe),
        steps=12,
        device="cpu",
    )
    train(request)
    torch.set_num_threads(threads)
    return out


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute as a process does that was started on one thread, so that results are equal."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
