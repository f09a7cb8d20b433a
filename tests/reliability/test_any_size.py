"""An image of any size, number of channels and type gives labels of its own size."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray

from overtile.config import NetworkConfig, PredictionConfig
from overtile.model.file import MODEL_NAME, ModelRecord, save_model
from overtile.model.unet import UNet
from overtile.workflows.predict import predict
from overtile.workflows.results import PredictRequest

Amount = Callable[[int, int], int]
Tally = Callable[..., None]

TILE = 20  # above the context of the network, and no multiple of its pooling grid
SIDES = (1, 2, 3, 7, 15, 16, 17, 31, 33, TILE - 1, TILE, TILE + 1, 2 * TILE + 1)
CHANNELS = (1, 2, 3, 4, 5)
DTYPES = ("uint8", "uint16", "int16", "float32")


def write_model(folder: Path, channels: int) -> None:
    """Write an untrained network that needs a moment for a tile."""
    torch.manual_seed(channels)
    config = NetworkConfig(base_channels=2, depth=1, batch_norm=False, dropout=0.0)
    record = ModelRecord(
        version="0.1.0",
        in_channels=channels,
        class_names=("background", "cell"),
        label_kind="instances",
        network=config,
        prediction=PredictionConfig(threshold=0.5, smallest_object_px=1),
        precision="fp32",
        recipe="paper",
        step=1,
    )
    save_model(folder / MODEL_NAME, UNet(channels, 2, config), record)


def pixels(rows: int, columns: int, channels: int, dtype: str) -> NDArray[Any]:
    """Draw grey values (C, Y, X), of one channel (Y, X), over most of the range of the type."""
    drawn = np.random.default_rng(rows * 100 + columns).normal(0.5, 0.2, (channels, rows, columns))
    scale = 1.0 if dtype == "float32" else float(np.iinfo(dtype).max)
    values = (np.clip(drawn, 0, 1) * scale).astype(dtype)
    return values[0] if channels == 1 else values


def cases(long: bool) -> list[tuple[int, int, int, str]]:
    """Give every combination, or few in which each pair of values of two properties occurs."""
    if long:
        return list(product(SIDES, SIDES, CHANNELS, DTYPES))
    return [
        (rows, columns, CHANNELS[(i + j) % 5], DTYPES[(i + j) % 4])
        for (i, rows), (j, columns) in product(enumerate(SIDES), enumerate(SIDES))
    ]


def test_the_short_tier_combines_every_two_values() -> None:
    chosen = cases(long=False)
    for first, second in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)):
        every = {(case[first], case[second]) for case in cases(long=True)}
        assert {(case[first], case[second]) for case in chosen} == every


@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("one_thread")
def test_labels_have_the_size_of_their_image(tmp_path: Path, amount: Amount, tally: Tally) -> None:
    chosen = cases(long=amount(0, 1) == 1)
    for channels in CHANNELS:
        (folder := tmp_path / f"{channels}").mkdir()
        (images := folder / "images").mkdir()
        write_model(folder, channels)
        sizes = {}
        for rows, columns, _, dtype in (case for case in chosen if case[2] == channels):
            name = f"{rows}x{columns}-{dtype}"
            image = pixels(rows, columns, channels, dtype)
            tifffile.imwrite(images / f"{name}.tif", image, photometric="minisblack")
            sizes[name] = (rows, columns)
        request = PredictRequest(
            model=folder,
            inputs=[str(images)],
            out=folder / "out",
            save=("labels",),
            device="cpu",
            axes="CYX" if channels > 1 else None,
        )
        assert predict(request).failed == ()
        found = {
            name: tifffile.imread(folder / "out" / f"{name}_labels.tif").shape for name in sizes
        }
        assert found == sizes
    tally("image sizes", len(chosen), len(chosen))
