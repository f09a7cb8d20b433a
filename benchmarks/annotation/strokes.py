"""Do strokes on a twentieth of the pixels teach nine tenths of what full labels do, in equal time?

``python benchmarks/annotation/strokes.py`` trains recipe `auto` by the command line, once on full
labels and once on strokes of a simulated brush, and scores images that nobody has seen. Every pair
of a data set and a seed that ends is kept in ``benchmarks/results/strokes/``, and not run again;
``--core N`` computes on one core. OVERTILE_DATA names the folder of the data sets.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import tifffile

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from brush import paint  # noqa: E402
from command_line import call  # noqa: E402
from data_sets import DATA_SETS, DataSet, put_aside  # noqa: E402
from machine import current_commit, describe_machine  # noqa: E402
from seeds import run_missing  # noqa: E402

from overtile.data.targets import object_ids  # noqa: E402

RESULTS = HERE.parent / "results" / "strokes"
WORK = ROOT / "runs" / "strokes"
SEEDS = 3
NAMES = ("isbi2012", "dsb2018")
SHARE = 0.05
"""Of the pixels that strokes label."""

MINUTES = 5
MINUTES_OF_A_SEED = 14
"""About what both trainings take, with prediction and scores."""


def run(name: str, seed: int, data: Path) -> dict[str, Any]:
    """Train on full labels and on strokes, and score both."""
    os.chdir(ROOT)
    data_set, folder = DATA_SETS[name], WORK / f"{name}-seed{seed}"
    put_aside(data_set, data, folder, seed=seed)
    paint_all(data_set, folder / "train", seed)
    place = folder.relative_to(ROOT).as_posix()
    ways = {
        "all pixels": train_and_score(data_set, place, "labels", "", seed, data),
        "strokes": train_and_score(data_set, place, "strokes", " --sparse", seed, data),
    }
    first = data_set.figures[0]
    return {
        "command": "python benchmarks/annotation/strokes.py",
        "commit": current_commit(),
        "machine": describe_machine(),
        "cores": len(os.sched_getaffinity(0)),
        "data": name,
        "seed": seed,
        "minutes": MINUTES,
        "share": SHARE,
        "figure": first,
        "ways": ways,
        "scores": {way: told["summary"][first] for way, told in ways.items()},
    }


def paint_all(data_set: DataSet, train: Path, seed: int) -> None:
    """Write strokes beside the labels: 0 is not labelled, 1 background, 2… objects."""
    (train / "strokes").mkdir()
    for number, path in enumerate(sorted((train / "labels").iterdir())):
        ids = object_ids(tifffile.imread(path).astype("uint32"), data_set.kind)
        strokes = paint(ids, SHARE, 1000 * seed + number)
        if data_set.kind == "binary":
            strokes = strokes.clip(max=2)
        tifffile.imwrite(train / "strokes" / path.name, strokes.astype("uint16"))


def train_and_score(
    data_set: DataSet, place: str, labels: str, options: str, seed: int, data: Path
) -> dict[str, Any]:
    """Train, predict and evaluate by the command line."""
    run_folder, results = f"{place}/run-{labels}", f"{place}/results-{labels}"
    commands = [
        f"overtile train {place}/train/images {place}/train/{labels}{options} --out {run_folder} "
        f"--labels {data_set.kind} --minutes {MINUTES} --seed {seed} --device cpu",
        f"overtile predict {run_folder} {place}/test/images --out {results} --save "
        "labels,foreground --device cpu",
        f"overtile evaluate {results} {place}/test/labels --task {data_set.task}",
    ]
    trained, _, scored = (call(command, data) for command in commands)
    return {
        "commands": commands,
        "steps": trained["steps"],
        "decisions": trained["decisions"],
        "summary": scored["summary"],
    }


if __name__ == "__main__":
    run_missing(run, NAMES, SEEDS, RESULTS, minutes=MINUTES_OF_A_SEED)
