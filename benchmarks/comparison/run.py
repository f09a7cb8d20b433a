"""Train recipe `auto` and its peers on the same images, for the same time, and score them alike.

``python benchmarks/comparison/run.py`` runs all cells that have no result yet, ``run.py PART...``
only those whose names hold one of the words; ``--list`` says what is missing and how long it takes.
OVERTILE_DATA names the folder of the data sets. Each result goes to
``benchmarks/results/comparison/CELL.json`` as soon as it is there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "baselines")]

from cells import METHODS, RECIPES, Cell, all_cells  # noqa: E402
from command_line import call  # noqa: E402
from data_sets import DATA_SETS, put_aside  # noqa: E402
from machine import current_commit, describe_machine, keep_to  # noqa: E402
from peer_environment import peer_python  # noqa: E402

RESULTS = HERE.parent / "results" / "comparison"
WORK = ROOT / "runs" / "comparison"


def main() -> None:
    """Run the cells that are asked for and missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="of a name, such as isbi2012-all")
    parser.add_argument("--core", type=int, help="compute on this core only, with one thread")
    parser.add_argument("--list", action="store_true", help="say what is missing, run nothing")
    given = parser.parse_args()
    missing = [cell for cell in all_cells() if not (RESULTS / f"{cell.name}.json").exists()]
    missing = [cell for cell in missing if _asked(cell, given.parts)]
    minutes = sum(cell.expected_minutes for cell in missing)
    print(f"{len(missing)} cells are missing, about {minutes:.0f} minutes", flush=True)
    if given.list:
        print("\n".join(cell.name for cell in missing))
        return
    data = os.environ.get("OVERTILE_DATA")
    if data is None:
        sys.exit("error: OVERTILE_DATA is not set; name the folder of the data sets")
    if given.core is not None:
        keep_to(given.core)
    os.chdir(ROOT)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for cell in missing:
        result = run(cell, Path(data).resolve())
        (RESULTS / f"{cell.name}.json").write_text(json.dumps(result, indent=1) + "\n")
        first = DATA_SETS[cell.data].figures[0]
        print(f"{cell.name}: {first} {result['summary'][first]:.4f}", flush=True)


def _asked(cell: Cell, parts: list[str]) -> bool:
    return not parts or any(part in cell.name for part in parts)


def run(cell: Cell, data: Path) -> dict[str, Any]:
    """Train, predict and score one cell."""
    data_set, folder = DATA_SETS[cell.data], WORK / cell.name
    put_aside(data_set, data, folder, images=cell.images, seed=cell.seed)
    place = folder.relative_to(ROOT).as_posix()
    began = time.monotonic()
    told = _train_here(cell, place, data) if cell.method in RECIPES else _train_peer(cell, place)
    told["whole_seconds"] = round(time.monotonic() - began, 1)
    evaluate = f"overtile evaluate {place}/results {place}/test/labels --task {data_set.task}"
    scores = call(evaluate, data)
    return {
        "command": f"python benchmarks/comparison/run.py {cell.name}",
        "commit": current_commit(),
        "machine": describe_machine(),
        "data": cell.data,
        "images": sorted(path.stem for path in (folder / "train" / "images").iterdir()),
        "all_images": cell.images is None,
        "minutes": cell.minutes,
        "cores": len(os.sched_getaffinity(0)),
        "method": cell.method,
        "title": METHODS[cell.method],
        "seed": cell.seed,
        **told,
        "evaluate": evaluate,
        "summary": scores["summary"],
        "per_image": scores["per_image"],
        "convention": scores["convention"],
    }


def _train_here(cell: Cell, place: str, data: Path) -> dict[str, Any]:
    kind = DATA_SETS[cell.data].kind
    commands = [
        f"overtile train {place}/train/images {place}/train/labels --out {place}/run --labels "
        f"{kind} --recipe {RECIPES[cell.method]} --minutes {cell.minutes:g} --seed {cell.seed} "
        "--device cpu",
        f"overtile predict {place}/run {place}/test/images --out {place}/results --save "
        "labels,foreground --device cpu",
    ]
    trained, _ = (call(command, data) for command in commands)
    run_folder = WORK / cell.name / "run"
    record = json.loads((run_folder / "run.json").read_text())
    history = json.loads((run_folder / "history.json").read_text())
    return {
        "commands": commands,
        "steps": trained["steps"],
        "best_step": trained["best_step"],
        "training_seconds": history["seconds"],
        "threads": record["threads"],
        "decisions": trained["decisions"],
        "recipe": record["recipe"],
    }


def _train_peer(cell: Cell, place: str) -> dict[str, Any]:
    words = [HERE / "peer_job.py", cell.method, place, "--kind", DATA_SETS[cell.data].kind]
    options = ["--minutes", f"{cell.minutes:g}", "--seed", f"{cell.seed}"]
    subprocess.run([str(peer_python()), *map(str, words), *options], check=True)
    told: dict[str, Any] = json.loads((WORK / cell.name / "training.json").read_text())
    return told


if __name__ == "__main__":
    main()
