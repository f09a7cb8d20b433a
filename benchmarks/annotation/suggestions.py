"""Is it worth asking what to annotate next? Regions by `suggest` against regions drawn at random.

``python benchmarks/annotation/suggestions.py`` annotates real images region by region, as a person
would who either takes the regions that `overtile suggest` names or takes any, trains on from the
last model after each round, and scores images that are never chosen from. Every pair of a data set
and a seed that ends is kept in ``benchmarks/results/suggestions/``, and not run again.
OVERTILE_DATA names the folder of the data sets; ``--data NAME`` runs one of them.
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
from overtile.inference.suggest import cut_regions, looks, rank  # noqa: E402
from overtile.model.unet import UNet  # noqa: E402
from overtile.training.fingerprint import small_object_px  # noqa: E402
from overtile.training.loop import TrainingState, train_steps  # noqa: E402
from overtile.training.sampling import make_sampler  # noqa: E402
from overtile.training.schedule import Clock, Pace, RunLength  # noqa: E402
from overtile.training.validation import validate  # noqa: E402
from overtile.workflows.annotated import Source, read_annotated  # noqa: E402

RESULTS = HERE.parent / "results" / "suggestions"
SEEDS = 5
CHOSEN = ("isbi2012", "dsb2018-fluorescence")
SIDE_PX = 64
REGIONS = {"isbi2012": (4, 8, 16, 32), "dsb2018-fluorescence": (2, 4, 8, 16)}
"""How many are annotated after each round."""

STEPS = 300
MINUTES = 9
"""About what one seed of one data set takes on one core."""

_AGREEMENTS = {"Rand F-score": "rand_error", "pixel accuracy": "pixel_error"}
_PRECISIONS = {"AP at IoU 0.5": "average_precision_50", "mean AP": "mean_average_precision"}


def run(name: str, seed: int, data: Path) -> dict[str, Any]:
    """Annotate one data set twice, beginning with the same regions."""
    kind, pool, held_out = _split(DATA_SETS[name], data)
    recipe = _recipe(kind, pool)
    parts = [
        (number, region)
        for number, image in enumerate(pool)
        for region in cut_regions(image.labels.shape, SIDE_PX)
    ]
    both = [one for one, part in enumerate(parts) if _shows_both(pool, part)]
    scores: dict[str, list[dict[str, float]]] = {}
    pixels: dict[str, list[int]] = {}
    for way in ("suggested", "random"):
        rng = np.random.default_rng(seed)
        labelled: list[int] = []
        network: UNet | None = None
        scores[way], pixels[way] = [], []
        for wanted in REGIONS[name]:
            if network is None:
                labelled += [int(one) for one in rng.choice(both, wanted, replace=False)]
            else:
                more = wanted - len(labelled)
                labelled += _next(way, rng, Predictor(network=network), pool, parts, labelled, more)
            annotated = _annotated(pool, [parts[one] for one in labelled])
            network = _train(recipe, kind, annotated, seed, network)
            scores[way].append(_score(network, held_out, kind, recipe))
            pixels[way].append(sum(int(np.prod(parts[one][1].shape)) for one in labelled))
    return {
        "command": "python benchmarks/annotation/suggestions.py",
        "commit": current_commit(),
        "machine": describe_machine(),
        "data": name,
        "seed": seed,
        "steps": STEPS,
        "regions": REGIONS[name],
        "pixels": pixels,
        "scores": scores,
    }


def _shows_both(pool: Sequence[Annotated], part: tuple[int, Region]) -> bool:
    number, region = part
    inside = pool[number].labels[region.rows, region.columns] > 0
    return bool(inside.any() and not inside.all())


def _score(
    network: UNet,
    images: list[Annotated],
    kind: Any,  # noqa: ANN401
    recipe: Recipe,
) -> dict[str, float]:
    """Score pages that are never chosen from, more being better."""
    predictor = Predictor(network=network)
    names = ("background", "object")
    summary = validate(predictor, images, kind, recipe.prediction, names).scores.summary
    if kind == "binary":
        return {name: 1 - summary[error] for name, error in _AGREEMENTS.items()}
    return {name: summary[key] for name, key in _PRECISIONS.items()}


def _next(
    way: str,
    rng: np.random.Generator,
    predictor: Predictor,
    pool: Sequence[Annotated],
    parts: Sequence[tuple[int, Region]],
    labelled: Sequence[int],
    count: int,
) -> list[int]:
    """Choose further regions, by number."""
    left = [one for one in range(len(parts)) if one not in labelled]
    if way == "random":
        return [int(one) for one in rng.choice(left, count, replace=False)]
    seen = [predictor.probabilities(image.pixels) for image in pool]
    described = []
    for number, region in parts:
        part = (region.rows, region.columns)
        described.append(looks(pool[number].pixels[:, *part], seen[number][:, *part]))
    known = [described[one] for one in labelled]
    return [left[one] for one in rank([described[one] for one in left], count, known)]


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


def _train(
    recipe: Recipe,
    kind: Any,  # noqa: ANN401
    images: list[Annotated],
    seed: int,
    start: UNet | None,
) -> UNet:
    """Train a network on from `start`, or anew."""
    torch.manual_seed(seed)
    network = UNet(len(images[0].pixels), 2, recipe.network)
    if start is not None:
        network.load_state_dict(start.state_dict())
    state = TrainingState(network, recipe)
    sampler = make_sampler(recipe, kind, 2, seed, images)
    for _ in train_steps(state, sampler, recipe, Pace(RunLength(steps=STEPS), Clock())):
        pass
    return state.best_guess().eval()


def _recipe(kind: str, pool: Sequence[Annotated]) -> Recipe:
    recipe = read_recipe("auto")
    changes = {
        "network": {"base_channels": 8, "depth": 3},
        "training": {"tile_output": 132, "batch": 2, "average_decay": 0.98},
        "loss": {"w0": 0.0 if kind == "binary" else 5.0},
        "prediction": {} if kind == "binary" else {"smallest_object_px": small_object_px(pool)},
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
