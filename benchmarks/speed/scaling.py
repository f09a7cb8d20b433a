"""How time and memory grow: with the image, with objects, with files, with threads; and the plots.

``python benchmarks/speed/scaling.py`` takes about six minutes on two cores, with the images and
the network of ``huge.py``; ``--plot`` only draws ``docs/scaling.svg`` again.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import tifffile
import torch
from huge import MEMORY, WORK, prepare, run, write_cells
from machine import current_commit, describe_machine
from numpy.typing import NDArray
from scipy import ndimage as ndi

from overtile.config import NetworkConfig
from overtile.data.synthetic import generate
from overtile.data.weight_map import border_weight_map
from overtile.evaluation import contingency
from overtile.inference.instances import label_instances
from overtile.inference.predict import Predictor
from overtile.model.unet import UNet

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "benchmarks" / "results" / "speed" / "scaling.json"
PLOT = ROOT / "docs" / "scaling.svg"
COMMAND = "python benchmarks/speed/scaling.py"
SIDES = (512, 1024, 2048, 5000, 10_000, 20_000)
OBJECTS = (10, 100, 1000, 10_000, 100_000)
FILES = (1, 10, 100, 1000, 10_000)
OBJECTS_SIDE_PX = 4096
TINY = """
extends = "paper"
name = "tiny"
[network]
base_channels = 4
depth = 1
[training]
tile_output = 32
validations = 1
"""


def main() -> None:
    """Measure all, keep it, and draw it."""
    if "--plot" not in sys.argv:
        prepare()
        content = {
            "command": COMMAND,
            "commit": current_commit(),
            "machine": describe_machine(),
            "image": [_image(side) for side in SIDES],
            "objects": [_objects(count) for count in OBJECTS],
            "files": [_files(count) for count in FILES],
            "threads": [_threads(count) for count in (1, 2)],
        }
        RESULT.write_text(json.dumps(content, indent=1) + "\n")
    _plot(json.loads(RESULT.read_text()))


def _image(side: int) -> dict[str, Any]:
    """Predict an image by the command line: start of the program and all."""
    image, out = WORK / f"cells-{side}.tif", WORK / f"results-{side}"
    if not image.exists():
        write_cells(image, side)
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    words = ["predict", WORK / "run", image, "--out", out, "--save", "labels", "--memory", MEMORY]
    peak = run(*words)
    seconds = time.perf_counter() - began
    shutil.rmtree(out)
    return {
        "megapixels": side**2 / 1e6,
        "seconds": round(seconds, 2),
        "peak_memory_mb": round(peak / 1e6),
    }


def _objects(count: int) -> dict[str, Any]:
    """Time what handles objects, on one image with more and more of them."""
    labels = _discs(count)
    inside = (labels > 0).astype(np.float32)
    shifted = np.roll(labels, 2, axis=1)
    return {
        "objects": int(labels.max()),
        "label_s": _seconds(lambda: label_instances(inside)),
        "weight_map_s": _seconds(lambda: border_weight_map(labels)),
        "contingency_s": _seconds(lambda: contingency(labels, shifted)),
    }


def _discs(count: int) -> NDArray[np.uint32]:
    """Spread discs over a grid, so large that they fill a third of the image."""
    side = math.ceil(math.sqrt(count))
    step = OBJECTS_SIDE_PX / side
    y, x = (np.arange(OBJECTS_SIDE_PX)[:, None] % step, np.arange(OBJECTS_SIDE_PX)[None, :] % step)
    radius = min(step / 3, 60)
    mask = (y - step / 2) ** 2 + (x - step / 2) ** 2 < radius**2
    labels = ndi.label(mask)[0]
    return np.where(labels <= count, labels, 0).astype(np.uint32)


def _files(count: int) -> dict[str, Any]:
    """Time a training of one step on so many small images: all is read, checked and digested."""
    folder = WORK / f"files-{count}"
    shutil.rmtree(folder, ignore_errors=True)
    pixels, labels = generate("cells", (64, 64), np.random.default_rng(0))
    for kind, array in (("images", pixels), ("labels", labels.astype(np.uint16))):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            tifffile.imwrite(folder / kind / f"{number}.tif", array)
    recipe = folder / "tiny.toml"
    recipe.write_text(TINY)
    began = time.perf_counter()
    words = ["train", folder / "images", folder / "labels", "--out", folder / "run"]
    run(*words, "--recipe", recipe, "--steps", 1, "--validation", 0)
    seconds = time.perf_counter() - began
    shutil.rmtree(folder)
    return {"files": count, "seconds": round(seconds, 2)}


def _threads(count: int) -> dict[str, Any]:
    code = f"import scaling; print(scaling.predicted_seconds({count}))"
    environment = os.environ | {"OMP_NUM_THREADS": str(count)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parent,
    )
    return {"threads": count, "seconds": float(done.stdout)}


def predicted_seconds(threads: int) -> float:
    """Predict 2048×2048 px by a network of 32 base channels in bf16; the median of three."""
    torch.set_num_threads(threads)
    network = UNet(1, 2, NetworkConfig(base_channels=32)).eval()
    predictor = Predictor(network=network, precision="bf16")
    pixels = np.random.default_rng(0).normal(size=(1, 2048, 2048)).astype(np.float32)
    return _seconds(lambda: predictor.probabilities(pixels))


def _seconds(job: Callable[[], object]) -> float:
    job()
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - began)
    return float(f"{statistics.median(seconds):.4g}")


def _plot(content: dict[str, Any]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "scaling"
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 4, figsize=(13, 3), layout="constrained")
    image = content["image"]
    megapixels = [row["megapixels"] for row in image]
    _draw(panels[0], megapixels, [row["seconds"] for row in image], "megapixels", "seconds")
    panels[0].set_ylim(1, 100)
    panels[0].set_title("Predicting an image")
    memory = [row["peak_memory_mb"] for row in image]
    _draw(panels[1], megapixels, memory, "megapixels", "peak memory, MB")
    panels[1].set_yscale("linear")
    panels[1].set_ylim(0, 1300)
    panels[1].axhline(1200, color="0.6", linestyle=":")
    panels[1].set_title(f"Its memory, --memory {MEMORY}")
    objects = [row["objects"] for row in content["objects"]]
    named = {"label": "labelling", "weight_map": "weight map", "contingency": "scoring"}
    for key, name in named.items():
        values = [row[f"{key}_s"] for row in content["objects"]]
        _draw(panels[2], objects, values, "objects in 17 megapixels", "seconds", name)
    panels[2].legend(frameon=False, fontsize=8)
    panels[2].set_ylim(0.01, 10)
    panels[2].set_title("Objects")
    files = [row["files"] for row in content["files"]]
    seconds = [row["seconds"] for row in content["files"]]
    _draw(panels[3], files, seconds, "training images", "seconds to the first step")
    panels[3].set_ylim(1, 100)
    panels[3].set_title("Starting to train")
    figure.savefig(PLOT, metadata={"Date": None})


def _draw(panel: Any, x: list[float], y: list[float], across: str, up: str, name: str = "") -> None:  # noqa: ANN401
    panel.loglog(x, y, marker="o", markersize=4, label=name)
    panel.set_xlabel(across)
    panel.set_ylabel(up)
    panel.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
