"""Train what the U-Net replaced and competes with, for equal time on one core, and score it.

``python benchmarks/baselines/run.py`` runs all that have no result yet, ``run.py NAME`` one of them
again; ``--score-only`` scores them anew from the probabilities left in ``runs/baselines/NAME``.
OVERTILE_DATA names the folder of the data sets. A result goes to
``benchmarks/results/baselines/NAME.json`` as soon as it is there.
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
    """Run the baselines that are asked for."""
    keep_to_one_core()
    from catalogue import BASELINES

    given = _arguments(list(BASELINES))
    data = os.environ.get("OVERTILE_DATA")
    if data is None:
        sys.exit("error: OVERTILE_DATA is not set; name the folder of the data sets")
    names = given.names or [
        name for name in BASELINES if (RESULTS / f"{name}.json").exists() == given.score_only
    ]
    if not given.score_only:
        chosen = [BASELINES[name] for name in names]
        minutes = sum(one.lengths * given.minutes + one.minutes_beside for one in chosen)
        print(f"{', '.join(names)}: expected {minutes:.0f} minutes", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in names:
        _run(name, Path(data).resolve(), given)


def _run(name: str, data: Path, given: argparse.Namespace) -> None:
    from assignment import Assignment
    from catalogue import BASELINES

    baseline, folder = BASELINES[name], WORK / name
    assignment = Assignment(folder=folder, data=data, minutes=given.minutes, seed=SEED)
    if not given.score_only:
        baseline.job(assignment)
    result = _result(name, baseline.title, assignment)
    target = RESULTS / f"{name}.json"
    target.write_text(json.dumps(result, indent=1) + "\n")
    if result["core_share"] < SHARED_BELOW:
        print(f"warning: it had {result['core_share']:.0%} of its core; run it again when quiet")
    rand_error = result["summary"]["rand_error"]
    print(f"{target}: Rand error {rand_error:.4f}, {result['steps']} steps", flush=True)


def keep_to_one_core() -> None:
    """Give this process and its children one core and one thread; before numpy and torch load."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(names))
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of training")
    parser.add_argument("--score-only", action="store_true", help="score again, train nothing")
    given = parser.parse_args()
    unknown = set(given.names) - set(names)
    if unknown:
        parser.error(f"no baseline {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return given


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
