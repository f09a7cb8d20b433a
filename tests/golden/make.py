"""Keep what this release writes, for all later ones to be held to it: model, prediction and run.

``python tests/golden/make.py`` makes ``tests/golden/VERSION``, once for each release. A folder that
is there is kept: what was released is never made again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tifffile

from overtile import __version__
from overtile.cli.main import main
from overtile.data.synthetic import generate

GOLDEN = Path(__file__).parent
RECIPE = """
extends = "paper"
name = "golden"

[network]
base_channels = 4
depth = 1
batch_norm = true

[optimiser]
name = "adamw"
momentum = 0.9
learning_rate = 1e-2

[training]
tile_output = 32
validations = 3
"""
STEPS = 300
SIDE_PX = 64


def make(folder: Path) -> None:
    """Train, predict and keep, by the commands that a user gives."""
    work = Path(tempfile.gettempdir()) / "golden"  # It is named in the record of the run.
    work.mkdir()
    (work / "golden.toml").write_text(RECIPE, "utf-8")
    rng = np.random.default_rng(0)
    for number in range(5):
        pixels, labels = generate("cells", (SIDE_PX, SIDE_PX), rng)
        for kind, array in (("images", pixels), ("labels", labels.astype(np.uint16))):
            (work / kind).mkdir(exist_ok=True)
            tifffile.imwrite(work / kind / f"{number}.tif", array, photometric="minisblack")
    folder.mkdir()
    shutil.copy(work / "images" / "4.tif", folder / "image.tif")
    for kind in ("images", "labels"):  # The image that is predicted was never seen.
        (work / kind / "4.tif").unlink()
    os.chdir(work)
    recipe = ("--recipe", "golden.toml", "--steps", str(STEPS), "--seed", "0")
    _run("train", "images", "labels", "--out", "run", *recipe)
    shutil.copy(work / "run" / "model.safetensors", folder)
    run = folder / "run"
    (run / "checkpoints").mkdir(parents=True)
    shutil.copy(max((work / "run" / "checkpoints").iterdir()), run / "checkpoints")
    for name in ("run.json", "history.json", "recipe.toml", "last.safetensors"):
        shutil.copy(work / "run" / name, run)
    save = "labels,foreground"
    _run("predict", "run", str(folder / "image.tif"), "--out", "results", "--exact", "--save", save)
    for kind in save.split(","):
        shutil.copy(work / "results" / f"image_{kind}.tif", folder / f"{kind}.tif")
    shutil.rmtree(work)


def _run(*arguments: str) -> None:
    if main([*arguments, "--device", "cpu"]) != 0:
        raise SystemExit(f"overtile {arguments[0]} failed")


if __name__ == "__main__":
    make(GOLDEN / __version__)
