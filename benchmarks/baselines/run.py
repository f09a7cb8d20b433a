"""Train what the U-Net replaced and competes with, for equal time on one core, and score it.

``python benchmarks/baselines/run.py NAME`` runs one baseline, ``--score-only`` scores it again from
the probabilities it left in ``runs/baselines/NAME``. OVERTILE_DATA names the folder of the data
sets. The result goes to ``benchmarks/results/baselines/NAME.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assignment import Assignment

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "baselines"
WORK = HERE.parents[1] / "runs" / "baselines"
MINUTES = 5.0
SEED = 0
SHARED_BELOW = 0.9
"""Less than this share of the core, and the minutes were not equal."""


def main() -> None:
    """Run the baseline that is named on the command line."""
    keep_to_one_core()
    from assignment import Assignment
    from catalogue import BASELINES

    given = _arguments(list(BASELINES))
    target = RESULTS / f"{given.name}.json"
    if target.exists() and not (given.again or given.score_only):
        sys.exit(f"{target} is there; --again replaces it")
    data = os.environ.get("OVERTILE_DATA")
    if data is None:
        sys.exit("error: OVERTILE_DATA is not set; name the folder of the data sets")
    baseline = BASELINES[given.name]
    assignment = Assignment(
        folder=WORK / given.name, data=Path(data).resolve(), minutes=given.minutes, seed=SEED
    )
    if not given.score_only:
        minutes = baseline.lengths * given.minutes + baseline.minutes_beside
        print(f"{given.name}: expected {minutes:.0f} minutes", flush=True)
        baseline.job(assignment)
    result = _result(given.name, baseline.title, assignment)
    RESULTS.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    if result["core_share"] < SHARED_BELOW:
        print(f"warning: it had {result['core_share']:.0%} of its core; run it again when quiet")
    print(f"{target}: Rand error {result['summary']['rand_error']:.4f}, {result['steps']} steps")


def keep_to_one_core() -> None:
    """Give this process and its children one core and one thread; before numpy and torch load."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=names)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of training")
    parser.add_argument("--again", action="store_true", help="replace a result that is there")
    parser.add_argument(
        "--score-only", action="store_true", help="score what is there, no training"
    )
    return parser.parse_args()


def _result(name: str, title: str, assignment: Assignment) -> dict[str, Any]:
    from scoring import score

    training = json.loads(assignment.training.read_text())
    return {
        "job": name,
        "title": title,
        "command": f"python benchmarks/baselines/run.py {name} --minutes {training['minutes']:g}",
        **training,
        **score(assignment),
    }


if __name__ == "__main__":
    main()
