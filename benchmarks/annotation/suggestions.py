"""Is it worth asking what to annotate next? Regions by `suggest` against regions drawn at random.

``python benchmarks/annotation/suggestions.py`` annotates real images region by region, as a person
would who either takes the regions that `overtile suggest` names or takes any, trains anew after
each round, and scores images that are never chosen from. Every pair of a data set and a seed that
ends is kept in ``benchmarks/results/suggestions/``, and not run again. OVERTILE_DATA names the
folder of the data sets.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "claims")]

from machine import current_commit, describe_machine  # noqa: E402
from seeds import run_missing  # noqa: E402
from trial import DATA_SETS, DataSet  # noqa: E402

from overtile.config import Recipe, read_recipe  # noqa: E402
from overtile.data.sample import Annotated  # noqa: E402
from overtile.inference.predict import Predictor  # noqa: E402
from overtile.inference.region_labels import Region  # noqa: E402
from overtile.inference.suggest import cut_regions, disagreement, looks, rank  # noqa: E402
from overtile.model.unet import UNet  # noqa: E402
from overtile.training.loop import TrainingState, train_steps  # noqa: E402
from overtile.training.sampling import make_sampler  # noqa: E402
from overtile.training.schedule import Clock, Pace, RunLength  # noqa: E402
from overtile.training.validation import validate  # noqa: E402
from overtile.workflows.annotated import Source, read_annotated  # noqa: E402

RESULTS = HERE.parent / "results" / "suggestions"
SEEDS = 5
CHOSEN = ("isbi2012", "dsb2018-fluorescence")
SIDE_PX = 128
ROUNDS, FIRST, MORE = 6, 2, 2
STEPS = 300
MINUTES = 7
"""About what one seed of one data set takes on one core."""


def run(name: str, seed: int, data: Path) -> dict[str, Any]:
    """Annotate one data set twice, beginning with the same regions."""
    kind, pool, held_out = _split(DATA_SETS[name], data)
    recipe = _recipe(kind)
    parts = [
        (number, region)
        for number, image in enumerate(pool)
        for region in cut_regions(image.labels.shape, SIDE_PX)
    ]
    scores: dict[str, list[float]] = {}
    pixels: dict[str, list[int]] = {}
    for way in ("suggested", "random"):
        rng = np.random.default_rng(seed)
        labelled = [int(one) for one in rng.choice(len(parts), FIRST, replace=False)]
        scores[way], pixels[way] = [], []
        for number in range(ROUNDS):
            annotated = _annotated(pool, [parts[one] for one in labelled])
            network = _train(recipe, kind, annotated, seed)
            predictor = Predictor(network=network)
            found = validate(
                predictor, held_out, kind, recipe.prediction, ("background", "object")
            ).scores
            value = found.summary[found.headline]
            scores[way].append(1 - value if kind == "binary" else value)
            pixels[way].append(sum(int(np.prod(parts[one][1].shape)) for one in labelled))
            if number + 1 < ROUNDS:
                labelled += _next(way, rng, predictor, pool, parts, labelled)
    return {
        "command": "python benchmarks/annotation/suggestions.py",
        "commit": current_commit(),
        "machine": describe_machine(),
        "data": name,
        "seed": seed,
        "steps": STEPS,
        "score": "Rand F-score" if kind == "binary" else "AP at IoU 0.5",
        "regions": [FIRST + MORE * number for number in range(ROUNDS)],
        "pixels": pixels,
        "scores": scores,
    }


def _next(
    way: str,
    rng: np.random.Generator,
    predictor: Predictor,
    pool: Sequence[Annotated],
    parts: Sequence[tuple[int, Region]],
    labelled: Sequence[int],
) -> list[int]:
    """Choose further regions, by number."""
    left = [one for one in range(len(parts)) if one not in labelled]
    if way == "random":
        return [int(one) for one in rng.choice(left, MORE, replace=False)]
    seen = [disagreement(predictor, image.pixels) for image in pool]
    gains, described = [], []
    for one in left:
        number, region = parts[one]
        part = (region.rows, region.columns)
        doubt, probabilities = seen[number]
        gains.append(float(doubt[part].mean()))
        described.append(looks(pool[number].pixels[:, *part], probabilities[:, *part]))
    return [left[one] for one in rank(gains, described, MORE)]


def _annotated(pool: Sequence[Annotated], chosen: Sequence[tuple[int, Region]]) -> list[Annotated]:
    """Label the chosen regions, and nothing else of their images."""
    images = []
    for number in sorted({number for number, _ in chosen}):
        image = pool[number]
        ignore = np.ones(image.labels.shape, bool)
        for other, region in chosen:
            if other == number:
                ignore[region.rows, region.columns] = False
        labels = np.where(ignore, np.uint32(0), image.labels)
        images.append(Annotated(name=image.name, pixels=image.pixels, labels=labels, ignore=ignore))
    return images


def _train(recipe: Recipe, kind: Any, images: list[Annotated], seed: int) -> UNet:  # noqa: ANN401
    torch.manual_seed(seed)
    state = TrainingState(UNet(len(images[0].pixels), 2, recipe.network), recipe)
    sampler = make_sampler(recipe, kind, 2, seed, images)
    for _ in train_steps(state, sampler, recipe, Pace(RunLength(steps=STEPS), Clock())):
        pass
    return state.best_guess().eval()


def _recipe(kind: str) -> Recipe:
    recipe = read_recipe("auto")
    changes = {
        "network": {"base_channels": 8, "depth": 3},
        "training": {"tile_output": 132, "batch": 2, "average_decay": 0.98},
        "loss": {"w0": 0.0 if kind == "binary" else 5.0},
    }
    tables = {name: getattr(recipe, name).model_copy(update=keys) for name, keys in changes.items()}
    return recipe.model_copy(update=tables)


def _split(chosen: DataSet, data: Path) -> tuple[Any, list[Annotated], list[Annotated]]:
    found = read_annotated(
        Source(images=str(data / chosen.images), labels=str(data / chosen.labels))
    )
    pages = found.annotated()
    pool = [page for number, page in enumerate(pages) if number not in chosen.held_out]
    return found.demand().kind, pool, [pages[number] for number in chosen.held_out]


if __name__ == "__main__":
    run_missing(run, CHOSEN, SEEDS, RESULTS, minutes=MINUTES)
