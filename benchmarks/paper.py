"""The EM experiment of the paper (Table 1) on the slices that are public, by the command line.

``python benchmarks/paper.py`` trains recipe ``paper`` on all annotated slices but those held
out, predicts these as the mean over seven turned versions, and scores them. With a GPU the network
has its full width; without one a quarter of it (``recipes/paper-width16.toml``). A run that was
stopped goes on where it was. OVERTILE_DATA names the folder of the data sets.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from command_line import call
from machine import current_commit, describe_machine

from overtile.config import read_recipe
from overtile.training.fingerprint import Fingerprint
from overtile.training.plan import measure_step

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "paper"
HELD_OUT = "3,9,17,22"
PLANS = {
    "cuda": ("full-width", "paper", 40_000),
    "cpu": ("width16", "benchmarks/recipes/paper-width16.toml", 3600),
}
"""By device: name of the result, recipe and steps."""


def main() -> None:
    """Train or go on, predict, score, and keep the figures."""
    data = os.environ.get("OVERTILE_DATA")
    if data is None:
        sys.exit("error: OVERTILE_DATA is not set; name the folder of the data sets")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name, recipe, steps = PLANS[device]
    os.chdir(ROOT)
    print(f"{name}: {steps} steps, {_expected(recipe, steps, device)} if begun anew", flush=True)
    images, labels = (f"$OVERTILE_DATA/isbi2012/train-{part}.tif" for part in ("volume", "labels"))
    run, results = f"runs/paper/{name}/run", f"runs/paper/{name}/results"
    train = (
        f"overtile train {images} {labels} --out {run} --recipe {recipe} --steps {steps} "
        f"--validation-pages {HELD_OUT}"
    )
    commands = [
        train,
        f"overtile predict {run}/last.safetensors {images} --out {results} --save foreground "
        "--tta rotations7",
        f"overtile evaluate {results} {labels} --task isbi2012 --pages {HELD_OUT}",
    ]
    if not _history(run).get("finished"):
        call(train + (" --resume" if Path(run, "run.json").exists() else ""), Path(data))
    _, scores = (call(command, Path(data)) for command in commands[1:])
    record = json.loads(Path(run, "run.json").read_text())
    history = _history(run)
    result = {
        "command": "python benchmarks/paper.py",
        "commands": commands,
        "commit": current_commit(),
        "machine": describe_machine(),
        "seed": record["seed"],
        "threads": record["threads"],
        "steps": history["step"],
        "minutes": round(history["seconds"] / 60, 1),
        "peak_memory_mb": history["peak_memory_mb"],
        "images": {"trained_on": len(record["training"]), "scored": len(record["validation"])},
        "recipe": record["recipe"],
        "validations": history["validations"],
        **{key: scores[key] for key in ("summary", "spread", "per_image", "convention")},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")


def _history(run: str) -> dict[str, Any]:
    path = Path(run, "history.json")
    return json.loads(path.read_text()) if path.exists() else {}


def _expected(recipe: str, steps: int, device: str) -> str:
    """Measure a step of the recipe, and say how long all of them take."""
    facts = Fingerprint(sizes=((512, 512),), channels=1, classes=2, label_kind="binary")
    seconds = measure_step(read_recipe(recipe), facts, torch.device(device))
    minutes = steps * seconds / 60
    return f"about {minutes:.0f} minutes at {seconds:.2g} s a step, and a tenth of that for scores"


if __name__ == "__main__":
    main()
