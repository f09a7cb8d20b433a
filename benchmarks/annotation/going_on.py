"""Does training from an earlier model, in a tenth of the steps, reach what a new start reaches?

``python benchmarks/annotation/going_on.py`` trains on a part of the annotated images, then on all
of them: anew, from the first model in a tenth of the steps, and anew in a tenth of the steps.
Images that nobody has seen score them. Every pair of a data set and a seed that ends is kept in
``benchmarks/results/going_on/``, and not run again. OVERTILE_DATA names the folder of the data
sets.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "claims")]

from machine import current_commit, describe_machine  # noqa: E402
from seeds import run_missing  # noqa: E402
from trial import Trial, read_split  # noqa: E402

from overtile.inference.predict import Predictor  # noqa: E402
from overtile.model.unet import UNet  # noqa: E402
from overtile.training.fingerprint import small_object_px  # noqa: E402
from overtile.training.loop import first_state, train_steps  # noqa: E402
from overtile.training.sampling import make_sampler  # noqa: E402
from overtile.training.schedule import Clock, Pace, RunLength  # noqa: E402
from overtile.training.validation import validate  # noqa: E402

RESULTS = HERE.parent / "results" / "going_on"
SEEDS = 3
FIRST_IMAGES = {"isbi2012": 10, "dsb2018-fluorescence": 30}
WHOLE, TENTH = 1500, 150
MINUTES = 14
"""About what one seed of one data set takes on one core."""


def run(name: str, seed: int, data: Path) -> dict[str, Any]:
    """Train four networks on one data set, and score them."""
    trial = Trial(
        name="",
        claim="",
        condition="",
        data=name,
        steps=WHOLE,
        seed=seed,
        settings={
            "network": {"base_channels": 12, "depth": 3},
            "training": {"tile_output": 196, "batch": 1, "average_decay": 0.98},
            "loss": {"w0": 0.0 if name == "isbi2012" else 5.0},
        },
    )
    kind, images, held_out = read_split(trial, data)
    recipe = trial.settled()
    if kind == "instances":
        smallest = {"smallest_object_px": small_object_px(images)}
        prediction = recipe.prediction.model_copy(update=smallest)
        recipe = recipe.model_copy(update={"prediction": prediction})

    def trained(count: int, steps: int, start: UNet | None = None) -> UNet:
        state = first_state(recipe, 1, 2, seed, torch.device("cpu"), start)
        sampler = make_sampler(recipe, kind, 2, seed, images[:count])
        for _ in train_steps(state, sampler, recipe, Pace(RunLength(steps=steps), Clock())):
            pass
        return state.best_guess().eval()

    def score(network: UNet) -> float:
        names = ("background", "object")
        predictor = Predictor(network=network)
        found = validate(predictor, held_out, kind, recipe.prediction, names).scores
        value = found.summary[found.headline]
        return round(1 - value if kind == "binary" else value, 4)

    few, every = FIRST_IMAGES[name], len(images)
    first = trained(few, WHOLE)
    return {
        "command": "python benchmarks/annotation/going_on.py",
        "commit": current_commit(),
        "machine": describe_machine(),
        "data": name,
        "seed": seed,
        "score": "Rand F-score" if kind == "binary" else "AP at IoU 0.5",
        "images": [few, every],
        "steps": [WHOLE, TENTH],
        "scores": {
            "first": score(first),
            "from": score(trained(every, TENTH, first)),
            "anew": score(trained(every, WHOLE)),
            "anew in a tenth": score(trained(every, TENTH)),
        },
    }


if __name__ == "__main__":
    run_missing(run, FIRST_IMAGES, SEEDS, RESULTS, minutes=MINUTES)
