"""Predict one array in memory with a trained model: no files but the model's.

Run ``python examples/predict_one_array.py RUN``, where RUN is a run folder or a model file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from overtile import Predictor, load_model
from overtile.data.normalise import normalise
from overtile.data.synthetic import generate
from overtile.inference.instances import foreground, objects

network, record = load_model(Path(sys.argv[1]))
predictor = Predictor(network=network, precision=record.precision)

# Any (C, Y, X) array of grey values: 8-bit, 16-bit or float, of any size.
pixels, _ = generate("cells", (100, 150), np.random.default_rng(2))
image = pixels[np.newaxis]

# Normalise the whole image once, never its tiles, or neighbouring tiles would disagree.
probabilities = predictor.probabilities(normalise(image))  # (K, Y, X), sums to 1 over K
cell = foreground(probabilities)  # (Y, X), in [0, 1]
labels = objects(probabilities, record.label_kind, record.prediction)  # (Y, X) uint32

print(f"classes: {', '.join(record.class_names)}")
print(f"mean probability of being inside an object: {cell.mean():.2f}")
print(f"objects: {labels.max()}")
