"""Train, predict and score on real data through the command line, and keep the figures as JSON.

``python benchmarks/accuracy.py JOB`` runs one job of `JOBS`; OVERTILE_DATA names the folder of the
data sets. The result goes to ``benchmarks/results/accuracy/JOB.json``, and `make tables` puts it
into the documents.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_line import call
from machine import current_commit, describe_machine

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "accuracy"
WORK = HERE.parent / "runs"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One line of the results table."""

    title: str
    images: str
    """Below the data folder, as are `labels`."""

    labels: str
    held_out: tuple[int, ...]
    """Pages that are not trained on, and the only ones that are scored."""

    recipe: str
    minutes: float
    task: str
    goals: dict[str, tuple[str, float]]
    """Figure to reach: name, then ``<=`` or ``>=`` and a value."""


EM = {
    "images": "isbi2012/train-volume.tif",
    "labels": "isbi2012/train-labels.tif",
    "held_out": (3, 9, 17, 22),
    "task": "isbi2012",
}
JOBS = {
    "isbi2012-auto": Job(
        title="EM membranes (ISBI 2012), recipe auto",
        recipe="auto",
        minutes=20,
        goals={"rand_error": ("<=", 0.09), "pixel_error": ("<=", 0.07)},
        **EM,
    ),
    "dsb2018-auto": Job(
        title="Fluorescence nuclei (DSB 2018), recipe auto",
        images="dsb2018-fluorescence/images",
        labels="dsb2018-fluorescence/labels",
        held_out=tuple(range(0, 124, 5)),
        recipe="auto",
        minutes=10,
        task="instances",
        goals={"average_precision_50": (">=", 0.80)},
    ),
}


def main() -> None:
    """Run the job that is named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=JOBS)
    name = parser.parse_args().job
    data = os.environ.get("OVERTILE_DATA")
    if data is None:
        sys.exit("error: OVERTILE_DATA is not set; name the folder of the data sets")
    os.chdir(HERE.parent)
    result = run(name, JOBS[name], Path(data).resolve())
    RESULTS.mkdir(parents=True, exist_ok=True)
    target = RESULTS / f"{name}.json"
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{target}: " + ", ".join(f"{goal}" for goal in result["goals"]))


def run(name: str, job: Job, data: Path) -> dict[str, Any]:
    """Run the three commands of a job and gather what they say."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    pages = ",".join(map(str, job.held_out))
    images, labels = f"$OVERTILE_DATA/{job.images}", f"$OVERTILE_DATA/{job.labels}"
    run_folder, results = f"runs/{name}/run", f"runs/{name}/results"
    commands = [
        f"overtile train {images} {labels} --out {run_folder} --recipe {job.recipe} "
        f"--minutes {job.minutes:g} --validation-pages {pages}",
        f"overtile predict {run_folder} {images} --out {results} --save labels,foreground",
        f"overtile evaluate {results} {labels} --task {job.task} --pages {pages}",
    ]
    trained, _, scores = (call(command, data) for command in commands)
    record = json.loads((WORK.parent / run_folder / "run.json").read_text())
    history = json.loads((WORK.parent / run_folder / "history.json").read_text())
    return {
        "job": name,
        "title": job.title,
        "command": f"python benchmarks/accuracy.py {name}",
        "commands": commands,
        "commit": current_commit(),
        "machine": describe_machine(),
        "seed": record["seed"],
        "minutes": job.minutes,
        "threads": record["threads"],
        "steps": trained["steps"],
        "best_step": trained["best_step"],
        "peak_memory_mb": history["peak_memory_mb"],
        "images": {"trained_on": len(record["training"]), "scored": len(job.held_out)},
        "decisions": record["decisions"],
        "recipe": record["recipe"],
        "summary": scores["summary"],
        "spread": scores["spread"],
        "per_image": scores["per_image"],
        "convention": scores["convention"],
        "validations": [
            {key: round(entry[key], 4) for key in ("step", "seconds", *job.goals)}
            for entry in history["validations"]
        ],
        "goals": [
            {
                "figure": figure,
                "goal": f"{sign} {value}",
                "reached": round(scores["summary"][figure], 4),
                "met": _met(scores["summary"][figure], sign, value),
            }
            for figure, (sign, value) in job.goals.items()
        ],
    }


def _met(value: float, sign: str, goal: float) -> bool:
    return value <= goal if sign == "<=" else value >= goal


if __name__ == "__main__":
    main()
