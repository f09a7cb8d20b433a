"""What faster arithmetic changes in the results of a trained network, on images it never saw.

``python benchmarks/speed/agreement.py`` takes about a minute, after ``make demo``, whose model and
fresh images it uses.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from row import write_rows

from overtile.arrays import Labels
from overtile.data.normalise import normalise
from overtile.evaluation import match_objects
from overtile.inference.agreement import agreement
from overtile.inference.choose import choose_arithmetic, sample
from overtile.inference.instances import objects
from overtile.inference.predict import Predictor
from overtile.io import find_images, read_image, read_labels
from overtile.model.file import load_model, model_path

COMMAND = "python benchmarks/speed/agreement.py"
DEMO = Path(__file__).parents[2] / "demo"


def compare() -> list[dict[str, object]]:
    """Predict all fresh images of the demonstration in each arithmetic."""
    network, record = load_model(model_path(DEMO / "run"))
    paths = find_images(str(DEMO / "fresh" / "images"))
    images = [normalise(read_image(path).pixels[0]) for path in paths]
    truth = [read_labels(path).pixels[0, 0] for path in find_images(str(DEMO / "fresh" / "labels"))]
    ranges = choose_arithmetic(network, sample(images[0]), integers=True).ranges
    assert ranges, "the gate of 8-bit integers refused this model: train it for longer"
    predictors = {
        "fp32": Predictor(network=network),
        "bf16": Predictor(network=network, precision="bf16"),
        "int8": Predictor(network=network, precision="int8", ranges=ranges),
    }
    predicted = {
        precision: np.concatenate([predictor.probabilities(image) for image in images], axis=1)
        for precision, predictor in predictors.items()
    }
    found = []
    for precision, probabilities in predicted.items():
        pages = np.split(probabilities, len(images), axis=1)
        labels = [objects(page, record.label_kind, record.prediction) for page in pages]
        apart = agreement(predicted["fp32"], probabilities)
        found.append(
            {
                "arithmetic": precision,
                "changed_classes": apart.flipped,
                "largest_difference": round(apart.difference, 4),
                "average_precision_50": _average_precision(truth, labels),
            }
        )
    return found


def _average_precision(truth: list[Labels], labels: list[Labels]) -> float:
    scores = [match_objects(*pair).average_precision for pair in zip(truth, labels, strict=True)]
    return round(float(np.mean(scores)), 4)


if __name__ == "__main__":
    arithmetics = compare()
    write_rows("agreement", COMMAND, [], arithmetics=arithmetics)
    for row in arithmetics:
        print(row)
