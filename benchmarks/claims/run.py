"""Put a number beside each claim of the paper; every trial that ends is kept, and not run again.

``python benchmarks/claims/run.py`` runs what is missing, ``run.py TRIAL`` one trial again, and
``run.py --rescore`` scores the networks that were trained once more, without training them.
OVERTILE_DATA names the folder of the data sets.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from machine import current_commit, describe_machine  # noqa: E402
from trial import Trial, run_trial  # noqa: E402
from trials import all_trials  # noqa: E402

RESULTS = HERE.parent / "results" / "claims"
WORK = HERE.parents[1] / "runs" / "claims"
MINUTES_A_TRIAL = 2.0
"""On one core of the machine that the results name."""


def main() -> None:
    """Run the trials that are asked for."""
    arguments = _arguments()
    data = os.environ.get("OVERTILE_DATA")
    if data is None:
        sys.exit("error: OVERTILE_DATA is not set; name the folder of the data sets")
    chosen = _choose(arguments)
    minutes = MINUTES_A_TRIAL * (0.1 if arguments.rescore else 1) * len(chosen)
    print(f"{len(chosen)} trials, about {minutes:.0f} minutes on one core", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for trial in chosen:
        began = time.monotonic()
        result = _run(trial, Path(data), arguments.threads, rescore=arguments.rescore)
        (RESULTS / f"{trial.name}.json").write_text(json.dumps(result, indent=1) + "\n")
        first = next(iter(result["summary"].items()))
        print(
            f"{trial.name}: {first[0]} {first[1]:.4f}, {time.monotonic() - began:.0f} s", flush=True
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", nargs="*", help="names; all that are missing by default")
    parser.add_argument("--claim", help="only the trials of one claim")
    parser.add_argument("--seed", type=int, help="only the trials with this seed")
    parser.add_argument("--rescore", action="store_true", help="score again, train nothing")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def _choose(arguments: argparse.Namespace) -> list[Trial]:
    known = list(all_trials())
    unknown = set(arguments.trials) - {trial.name for trial in known}
    if unknown:
        sys.exit(f"error: no trial {', '.join(sorted(unknown))}; trials.py names them")
    chosen = [
        trial
        for trial in known
        if (not arguments.trials or trial.name in arguments.trials)
        and arguments.claim in (None, trial.claim)
        and arguments.seed in (None, trial.seed)
    ]
    if arguments.rescore:
        return [trial for trial in chosen if (WORK / trial.name / "weights.safetensors").exists()]
    if arguments.trials:
        return chosen
    return [trial for trial in chosen if not (RESULTS / f"{trial.name}.json").exists()]


def _run(trial: Trial, data: Path, threads: int, *, rescore: bool) -> dict[str, Any]:
    target = RESULTS / f"{trial.name}.json"
    if not rescore:
        shutil.rmtree(WORK / trial.name, ignore_errors=True)
    earlier = json.loads(target.read_text()) if target.exists() else {}
    result = run_trial(trial, data, WORK / trial.name, threads)
    return {
        "trial": trial.name,
        "claim": trial.claim,
        "condition": trial.condition,
        "data": trial.data,
        "command": f"python benchmarks/claims/run.py {trial.name}",
        "commit": earlier.get("commit") if rescore else current_commit(),
        "scored_at": current_commit(),
        "machine": earlier.get("machine") if rescore else describe_machine(),
        "seed": trial.seed,
        "steps": trial.steps,
        "threads": threads,
        "shape": trial.shape,
        "start": trial.start,
        **trial.extra,
        **{key: earlier[key] for key in ("seconds", "losses") if key in earlier},
        **result,
    }


if __name__ == "__main__":
    main()
