"""What chosen thresholds and growth give against the plain scheme of the paper: objects that touch.

``python benchmarks/annotation/objects.py`` scores the models that ``benchmarks/accuracy.py
dsb2018-auto`` and ``t98g-auto`` left in ``runs/``, on the images that these put aside: once as
`overtile predict` makes objects, once as connected components above one half.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from machine import current_commit, describe_machine  # noqa: E402

from overtile.config import PredictionConfig  # noqa: E402
from overtile.inference.predict import Predictor  # noqa: E402
from overtile.model.file import load_model  # noqa: E402
from overtile.training.validation import validate  # noqa: E402
from overtile.workflows.annotated import Source, read_annotated  # noqa: E402

RESULTS = HERE.parent / "results" / "objects"
RUNS = HERE.parents[1] / "runs"
JOBS = {"dsb2018-fluorescence": "dsb2018-auto", "t98g-phase-contrast": "t98g-auto"}
FIGURES = ("average_precision_50", "average_precision_75", "seg", "merges", "splits")


def main() -> None:
    """Score both ways on every data set whose run is there."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for data, job in JOBS.items():
        if not (RUNS / job / "run" / "model.safetensors").exists():
            print(f"{data}: left out, for there is no run; python benchmarks/accuracy.py {job}")
            continue
        result = {
            "command": "python benchmarks/annotation/objects.py",
            "commit": current_commit(),
            "machine": describe_machine(),
            "data": data,
            "schemes": score(RUNS / job),
        }
        (RESULTS / f"{data}.json").write_text(json.dumps(result, indent=1) + "\n")
        print(data, json.dumps(result["schemes"], indent=1))


def score(folder: Path) -> dict[str, dict[str, Any]]:
    """Score the images that a job put aside, by the plain scheme and by the model's own."""
    network, model = load_model(folder / "run")
    test = folder / "test"
    source = Source(
        images=str(test / "images"), labels=str(test / "labels"), label_kind="instances"
    )
    images = read_annotated(source).annotated()
    plain = PredictionConfig(smallest_object_px=model.prediction.smallest_object_px)
    predictor = Predictor(network=network, precision=model.precision)
    found = {}
    for name, config in (("plain", plain), ("chosen", model.prediction)):
        summary = validate(predictor, images, "instances", config, model.class_names).scores.summary
        found[name] = {
            "prediction": config.model_dump(),
            **{figure: summary[figure] for figure in FIGURES},
        }
    return found


if __name__ == "__main__":
    main()
