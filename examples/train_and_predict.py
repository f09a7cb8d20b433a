"""Train on a folder of annotated images, predict new ones and score them.

Run ``python examples/train_and_predict.py FOLDER``; the folder must not exist.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tifffile

import overtile
from overtile.data.synthetic import generate
from overtile.workflows.annotated import Source
from overtile.workflows.evaluate import EvaluateRequest
from overtile.workflows.results import PredictRequest
from overtile.workflows.train_request import TrainRequest

folder = Path(sys.argv[1])
recipe = Path(__file__).with_name("tiny.toml")

# Images with known truth, in the layout that `overtile check` and `overtile train` expect.
rng = np.random.default_rng(1)
for place, count in (("annotated", 4), ("new", 2)):
    for kind in ("images", "labels"):
        (folder / place / kind).mkdir(parents=True)
    for number in range(count):
        pixels, labels = generate("cells", (128, 128), rng)
        tifffile.imwrite(folder / place / "images" / f"cell{number}.tif", pixels)
        tifffile.imwrite(folder / place / "labels" / f"cell{number}.tif", labels.astype(np.uint16))

source = Source(
    images=str(folder / "annotated" / "images"), labels=str(folder / "annotated" / "labels")
)
for name, fact in overtile.check(source).facts:
    print(f"{name}: {fact}")

run = folder / "run"
trained = overtile.train(TrainRequest(source=source, out=run, recipe=str(recipe), device="cpu"))
print(f"{trained.steps} steps, the best model is {trained.model}")

results = folder / "results"
new = str(folder / "new" / "images")
predicted = overtile.predict(PredictRequest(model=run, inputs=[new], out=results, device="cpu"))
print(f"objects found: {predicted.objects}")

truth = str(folder / "new" / "labels")
scores = overtile.evaluate(EvaluateRequest(predicted=str(results), truth=truth, task="instances"))
print(f"{scores.headline}: {scores.summary[scores.headline]:.3f}")
