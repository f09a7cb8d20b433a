"""Draw the picture of the README: one generated image at each stage of the main job.

Run ``make demo`` first: its model predicts the last panel. ``python docs/make_pictures.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from overtile import (
    Predictor,
    border_weight_map,
    load_model,
    normalise,
    read_image,
    read_labels,
    separate_touching,
)
from overtile.config import LossConfig
from overtile.data.deform import affine_field, bend, resample
from overtile.inference.instances import objects

HERE = Path(__file__).parent
DEMO = HERE.parent / "demo"
NAME = "cells00.tif"
_COLOURS = ["#20262c", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"]


def main() -> None:
    """Write docs/stages.png."""
    pixels = normalise(read_image(DEMO / "fresh" / "images" / NAME).pixels[0])
    labels = read_labels(DEMO / "fresh" / "labels" / NAME).pixels[0, 0]
    network, record = load_model(DEMO / "run")
    predictor = Predictor(network=network)
    predicted = objects(predictor.probabilities(pixels), record.label_kind, record.prediction)
    separated = separate_touching(labels)
    side = labels.shape[0]
    field = affine_field(labels.shape, ((side - 1) / 2, (side - 1) / 2))
    bend(field, np.random.default_rng(3).normal(scale=10, size=(2, 3, 3)))
    panels = [
        ("image", pixels[0], "gray"),
        ("labels, touching cells separated", _cycled(separated), ListedColormap(_COLOURS)),
        ("border weights, eq. (2)", border_weight_map(separated, LossConfig()), "inferno"),
        ("elastic deformation, one of many", resample(pixels, field)[0], "gray"),
        ("prediction of an image never seen", _cycled(predicted), ListedColormap(_COLOURS)),
    ]
    figure = Figure(figsize=(15, 3.25), layout="constrained")
    for axes, (title, values, colours) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        axes.imshow(values, cmap=colours, interpolation="nearest")
        axes.set_title(title, fontsize=11)
        axes.set_axis_off()
    figure.savefig(HERE / "stages.png", dpi=90, metadata={"Software": ""})


def _cycled(ids: np.ndarray) -> np.ndarray:
    """Give ids seven colours, and background the first of the map."""
    return np.where(ids > 0, 1 + (ids - 1) % (len(_COLOURS) - 1), 0)


if __name__ == "__main__":
    main()
