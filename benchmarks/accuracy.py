"""Train, predict and score on real data through the command line, and keep the figures as JSON.

``python benchmarks/accuracy.py JOB`` runs one job of `JOBS`; OVERTILE_DATA names the folder of the
data sets. The pages that are scored are put aside first: they are neither trained on, nor do they
choose a model or a threshold. The result goes to ``benchmarks/results/accuracy/JOB.json``, and
`make tables` puts it into the documents.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_line import call
from data_sets import DATA_SETS, DataSet, put_aside
from machine import current_commit, describe_machine

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "accuracy"
WORK = HERE.parent / "runs"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One line of the results table."""

    data_set: DataSet
    recipe: str
    minutes: float
    predict_options: str = ""
    goals: dict[str, tuple[str, float]]
    """Figure to reach: name, then ``<=`` or ``>=`` and a value."""


JOBS = {
    "isbi2012-auto": Job(
        recipe="auto",
        minutes=30,
        data_set=DATA_SETS["isbi2012"],
        predict_options=" --tta flips8",
        goals={
            "rand_error": ("<=", 0.06),
            "v_rand": (">=", 0.98),
            "pixel_error": ("<=", 0.065),
        },
    ),
    "dsb2018-auto": Job(
        data_set=DATA_SETS["dsb2018"],
        recipe="auto",
        minutes=10,
        goals={"average_precision_50": (">=", 0.86)},
    ),
    "t98g-auto": Job(
        data_set=DATA_SETS["t98g"],
        recipe="auto",
        minutes=5,
        goals={"average_precision_50": (">=", 0.5)},
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
    scored = put_aside(job.data_set, data, folder)
    place = f"runs/{name}"
    commands = [
        f"overtile train {place}/train/images {place}/train/labels --out {place}/run --recipe "
        f"{job.recipe} --minutes {job.minutes:g}",
        f"overtile predict {place}/run {place}/test/images --out {place}/results --save "
        f"labels,foreground{job.predict_options}",
        f"overtile evaluate {place}/results {place}/test/labels --task {job.data_set.task}",
    ]
    trained, _, scores = (call(command, data) for command in commands)
    record = json.loads((folder / "run" / "run.json").read_text())
    history = json.loads((folder / "run" / "history.json").read_text())
    return {
        "job": name,
        "title": f"{job.data_set.title}, recipe {job.recipe}",
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
        "images": {
            "trained_on": len(record["training"]),
            "validated_on": len(record["validation"]),
            "scored": scored,
        },
        "decisions": trained["decisions"],
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
