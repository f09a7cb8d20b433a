"""Images of 25 to 1600 megapixels under one bound of memory, through the command line.

``python benchmarks/speed/huge.py`` takes about ten minutes on two cores, most of it for the
largest image; ``--sides 5000,20000`` measures some. Images are tiled TIFFs of synthetic cells, the
network a narrow one that is trained for them first. Each prediction is a process of its own, whose
peak of resident memory the system tells.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

sys.path.insert(0, str(Path(__file__).parents[1]))

from machine import current_commit, describe_machine

from overtile.arrays import Pixels
from overtile.data.synthetic import generate

ROOT = Path(__file__).parents[2]
WORK = ROOT / "runs" / "huge"
RESULT = ROOT / "benchmarks" / "results" / "speed" / "huge.json"
COMMAND = "python benchmarks/speed/huge.py"
SIDES = (5000, 20_000, 40_000)
MEMORY = "1.2GB"
PATCH_PX = 1024
RECIPE = """
extends = "auto"
name = "narrow"
[network]
base_channels = 8
depth = 4
binning = 1
"""


def main() -> None:
    """Predict images of each side, and write down what that took."""
    sides = SIDES
    if "--sides" in sys.argv:
        sides = tuple(int(side) for side in sys.argv[sys.argv.index("--sides") + 1].split(","))
    WORK.mkdir(parents=True, exist_ok=True)
    prepare()
    rows = []
    for side in sides:
        image = WORK / f"cells-{side}.tif"
        if not image.exists():
            write_cells(image, side)
        rows.append(_predict(image, side))
        print(json.dumps(rows[-1]), flush=True)
    content = {
        "command": COMMAND,
        "commit": current_commit(),
        "machine": describe_machine(),
        "memory": MEMORY,
        "rows": rows,
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(content, indent=1) + "\n")


def _predict(image: Path, side: int) -> dict[str, Any]:
    out = WORK / f"results-{side}"
    shutil.rmtree(out, ignore_errors=True)
    words = ["predict", WORK / "run", image, "--out", out, "--save", "labels", "--memory", MEMORY]
    began = time.perf_counter()
    peak = run(*words, "--explain", "--json", WORK / "told.json")
    seconds = time.perf_counter() - began
    shutil.rmtree(out)
    (objects,) = json.loads((WORK / "told.json").read_text())["objects"].values()
    return {
        "side_px": side,
        "megapixels": side**2 / 1e6,
        "seconds": round(seconds, 1),
        "seconds_per_megapixel": float(f"{seconds / side**2 * 1e6:.3g}"),
        "peak_memory_mb": round(peak / 1e6),
        "objects": objects,
    }


def prepare() -> None:
    """Train a narrow network on synthetic cells, if it is not there."""
    if (WORK / "run" / "model.safetensors").exists():
        return
    rng = np.random.default_rng(0)
    for number in range(6):
        pixels, labels = generate("cells", (256, 256), rng)
        for kind, array in (("images", pixels), ("labels", labels.astype(np.uint16))):
            (WORK / kind).mkdir(exist_ok=True)
            tifffile.imwrite(WORK / kind / f"{number}.tif", array)
    (WORK / "narrow.toml").write_text(RECIPE)
    words = ["train", WORK / "images", WORK / "labels", "--out", WORK / "run", "--minutes", "2"]
    run(*words, "--recipe", WORK / "narrow.toml", "--seed", "0")


def write_cells(path: Path, side: int) -> None:
    """Write a square of synthetic cells, the same patch again and again, turned and flipped."""
    patch, _ = generate("cells", (PATCH_PX, PATCH_PX), np.random.default_rng(1))
    versions = [np.rot90(base, turns) for base in (patch, patch[:, ::-1]) for turns in range(4)]

    def tiles() -> Iterator[Pixels]:
        rng = np.random.default_rng(2)
        for _ in range(-(-side // PATCH_PX)):
            chosen = [versions[i] for i in rng.integers(0, 8, -(-side // PATCH_PX))]
            for row in range(0, PATCH_PX, 512):
                for one in chosen:
                    for column in range(0, PATCH_PX, 512):
                        yield np.ascontiguousarray(one[row : row + 512, column : column + 512])

    whole = -(-side // 512)
    count = -(-side // PATCH_PX) * 2

    def cut() -> Iterator[Pixels]:
        for number, tile in enumerate(tiles()):
            if number // count < whole and number % count < whole:
                yield tile

    tifffile.imwrite(
        path,
        cut(),
        shape=(side, side),
        dtype=np.uint8,
        tile=(512, 512),
        compression="zlib",
        bigtiff=True,
        photometric="minisblack",
    )


def run(*words: object) -> int:
    """Run a command and give its peak of resident memory in bytes."""
    started = subprocess.Popen([sys.executable, "-m", "overtile", *map(str, words)])
    _, status, used = os.wait4(started.pid, 0)
    if status:
        sys.exit(f"error: overtile {words[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_maxrss * 1024


if __name__ == "__main__":
    main()
