"""Trains one peer on a folder of annotated images and predicts others.

Runs in the environment of peer_environment.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tifffile
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "baselines"))

from method import Method
from monai_method import monai_unet
from nnunet_method import nnunet
from padded_unet import DEFAULT_RATE, padded_unet
from pages import Split
from plain_loop import train

from overtile.config import PredictionConfig
from overtile.data.sample import Annotated
from overtile.data.targets import class_map, separate_touching
from overtile.inference.instances import foreground, objects
from overtile.training.fingerprint import small_object_px
from overtile.workflows.annotated import Source, read_annotated

PEERS: dict[str, Callable[[Sequence[Annotated], int], Method]] = {
    "nnunet": nnunet,
    "monai": lambda _, classes: monai_unet(classes),
    "milesial": lambda _, classes: padded_unet((DEFAULT_RATE,), classes),
}


def main() -> None:
    """Train, predict, and write what `overtile evaluate` reads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("folder", type=Path, help="with train/ and test/; takes results/")
    parser.add_argument("--kind", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    images = _read(given.folder / "train", given.kind)
    pages = [_as_classes(image, given.kind) for image in images]
    classes = 1 + max(int(page.labels.max()) for page in pages)
    method = PEERS[given.peer](pages, classes)
    training = train(
        method,
        Split(training=pages, watched=[]),
        rate=method.rates[0],
        minutes=given.minutes,
        seed=given.seed,
        looks=0,
    )
    # As recipe auto: what is smaller than all but the smallest annotated objects is none.
    smallest = 0 if given.kind == "classes" else small_object_px(images)
    config = PredictionConfig(smallest_object_px=smallest)
    began = time.monotonic()
    results = given.folder / "results"
    results.mkdir(exist_ok=True)
    for image in _read(given.folder / "test", given.kind):
        probabilities = method.predict(training.network, image.pixels)
        labels = objects(probabilities, given.kind, config)
        stem = Path(image.name).stem
        tifffile.imwrite(results / f"{stem}_labels.tif", labels.astype(np.uint16))
        tifffile.imwrite(results / f"{stem}_foreground.tif", foreground(probabilities))
    told = {
        "steps": len(training.losses),
        "training_seconds": training.seconds,
        "prediction_seconds": time.monotonic() - began,
        "parameters": sum(part.numel() for part in training.network.parameters()),
        "threads": torch.get_num_threads(),
        "loss": float(np.mean([loss for *_, loss in training.losses[-20:]])),
    }
    (given.folder / "training.json").write_text(json.dumps(told, indent=1) + "\n")


def _read(folder: Path, kind: str) -> list[Annotated]:
    source = Source(
        images=str(folder / "images"),
        labels=str(folder / "labels"),
        label_kind=kind,  # type: ignore[arg-type]
    )
    return read_annotated(source).annotated()


def _as_classes(image: Annotated, kind: str) -> Annotated:
    """Give the classes of the pixels: objects as foreground, kept apart by a pixel."""
    ids = separate_touching(image.labels) if kind == "instances" else image.labels
    classes = class_map(ids, kind).astype(np.uint32)  # type: ignore[arg-type]
    return Annotated(name=image.name, pixels=image.pixels, labels=classes)


if __name__ == "__main__":
    main()
